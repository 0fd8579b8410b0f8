/**
 * What lists and counts need of a host, made once for each of its states: a state is never changed, so another one is another
 * object. Reads only.
 */
import type { CheckDefinition, HostPlan } from '../core/definitions.ts';
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
    const everyMs =
      check.timing.kind === 'interval' ? check.timing.everyMs : calendarStaleMs / staleIntervals;
    const sinceMs = Math.max(last.startedAtMs + last.durationMs, this.#startedAtMs);
    return sinceMs + staleIntervals * everyMs + check.timeoutMs;
  }

  #make(plan: HostPlan, state: HostEngineState, nowMs: number): Kept {
    let [ok, stale, untilMs] = [0, 0, Infinity];
    const problems: CheckDefinition[] = [];
    for (const check of plan.checks) {
      const now = state.checks[check.id]?.state;
      if (now === undefined) continue;
      const freshUntilMs = this.freshUntilMs(state, check);
      const isFresh = nowMs <= freshUntilMs;
      if (isFresh) untilMs = Math.min(untilMs, freshUntilMs);
      else stale += 1;
      if (now === 'ok' && isFresh) ok += 1;
      if (now !== 'ok' && now !== 'pending') problems.push(check);
    }
    const checks = { ok: 0, warning: 0, critical: 0, unknown: 0, pending: 0 };
    const statuses = Object.values(state.checks);
    for (const status of statuses) checks[status.state] += 1;
    const isWell = state.host.state === 'up' && checks.ok === statuses.length;
    const run = state.runs.find(isOpen);
    const { name, address, labels, parents } = plan.host;
    const own = { name, address, labels, parents, status: state.host, checks };
    const view = run === undefined ? own : { ...own, run };
    return { plan, summary: { view, problems, stale, ok, isWell }, fromMs: nowMs, untilMs };
  }
}
