/** Asks DNS for SRV records, whose targets are hosts. Their ports and priorities are those of the service, not of SSH. */
import { Resolver } from 'node:dns/promises';
import type { FoundHost } from '../core/sources.ts';

export interface SrvRequest {
  record: string;
  timeoutMs: number;
  signal?: AbortSignal;
  /** `address:port` of servers to ask in place of the system's. */
  servers?: readonly string[];
}

export type SrvAnswer = { ok: true; hosts: readonly FoundHost[] } | { ok: false; problem: string };

const causes: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  ENODATA: 'the name has no SRV records',
  ESERVFAIL: 'the name server failed',
  EREFUSED: 'the name server refused',
  ECONNREFUSED: 'no name server answers',
  ETIMEOUT: 'no name server answers in time',
  ECANCELLED: 'no name server answers in time',
  EBADRESP: 'the name server answers nonsense',
};

/** Never rejects for what a name server does. */
export async function askSrv({ record, timeoutMs, signal, servers }: SrvRequest): Promise<SrvAnswer> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  if (servers !== undefined) resolver.setServers(servers);
  const stop = (): void => resolver.cancel();
  const limit = AbortSignal.timeout(timeoutMs);
  for (const each of [limit, signal]) each?.addEventListener('abort', stop, { once: true });
  try {
    const records = await resolver.resolveSrv(record.replace(/\.$/, ''));
    // RFC 2782: a single `.` says that the service is decidedly not there.
    const targets = records.map(({ name }) => name.replace(/\.$/, '')).filter((name) => name !== '');
    const hosts = [...new Set(targets)].map((name) => ({ name, labels: {}, vars: {} }));
    return { ok: true, hosts };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    return { ok: false, problem: causes[code] ?? code };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
