/**
 * Carries verification through the reducer: which runs of a host are being verified, and what a result or the time says of them.
 * core/verification.ts judges; this file applies.
 */
import { type ActionDefinition, type HostPlan, hostCheck, type LadderDefinition } from './definitions.ts';
import type { HostEngineState, Reduction } from './reduction.ts';
import { actionOf, putRun } from './runs.ts';
import { troubleOf } from './trouble.ts';
import type { CheckResult, RunSummary } from './types.ts';
import { isEvidence, type Judgement, judgeResult, judgeTime } from './verification.ts';

export function verifyByResult(
  reduction: Reduction,
  check: string,
  result: CheckResult,
  plan: HostPlan,
  nowMs: number,
): void {
  if (reduction.state.runs.length === 0 || isBlind(check, plan)) return;
  for (const { run, ladder, action } of verifying(reduction.state, plan)) {
    if (ladder.trigger.check !== check) continue;
    settle(reduction, run, judgeResult(run, action.verify, result, nowMs), check, nowMs);
  }
}

export function verifyByTime(reduction: Reduction, plan: HostPlan, nowMs: number): Reduction {
  if (reduction.state.runs.length === 0) return reduction;
  for (const run of reduction.state.runs) {
    if (run.status !== 'verifying' || actionOf(run, plan) !== undefined) continue;
    const outcome = 'its definition is gone: there is nothing left to verify by';
    settle(reduction, run, { kind: 'ended', status: 'inconclusive', outcome }, undefined, nowMs);
  }
  for (const { run, ladder, action } of verifying(reduction.state, plan)) {
    const { host } = reduction.state;
    const { check } = ladder.trigger;
    const startedMs = troubleOf(reduction.state, check)?.lastResult?.startedAtMs ?? 0;
    // What went away and was not asked since may have healed unseen.
    const isSeen = check === hostCheck || host.state !== 'unreachable' || startedMs >= host.sinceMs;
    const asked = isSeen && !isBlind(check, plan) && isEvidence(run, action.verify, startedMs);
    const judgement = judgeTime(run, action.verify, asked, nowMs);
    if (judgement.kind === 'ended') settle(reduction, run, judgement, ladder.trigger.check, nowMs);
  }
  return reduction;
}

/** That it is UNKNOWN says nothing of the machine, and no repair failed by it. */
function isBlind(check: string, plan: HostPlan): boolean {
  return plan.checks.some(({ id, blocked }) => id === check && blocked !== undefined);
}

function verifying(
  state: HostEngineState,
  plan: HostPlan,
): { run: RunSummary; ladder: LadderDefinition; action: ActionDefinition }[] {
  return state.runs
    .filter((run) => run.status === 'verifying')
    .flatMap((run) => {
      const found = actionOf(run, plan);
      return found === undefined ? [] : [{ run, ...found }];
    });
}

function settle(
  reduction: Reduction,
  run: RunSummary,
  judgement: Judgement,
  check: string | undefined,
  nowMs: number,
): void {
  const settled: RunSummary =
    judgement.kind === 'ended'
      ? { ...run, status: judgement.status, endedAtMs: nowMs }
      : judgement.okSinceMs === undefined
        ? run
        : { ...run, verifyOkSinceMs: judgement.okSinceMs };
  reduction.state = { ...reduction.state, runs: putRun(reduction.state.runs, settled) };
  reduction.effects.push({ kind: 'verify', runId: run.id, judgement });
  if (check !== undefined) reduction.effects.push({ kind: 'check_soon', check });
}
