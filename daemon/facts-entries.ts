/** What is known of one source on one host, which sources there are, and how one is told to people. It asks nobody. */
import type { Definitions, HostDefinition } from '../core/definitions.ts';
import type { SourceFacts } from '../core/facts-port.ts';
import type { AskedSource } from './facts-ask.ts';
import { digestOf, factsKey, type KeptFacts } from './facts-kept.ts';

export interface Entry {
  host: HostDefinition;
  source: AskedSource;
  askedBy: string;
  heard?: KeptFacts;
  problem?: string;
  warnings: readonly string[];
  /** In a row. */
  failures: number;
  isAsked: boolean;
  /** Monotonic. */
  askedAtMs: number;
  writtenAtMs: number;
}

/** Every source of every host, by `factsKey`. */
export function* wantedBy({
  hosts,
  daemon,
  facts,
}: Definitions): Generator<readonly [key: string, { host: HostDefinition; source: AskedSource }]> {
  const { enabled, ...times } = daemon.facts;
  const builtin: AskedSource = { name: 'builtin', ...times, digest: digestOf(undefined) };
  for (const host of enabled ? hosts.values() : [])
    yield [factsKey(host.name, builtin.name), { host, source: builtin }];
  for (const own of facts) {
    const { everyMs, timeoutMs } = own;
    const source: AskedSource = { name: own.name, everyMs, timeoutMs, digest: digestOf(own), own };
    for (const name of own.hosts) {
      const host = hosts.get(name);
      if (host !== undefined) yield [factsKey(name, own.name), { host, source }];
    }
  }
}

export function newEntry(host: HostDefinition, source: AskedSource, heard: KeptFacts | undefined): Entry {
  const unasked = { askedBy: '', warnings: [], failures: 0, isAsked: false };
  const times = { askedAtMs: Number.NEGATIVE_INFINITY, writtenAtMs: Number.NEGATIVE_INFINITY };
  return { host, source, ...unasked, ...times, ...(heard === undefined ? {} : { heard }) };
}

export function viewOf({ source, heard, problem, warnings }: Entry, nowMs: number): SourceFacts {
  return {
    name: source.name,
    values: heard?.values ?? {},
    ...(heard === undefined
      ? {}
      : { heardAtMs: heard.heardAtMs, ageMs: Math.max(0, nowMs - heard.heardAtMs) }),
    everyMs: source.everyMs,
    ...(problem === undefined ? {} : { problem }),
    warnings,
  };
}
