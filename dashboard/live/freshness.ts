/**
 * Judges whether what the page shows is still true. Pure: the clocks are handed in. It must never call old data live, so of two
 * clocks it believes the one that says older.
 */

/** The two clocks of a browser: one may be set, the other may stand still while the machine sleeps. Milliseconds. */
export interface Moment {
  monoMs: number;
  wallMs: number;
}

export type Freshness =
  | { kind: 'loading' }
  | { kind: 'live'; ageMs: number }
  | { kind: 'stale'; ageMs: number; why: 'no_answer' | 'clock_jumped' | 'not_ready' };

export const freshLimits = {
  /** How often the daemon is asked. */
  askMs: 4_000,
  /** Older than this is stale; with the second between two looks it is said within 15 s. */
  staleMs: 12_000,
  /** Between the two clocks. */
  jumpMs: 5_000,
} as const;

export function ageMs(since: Moment, now: Moment): number {
  return Math.max(0, now.monoMs - since.monoMs, now.wallMs - since.wallMs);
}

/** `answered`: when the daemon last gave an answer; `ready`: what it said of itself. */
export function freshnessOf(answered: Moment | undefined, ready: boolean, now: Moment): Freshness {
  if (answered === undefined) return { kind: 'loading' };
  const age = ageMs(answered, now);
  const drift = Math.abs(now.wallMs - answered.wallMs - (now.monoMs - answered.monoMs));
  if (drift > freshLimits.jumpMs) return { kind: 'stale', ageMs: age, why: 'clock_jumped' };
  if (age > freshLimits.staleMs) return { kind: 'stale', ageMs: age, why: 'no_answer' };
  return ready ? { kind: 'live', ageMs: age } : { kind: 'stale', ageMs: age, why: 'not_ready' };
}
