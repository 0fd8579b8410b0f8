/**
 * Asks one host for the facts of one source: the script or program goes through the runner, the answer through the readers of
 * sources/. It keeps nothing and concludes nothing about the host.
 */
import { randomBytes } from 'node:crypto';
import type { HostDefinition } from '../core/definitions.ts';
import type { Runner, RunOutcome, RunRequest } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { FactSource } from '../core/sources.ts';
import { factsBytesLimit, readFacts } from '../sources/facts-json.ts';
import { builtinFactsScript } from '../sources/facts-script.ts';
import { builtinBytesLimit, type FactsTold, readBuiltinFacts } from '../sources/facts-told.ts';
import { targetOf } from './check-run.ts';

/** A facts file's entry, or what is built in. */
export interface AskedSource extends Pick<FactSource, 'name' | 'everyMs' | 'timeoutMs'> {
  /** `digestOf` it. */
  digest: string;
  own?: FactSource;
}

/** `not_asked`: nothing left this machine, which says nothing about the source. */
export type AskedFacts = FactsTold | { ok: 'not_asked'; reason: string };

/** Characters. */
const complaintLength = 300;

/** Never rejects for what a host does. */
export async function askFacts(
  runner: Pick<Runner, 'run'>,
  host: HostDefinition,
  source: AskedSource,
  signal: AbortSignal,
): Promise<AskedFacts> {
  const { own, timeoutMs } = source;
  const common = { timeoutMs, purpose: 'check', signal } as const;
  if (own !== undefined)
    return toldBy(await runner.run({ ...common, ...programOf(own, host) }), timeoutMs, readFacts);
  const nonce = randomBytes(8).toString('hex');
  const request = {
    target: targetOf(host),
    script: builtinFactsScript(nonce),
    outputBytes: builtinBytesLimit,
  };
  const outcome = await runner.run({ ...common, ...request });
  return toldBy(outcome, timeoutMs, (stdout) => readBuiltinFacts(stdout, nonce));
}

function programOf(
  { plugin, args, runOn, sudo }: FactSource,
  host: HostDefinition,
): Pick<RunRequest, 'target' | 'script' | 'plugin' | 'sudo' | 'env' | 'outputBytes'> {
  const isLocal = runOn === 'local';
  return {
    target: targetOf(isLocal ? undefined : host),
    script: ['exec "$MENDD_PLUGIN"', ...args.map(quoteShell)].join(' '),
    plugin,
    // One byte more tells that it is too long.
    outputBytes: factsBytesLimit + 1,
    ...(isLocal ? { env: { MENDD_HOST: host.name, MENDD_ADDRESS: host.address } } : {}),
    ...(sudo === undefined ? {} : { sudo }),
  };
}

function toldBy(outcome: RunOutcome, timeoutMs: number, read: (stdout: string) => FactsTold): AskedFacts {
  switch (outcome.kind) {
    case 'exited':
      if (outcome.exitCode !== 0) {
        const problem = `it ended with exit code ${outcome.exitCode}${lastLine(outcome.stderr)}`;
        return { ok: false, problem };
      }
      return read(outcome.stdout);
    case 'killed':
      return { ok: false, problem: `it was ended by ${outcome.signal}${lastLine(outcome.stderr)}` };
    case 'timed_out':
      return { ok: false, problem: `it did not end within ${timeoutMs / 1_000} s` };
    case 'unreachable':
      return { ok: false, problem: `the host cannot be asked: ${outcome.failure.message}` };
    case 'not_sent':
      return { ok: 'not_asked', reason: outcome.reason };
  }
}

function lastLine(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replaceAll(/\p{Cc}+/gu, ' ').trim());
  const line = lines.findLast((each) => each !== '');
  return line === undefined ? '' : `: ${line.slice(0, complaintLength)}`;
}
