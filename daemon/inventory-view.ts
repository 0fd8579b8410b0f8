/** What is known of one inventory, and how it is told: to people, to the log. It changes nothing. */
import type { InventoryView } from '../core/outside-port.ts';
import type { FoundHost, InventorySource } from '../core/sources.ts';
import type { HttpMemory } from '../sources/inventory-http.ts';
import type { InventoryMemory } from './inventory-memory.ts';

export interface Entry {
  source: InventorySource;
  directory: string;
  memory?: InventoryMemory;
  problem?: string;
  warnings: readonly string[];
  /** What a held answer told, so that a person can let it be. */
  waiting?: { held: NonNullable<InventoryView['held']>; told: readonly FoundHost[] };
  http?: HttpMemory;
  /** Monotonic. */
  dueAtMs: number;
  isAsked: boolean;
  writtenAtMs: number;
}

/** Of hosts, in an event. */
const shownNames = 10;

export function viewOf({ source, memory, problem, warnings, waiting }: Entry): InventoryView {
  const gone = Object.entries(memory?.gone ?? {});
  return {
    name: source.name,
    kind: source.from.kind,
    hosts: memory?.hosts.map(({ name }) => name) ?? [],
    gone: gone.map(([host, sinceMs]) => ({ host, sinceMs, expiresAtMs: sinceMs + source.expireMs })),
    ...(memory === undefined ? {} : { heardAtMs: memory.heardAtMs }),
    ...(problem === undefined ? {} : { problem }),
    warnings,
    ...(waiting === undefined ? {} : { held: waiting.held }),
    everyMs: source.everyMs,
  };
}

export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** In numbers, and the first names, for the log. */
export function difference(
  before: readonly FoundHost[],
  after: readonly FoundHost[],
): Record<string, unknown> {
  const [old, now] = [before, after].map((hosts) => new Set(hosts.map(({ name }) => name)));
  const gained = after.filter(({ name }) => old?.has(name) === false).map(({ name }) => name);
  const lost = before.filter(({ name }) => now?.has(name) === false).map(({ name }) => name);
  const names = {
    ...(gained.length > 0 && { gained: gained.slice(0, shownNames) }),
    ...(lost.length > 0 && { lost: lost.slice(0, shownNames) }),
  };
  return { hosts: after.length, gainedCount: gained.length, lostCount: lost.length, ...names };
}

/** As a shell takes it. */
export function quoted(name: string): string {
  return /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
