/**
 * Judges whether an action helped: the check that triggered it must turn OK in time and stay OK. Only results that
 * began after the action ended are evidence. Never acts.
 */
import type { CheckResult, RunStatus, RunSummary } from './types.ts';

export interface VerifyRule {
  withinMs: number;
  staysOkMs: number;
}

export type Judgement =
  | { kind: 'waiting'; okSinceMs?: number }
  | {
      kind: 'ended';
      status: Extract<RunStatus, 'verified' | 'not_verified' | 'inconclusive'>;
      outcome: string;
    };

/**
 * True when a result that began at that wall time began after the action. The deadline tells when that was; were the window
 * lengthened meanwhile, it would tell a time before the action, and then the moment of sending counts.
 */
export function isEvidence(run: RunSummary, rule: VerifyRule, startedAtMs: number): boolean {
  return startedAtMs >= Math.max((run.verifyByMs ?? 0) - rule.withinMs, run.dispatchedAtMs ?? 0);
}

/** Judges by a fresh result of the trigger check. */
export function judgeResult(
  run: RunSummary,
  rule: VerifyRule,
  result: CheckResult,
  nowMs: number,
): Judgement {
  if (!isEvidence(run, rule, result.startedAtMs)) return judgeTime(run, rule, false, nowMs);
  if (result.state === 'ok') {
    const okSinceMs = run.verifyOkSinceMs ?? result.startedAtMs;
    if (result.startedAtMs - okSinceMs < rule.staysOkMs) return { kind: 'waiting', okSinceMs };
    return { kind: 'ended', status: 'verified', outcome: 'the check is OK again and stayed OK' };
  }
  if (run.verifyOkSinceMs !== undefined) {
    const outcome = `the check was OK and turned ${result.state} again: ${result.text}`;
    return { kind: 'ended', status: 'not_verified', outcome };
  }
  return judgeTime(run, rule, true, nowMs);
}

/**
 * Judges by time alone. `asked`: at least one result came after the action; without one there is no evidence either
 * way and the run is inconclusive.
 */
export function judgeTime(run: RunSummary, rule: VerifyRule, asked: boolean, nowMs: number): Judgement {
  const byMs = run.verifyByMs ?? 0;
  if (run.verifyOkSinceMs !== undefined) {
    const lastCallMs = run.verifyOkSinceMs + rule.staysOkMs + rule.withinMs;
    if (nowMs < lastCallMs) return { kind: 'waiting', okSinceMs: run.verifyOkSinceMs };
    return {
      kind: 'ended',
      status: 'inconclusive',
      outcome: 'no result came to show that the check stayed OK',
    };
  }
  if (nowMs < byMs) return { kind: 'waiting' };
  if (!asked) {
    return {
      kind: 'ended',
      status: 'inconclusive',
      outcome: 'no result of the check came in time to judge by',
    };
  }
  return { kind: 'ended', status: 'not_verified', outcome: 'the check did not turn OK in time' };
}
