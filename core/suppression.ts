/** Finds the suppression that covers a problem. Which are in force at a moment is worked out by the daemon. Pure. */
import type { ActiveSuppression } from './safety.ts';
import type { CheckStatus } from './types.ts';

export interface Cover {
  suppression: ActiveSuppression;
  /** Wall time at which it ends by itself. */
  untilMs?: number;
}

/** Of several of one kind the one that lasts longest. */
export function coverOf(
  kind: ActiveSuppression['kind'],
  active: readonly ActiveSuppression[],
  check: string,
  status: CheckStatus,
  nowMs: number,
): Cover | undefined {
  const covers = active
    .filter((each) => each.kind === kind && (each.checks?.has(check) ?? true))
    .flatMap((each) => coverBy(each, status, nowMs) ?? []);
  return covers.toSorted((a, b) => (b.untilMs ?? Infinity) - (a.untilMs ?? Infinity))[0];
}

function coverBy(suppression: ActiveSuppression, status: CheckStatus, nowMs: number): Cover | undefined {
  const { problem, flexible, untilMs } = suppression;
  const { problemSinceMs = status.sinceMs } = status;
  if (problem !== undefined) {
    // An earlier start: the clock was set back since. The daemon ends what covers a problem that is over.
    const isSame = problemSinceMs <= problem.sinceMs && (problem.sticky || problem.state === status.state);
    if (!isSame) return undefined;
  }
  if (flexible !== undefined) {
    const endsAtMs = problemSinceMs + flexible.lastsMs;
    const began = problemSinceMs >= flexible.fromMs && problemSinceMs < flexible.toMs;
    return began && nowMs < endsAtMs ? { suppression, untilMs: endsAtMs } : undefined;
  }
  return { suppression, ...(untilMs === undefined ? {} : { untilMs }) };
}
