/**
 * Explains a moment that is gone from what was stored about it: the newest decision of each ladder by then, and whether there was
 * a problem at all. It decides nothing anew.
 */
import type { StoredDecision } from '../core/decisions.ts';
import { hostCheck } from '../core/definitions.ts';
import type { Transition } from '../core/types.ts';
import type { Explanation, History } from '../core/views.ts';

/** Of a host's transitions, looked through for its own. */
const lookedThrough = 500;

/** Rungs are not stored with a decision, so they stay empty. */
export function explainPast(
  history: History,
  decisions: readonly StoredDecision[],
  atMs: number,
): Explanation[] {
  const newest = new Map<string, StoredDecision>();
  for (const decision of decisions) {
    const before = newest.get(decision.ladder);
    if (before === undefined || takenBy(decision, atMs) > takenBy(before, atMs))
      newest.set(decision.ladder, decision);
  }
  const states = new Map<string, Transition | undefined>();
  return [...newest.values()].map((decision) => {
    const { host, check } = decision;
    const key = `${host} ${check}`;
    if (!states.has(key)) states.set(key, stateThen(history, host, check, atMs));
    return explanationOf(decision, states.get(key), atMs);
  });
}

/** A folded decision was taken again and again: the last time that counts. */
function takenBy({ lastAtMs }: StoredDecision, atMs: number): number {
  return Math.min(lastAtMs, atMs);
}

function stateThen(history: History, host: string, check: string, atMs: number): Transition | undefined {
  if (check !== hostCheck) return history.transitions({ host, check, untilMs: atMs, limit: 1 }).items[0];
  const { items } = history.transitions({ host, untilMs: atMs, limit: lookedThrough });
  return items.find((each) => each.check === undefined);
}

function explanationOf(decision: StoredDecision, then: Transition | undefined, atMs: number): Explanation {
  const { host, ladder, action, check, verdict, reason, gates } = decision;
  const place = { host, ladder, action, check, rungs: [] };
  // Repeats are folded across a recovery between them, and without a problem nothing is decided.
  const isQuiet = then !== undefined && ['ok', 'up'].includes(then.to) && then.atMs > decision.atMs;
  if (isQuiet) return { ...place, atMs, verdict: 'nothing', reason: 'no_problem', gates: [] };
  const opens = gates.filter((gate) => !gate.passed).map(({ opensAtMs }) => opensAtMs);
  const known = opens.filter((each) => each !== undefined);
  return {
    ...place,
    atMs: takenBy(decision, atMs),
    verdict,
    reason,
    gates,
    ...(opens.length > 0 && known.length === opens.length ? { earliestMs: Math.max(...known) } : {}),
  };
}
