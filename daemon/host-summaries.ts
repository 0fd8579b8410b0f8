/**
 * What lists and counts need of a host, made once for each of its states: a state is never changed, so another one is another
 * object. Reads only.
 */
import type { CheckDefinition, HostPlan } from '../core/definitions.ts';
import { type FleetHost, type FleetState, fleetStates } from '../core/now-view.ts';
import type { HostEngineState } from '../core/reduction.ts';
import { isOpen } from '../core/types.ts';
import type { HostView } from '../core/views.ts';

/** A check without a result for this many intervals is stale. */
const staleIntervals = 3;
/** For calendar schedules, whose interval varies. Milliseconds. */
const calendarStaleMs = 90_000_000;

export interface HostSummary {
  view: HostView;
  /** Warning, critical or unknown. */
  problems: readonly CheckDefinition[];
  stale: number;
  /** Checks that are OK and not stale. */
  ok: number;
  /** The host answers and each of its checks is OK. */
  isWell: boolean;
  /** Its line among all hosts. */
  fleet: FleetHost;
  /** Changes of state that no action of ours caused are too many. */
  flapping: readonly CheckDefinition[];
  /** When the newest result was complete; 0 without one. Wall time. */
  lastResultAtMs: number;
}

interface Kept {
  plan: HostPlan;
  summary: HostSummary;
  /** Wall times; a check is stale by time alone. */
  fromMs: number;
  untilMs: number;
}

export class HostSummaries {
  readonly #startedAtMs: number;
  readonly #kept = new WeakMap<HostEngineState, Kept>();

  /** `startedAtMs`: of the daemon; before that nothing could be fresh. */
  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  of(plan: HostPlan, state: HostEngineState, nowMs: number): HostSummary {
    const kept = this.#kept.get(state);
    if (kept?.plan === plan && nowMs >= kept.fromMs && nowMs <= kept.untilMs) return kept.summary;
    const made = this.#make(plan, state, nowMs);
    this.#kept.set(state, made);
    return made.summary;
  }

  /** Wall time after which the check is stale without another result. */
  freshUntilMs(state: HostEngineState, check: CheckDefinition): number {
    const last = state.checks[check.id]?.lastResult;
    if (last === undefined) return Infinity;
    if (check.runOn.kind === 'target' && state.host.state === 'unreachable') return -Infinity;
    const everyMs = longestEveryMs(check);
    const sinceMs = Math.max(last.startedAtMs + last.durationMs, this.#startedAtMs);
    return sinceMs + staleIntervals * everyMs + check.timeoutMs;
  }

  #make(plan: HostPlan, state: HostEngineState, nowMs: number): Kept {
    let [ok, stale, untilMs, lastResultAtMs] = [0, 0, Infinity, 0];
    const problems: CheckDefinition[] = [];
    const flapping: CheckDefinition[] = [];
    let worst = worstOf(state.host.state);
    for (const check of plan.checks) {
      const status = state.checks[check.id];
      if (status === undefined) continue;
      const { state: now, lastResult, flap } = status;
      const freshUntilMs = this.freshUntilMs(state, check);
      const isFresh = nowMs <= freshUntilMs;
      if (isFresh) untilMs = Math.min(untilMs, freshUntilMs);
      else stale += 1;
      if (now === 'ok' && isFresh) ok += 1;
      if (now !== 'ok' && now !== 'pending') problems.push(check);
      if (flap.flappingWithoutActions) flapping.push(check);
      if (lastResult !== undefined)
        lastResultAtMs = Math.max(lastResultAtMs, lastResult.startedAtMs + lastResult.durationMs);
      worst = Math.min(worst, fleetStates.indexOf(now === 'ok' && !isFresh ? 'stale' : now));
    }
    const checks = { ok: 0, warning: 0, critical: 0, unknown: 0, pending: 0 };
    const statuses = Object.values(state.checks);
    for (const status of statuses) checks[status.state] += 1;
    const isWell = state.host.state === 'up' && checks.ok === statuses.length;
    const run = state.runs.find(isOpen);
    const { name, address, labels, parents } = plan.host;
    const own = { name, address, labels, parents, status: state.host, checks };
    const view = run === undefined ? own : { ...own, run };
    const fleet: FleetHost = {
      name,
      state: fleetStates[worst] ?? 'ok',
      ...(problems.length === 0 ? {} : { problems: problems.length }),
      ...(run === undefined || run.kind === 'notify' ? {} : { healing: true }),
    };
    const summary = { view, problems, stale, ok, isWell, fleet, flapping, lastResultAtMs };
    return { plan, summary, fromMs: nowMs, untilMs };
  }
}

/** Place among `fleetStates` of the host by itself. */
function worstOf(host: HostView['status']['state']): number {
  const state: FleetState = host === 'up' ? 'ok' : host;
  return fleetStates.indexOf(state);
}

/** A third of the time after which no result is stale. */
function longestEveryMs({ probe, timing }: CheckDefinition): number {
  if (probe.kind === 'passive') return (probe.ttlMs ?? Infinity) / staleIntervals;
  return timing.kind === 'interval' ? timing.everyMs : calendarStaleMs / staleIntervals;
}
