/**
 * What is kept of one inventory, and what an answer makes of it: hosts that are no longer told stay until they expire, and
 * an answer that lacks too many changes nothing. Pure: it asks nobody and reads no clock.
 */
import { createHash } from 'node:crypto';
import type { HeldAnswer } from '../core/outside-port.ts';
import type { FoundHost, InventorySource } from '../core/sources.ts';

export interface InventoryMemory {
  /** All that are in force, in order of their names. */
  hosts: readonly FoundHost[];
  /** Since when which of them are no longer told. Wall time. */
  gone: Readonly<Record<string, number>>;
  heardAtMs: number;
}

export interface Answered {
  memory: InventoryMemory;
  held?: HeldAnswer;
}

type Limits = Pick<InventorySource, 'vanishPercent' | 'expireMs'>;

/**
 * The bound counts hosts that vanished in this answer together with those that are gone and have not expired, so that it
 * cannot be passed in small steps. `isAccepted`: a person let them go, and they go at once.
 */
export function hear(
  before: InventoryMemory | undefined,
  told: readonly FoundHost[],
  limits: Limits,
  nowMs: number,
  isAccepted = false,
): Answered {
  if (before === undefined) return { memory: { hosts: told, gone: {}, heardAtMs: nowMs } };
  const names = new Set(told.map(({ name }) => name));
  const absent = before.hosts.filter(({ name }) => !names.has(name));
  const vanished = absent.filter(({ name }) => !Object.hasOwn(before.gone, name));
  const allowed = Math.max(1, Math.floor((before.hosts.length * limits.vanishPercent) / 100));
  if (!isAccepted && vanished.length > 0 && absent.length > allowed) {
    const lacks = absent.map(({ name }) => name);
    const held = { tag: tagOf(lacks), sinceMs: nowMs, vanished: lacks, of: before.hosts.length };
    return { memory: { ...before, heardAtMs: nowMs }, held };
  }
  const gone: Record<string, number> = {};
  const kept = isAccepted
    ? []
    : absent.filter(({ name }) => {
        const sinceMs = Object.hasOwn(before.gone, name) ? (before.gone[name] ?? nowMs) : nowMs;
        // A clock that was set back must not keep a host for ever.
        const isKept = nowMs - sinceMs < limits.expireMs && limits.expireMs > 0;
        if (isKept) gone[name] = Math.min(sinceMs, nowMs);
        return isKept;
      });
  const hosts = [...told, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { memory: { hosts, gone, heardAtMs: nowMs } };
}

function tagOf(names: readonly string[]): string {
  return createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 12);
}
