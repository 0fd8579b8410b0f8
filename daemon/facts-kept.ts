/** Owns the form in which facts are kept in the store over the daemon's end. */
import { createHash } from 'node:crypto';
import type { HostDefinition } from '../core/definitions.ts';
import type { Store } from '../core/ports.ts';
import type { FactSource, FactsHeard } from '../core/sources.ts';
import { builtinFactsScript } from '../sources/facts-script.ts';

export interface KeptFacts extends FactsHeard {
  /** Of what asked for them, and where: facts of another program or machine are asked for anew. */
  askedBy: string;
}

interface Body {
  values: FactsHeard['values'];
  askedBy: string;
}

export function factsKey(host: string, source: string): string {
  return `${host}\n${source}`;
}

/** By `factsKey`. Errors: MenddError when the store cannot be read. */
export function loadKeptFacts(store: Pick<Store, 'loadHeard'>): Map<string, KeptFacts> {
  return new Map(
    store.loadHeard('facts').map(({ name, atMs, body }) => [name, { ...(body as Body), heardAtMs: atMs }]),
  );
}

export function keepFacts(
  store: Pick<Store, 'putHeard'>,
  key: string,
  { values, askedBy, heardAtMs }: KeptFacts,
): void {
  const body: Body = { values, askedBy };
  store.putHeard({ kind: 'facts', name: key, atMs: heardAtMs, body });
}

/** What another answer may come of, but for the host. */
export function digestOf(own: FactSource | undefined): string {
  const what =
    own === undefined ? builtinFactsScript('') : [own.plugin.sha256, own.args, own.runOn, own.sudo];
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 12);
}

/** All that another answer may come of. */
export function askedByOf({ transport, address, port }: HostDefinition, digest: string): string {
  return `${digest} ${transport} ${address} ${port}`;
}

/** As definitions are resolved with them: by host, then by source. */
export function factsByHost(
  entries: Iterable<readonly [key: string, heard: FactsHeard | undefined]>,
): Map<string, Map<string, FactsHeard>> {
  const hosts = new Map<string, Map<string, FactsHeard>>();
  for (const [key, heard] of entries) {
    if (heard === undefined) continue;
    const [host = '', source = ''] = key.split('\n');
    const sources = hosts.get(host) ?? new Map<string, FactsHeard>();
    sources.set(source, heard);
    hosts.set(host, sources);
  }
  return hosts;
}
