/**
 * What one target is told of problems that belong together, from the first message to the recovery, as the ledger keeps it.
 * Plain data and how it is read; core/telling.ts decides.
 */
import type { Severity } from './daemon-config.ts';

/** One problem of one ladder. */
export interface Member {
  host: string;
  ladder: string;
  runbook: string;
  check: string;
  episode: string;
  /** The newest reason to tell of it, e.g. a run's id. */
  cause: string;
  /** Of its check, as long as it lasts. */
  severity: Severity;
  /** Wall times. */
  sinceMs: number;
  askedMs: number;
  /** When a message that tells of it was queued. */
  toldMs?: number;
  toldSeverity?: Severity;
  /** Something happened that was not told yet. */
  news?: true;
  overMs?: number;
  /** `gone`: its host, check or action is no longer in the definitions. */
  over?: 'recovered' | 'gone';
  overTold?: true;
}

/** Why nothing was said although there is something to tell. */
export type Hold = 'suppressed' | 'behind' | 'grouping' | 'quiet' | 'interval';

export interface Conversation {
  id: string;
  target: string;
  /** Name of the route; it may be gone from the definitions. */
  route: string;
  /** What its members share; those with the same key join while it is open. */
  key: string;
  /** The values of `group.by`. */
  shared: Readonly<Record<string, string>>;
  /** Wall times. */
  openedMs: number;
  /** Of the newest message. */
  sentMs?: number;
  /** Key of the first message. */
  first?: string;
  messages: number;
  repeats: number;
  /** The worst that was told. */
  severity?: Severity;
  hold?: Hold;
  members: readonly Member[];
  endedMs?: number;
}

/** `host/check`; the host's own trouble is `host/host`. */
export function placeOf({ host, check }: Pick<Member, 'host' | 'check'>): string {
  return `${host}/${check}`;
}

const order: readonly Severity[] = ['info', 'warning', 'error', 'critical'];

export function isWorse(one: Severity, other: Severity): boolean {
  return order.indexOf(one) > order.indexOf(other);
}

export function worst(severities: readonly Severity[]): Severity {
  return severities.reduce((a, b) => (isWorse(b, a) ? b : a), 'info');
}
