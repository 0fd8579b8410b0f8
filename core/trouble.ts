/**
 * Tells the trouble a ladder is about: that of a check, or the host's own, told as if it were a check, so that gates, rungs and
 * verification treat both alike. Also who is behind whom. Pure.
 */
import { type HostPlan, hostCheck } from './definitions.ts';
import { initialFlap } from './flapping.ts';
import type { HostEngineState } from './reduction.ts';
import type { CheckResult, CheckState, CheckStatus, HostStatus, TransportStage } from './types.ts';

/** Failures that speak of a dead machine. Names, keys and logins that are refused speak of our own settings. */
const downStages: readonly TransportStage[] = ['connect', 'lost', 'timeout'];

export function hostVerdict({ state, failure }: HostStatus): CheckState | 'pending' {
  if (state === 'pending') return 'pending';
  if (state === 'up' || failure === undefined) return 'ok';
  return downStages.includes(failure.stage) ? 'critical' : 'unknown';
}

/** What the host's last answer, or lack of one, would be as the result of a check. */
export function hostResult(host: HostStatus): CheckResult | undefined {
  const state = hostVerdict(host);
  const startedAtMs = host.state === 'up' ? host.lastSeenAtMs : host.attemptAtMs;
  if (state === 'pending' || startedAtMs === undefined) return undefined;
  const text =
    host.failure === undefined ? 'reached over SSH' : `${host.failure.stage}: ${host.failure.message}`;
  return { state, text, longText: '', perfdata: [], startedAtMs, durationMs: 0 };
}

/** Undefined when there is no such check. */
export function troubleOf(state: HostEngineState, check: string): CheckStatus | undefined {
  return check === hostCheck ? hostTrouble(state.host) : state.checks[check];
}

function hostTrouble(host: HostStatus): CheckStatus {
  const state = hostVerdict(host);
  const lastResult = hostResult(host);
  const isProblem = state !== 'ok' && state !== 'pending';
  return {
    state,
    type: host.type,
    attempt: host.attempt,
    // Only failures that made it hard count: the host has its own patience.
    problemResults: isProblem && host.type === 'hard' ? host.attempt : 0,
    ...(isProblem ? { problemSinceMs: host.sinceMs } : {}),
    sinceMs: host.sinceMs,
    lastHardState: host.type === 'hard' ? state : 'pending',
    flap: initialFlap(),
    ...(lastResult === undefined ? {} : { lastResult }),
  };
}

/**
 * The parent that explains why a host cannot be reached: all ways to it are down, and of the first the furthest up. Undefined
 * when a parent can be reached, or there is none.
 */
export function downParent(
  plan: HostPlan,
  states: ReadonlyMap<string, HostEngineState>,
  plans: ReadonlyMap<string, HostPlan>,
): string | undefined {
  const { parents } = plan.host;
  const isDown = (name: string): boolean => states.get(name)?.host.state === 'unreachable';
  const [first] = parents;
  if (first === undefined || !parents.every(isDown)) return undefined;
  const parent = plans.get(first);
  return (parent && downParent(parent, states, plans)) ?? first;
}
