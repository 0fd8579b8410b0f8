/** Times in a host's state: when it was asked, and none of them in the future, nor fresh, after a clock was set back. Pure. */
import type { EngineEvent, HostEngineState } from '../core/reduction.ts';
import { notAfter } from '../core/runs.ts';
import type { CheckStatus, HostStatus } from '../core/types.ts';

/** When asking the host began, however it ended; undefined when it was not asked. */
export function askedAtMs(event: EngineEvent): number | undefined {
  if (event.kind === 'result') return event.result.startedAtMs;
  return event.kind === 'unreachable' ? event.startedAtMs : undefined;
}

function checkNotAfter(status: CheckStatus, nowMs: number): CheckStatus {
  const { problemSinceMs, lastResult } = status;
  return {
    ...status,
    sinceMs: Math.min(status.sinceMs, nowMs),
    ...(problemSinceMs === undefined ? {} : { problemSinceMs: Math.min(problemSinceMs, nowMs) }),
    ...(lastResult === undefined
      ? {}
      : { lastResult: { ...lastResult, startedAtMs: before(lastResult.startedAtMs, nowMs) } }),
  };
}

/** Of an answer from before the jump. */
function before(askedMs: number, nowMs: number): number {
  return Math.min(askedMs, nowMs - 1);
}

function hostNotAfter(status: HostStatus, nowMs: number): HostStatus {
  const { lastSeenAtMs, attemptAtMs } = status;
  return {
    ...status,
    sinceMs: Math.min(status.sinceMs, nowMs),
    ...(lastSeenAtMs === undefined ? {} : { lastSeenAtMs: before(lastSeenAtMs, nowMs) }),
    ...(attemptAtMs === undefined ? {} : { attemptAtMs: before(attemptAtMs, nowMs) }),
  };
}

/** `nowMs`: since when answers are fresh. Facts are asked for anew: how old they are is not known any more. */
export function stateNotAfter(state: HostEngineState, nowMs: number): HostEngineState {
  const checks = Object.entries(state.checks).map(([id, status]) => [id, checkNotAfter(status, nowMs)]);
  return {
    ...state,
    host: hostNotAfter(state.host, nowMs),
    checks: Object.fromEntries(checks) as HostEngineState['checks'],
    runs: state.runs.map((run) => notAfter(run, nowMs)),
    facts: {},
  };
}
