/** Gathers what decisions about one ladder of one host look at, alike for deciding, explaining and people's commands. Judges nothing. */
import type { CheckDefinition, HostPlan, LadderDefinition } from './definitions.ts';
import type { FleetView, LadderContext } from './fleet-view.ts';
import type { HostEngineState } from './reduction.ts';
import { troubleOf } from './trouble.ts';

/** Wall times. */
interface Fresh {
  sinceMs: number;
  nowMs: number;
}

/** Undefined when the check that triggers the ladder has no state. */
export function contextOf(
  state: HostEngineState,
  plan: HostPlan,
  ladder: LadderDefinition,
  fleet: FleetView,
  nowMs: number,
): LadderContext | undefined {
  const check = troubleOf(state, ladder.trigger.check);
  if (check === undefined) return undefined;
  // A cause that failed at the same time may be asked later; once one is known, the others do not matter.
  const sinceMs = check.suppressedBy === undefined ? (check.problemSinceMs ?? 0) : 0;
  const unasked = unaskedCause(ladder.trigger.check, state, plan, {
    sinceMs: Math.max(fleet.freshSinceMs, sinceMs),
    nowMs,
  });
  return {
    host: plan.host.name,
    plan,
    ladder,
    check,
    hostStatus: state.host,
    hostRuns: state.runs,
    approvals: state.approvals,
    facts: state.facts,
    fleet,
    nowMs,
    ...(unasked === undefined ? {} : { unasked }),
  };
}

/**
 * The first check on the way of `depends_on` of which nothing fresh is known: it may be the cause. Calendar checks are not
 * waited for, since they may be asked once a week.
 */
function unaskedCause(id: string, state: HostEngineState, plan: HostPlan, fresh: Fresh): string | undefined {
  const causes = plan.checks.find((check) => check.id === id)?.dependsOn ?? [];
  const unasked = causes
    .flatMap((each) => plan.checks.find((check) => check.id === each) ?? [])
    .find((check) => check.timing.kind === 'interval' && !isFresh(check, state, fresh));
  if (unasked !== undefined) return unasked.id;
  return causes.map((each) => unaskedCause(each, state, plan, fresh)).find((found) => found !== undefined);
}

/** What lies in the future is from before the clock was set back. */
function isFresh({ id }: CheckDefinition, state: HostEngineState, { sinceMs, nowMs }: Fresh): boolean {
  const startedMs = state.checks[id]?.lastResult?.startedAtMs ?? 0;
  return startedMs >= sinceMs && startedMs <= nowMs;
}
