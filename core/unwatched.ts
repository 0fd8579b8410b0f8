/**
 * Tells the problems that no action watches. What people are told of goes by ladders, so such a problem is told as if it were that
 * of a ladder without rungs, whose id no action can have. Pure.
 */
import { type HostPlan, hostCheck, type LadderDefinition } from './definitions.ts';
import type { CheckState } from './types.ts';

const mark = 'check:';

/** Whether a ladder is no action's. */
export function isUnwatched(ladder: string): boolean {
  return ladder.startsWith(mark);
}

/** What stands for the ladder that a check has not got; undefined when the host has no such check. */
export function unwatchedLadder({ checks }: HostPlan, check: string): LadderDefinition | undefined {
  const runbook = check === hostCheck ? hostCheck : checks.find(({ id }) => id === check)?.runbook;
  if (runbook === undefined) return undefined;
  const trigger = { check, on: 'problem', states: problemStates, attempts: 1, forMs: 0 } as const;
  return { id: `${mark}${check}`, runbook, trigger, rungs: [] };
}

const problemStates = ['warning', 'critical', 'unknown'] as const;

/** Whether an action waits for this state of the check and tells of it in the end; one that only observes tells nobody. */
export function isWatched(plan: HostPlan, check: string, state: CheckState | 'pending'): boolean {
  return watching(plan, check, state).length > 0;
}

export function watching(
  { ladders }: HostPlan,
  check: string,
  state: CheckState | 'pending',
): LadderDefinition[] {
  return ladders.filter(
    ({ trigger, rungs }) =>
      trigger.on === 'problem' &&
      trigger.check === check &&
      trigger.states.some((each) => each === state) &&
      rungs.find(({ enabled }) => enabled)?.mode !== 'observe',
  );
}
