/**
 * Turns the daemon's state into what the API shows. Reads only.
 */

import type { CheckDefinition, Definitions, HostPlan } from '../core/definitions.ts';
import { explainLadder } from '../core/explain.ts';
import { contextOf } from '../core/ladder-context.ts';
import type { Clock } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';
import type { CheckView, Explanation, HostView } from '../core/views.ts';
import type { Fleet } from './fleet.ts';
import { HostSummaries, type HostSummary } from './host-summaries.ts';

export interface ViewSources {
  clock: Clock;
  fleet: Fleet;
  nextDueAtMs: (host: string, check: string) => number | undefined;
}

export class Views {
  readonly #sources: ViewSources;
  readonly #summaries: HostSummaries;
  readonly #checks = new WeakMap<HostPlan, readonly CheckDefinition[]>();
  #sorted: { definitions?: Definitions; plans: readonly HostPlan[] } = { plans: [] };

  constructor(sources: ViewSources) {
    this.#sources = sources;
    this.#summaries = new HostSummaries(sources.fleet.startedAtMs);
  }

  hosts(): HostView[] {
    return this.each((_plan, _state, { view }) => [view]);
  }

  /** In the order of host and check, by code unit; each is made when it is asked for. */
  *eachCheck(fromHost = ''): Iterable<CheckView> {
    for (const { host } of this.#plans()) {
      if (host.name < fromHost) continue;
      // The reader may take its time, and definitions be swapped meanwhile.
      const plan = this.#sources.fleet.plan(host.name);
      const state = this.#sources.fleet.state(host.name);
      if (plan === undefined || state === undefined) continue;
      for (const check of this.#checksOf(plan)) {
        const view = this.checkOf(plan, state, check);
        if (view !== undefined) yield view;
      }
    }
  }

  #checksOf(plan: HostPlan): readonly CheckDefinition[] {
    let checks = this.#checks.get(plan);
    if (checks === undefined) {
      checks = plan.checks.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      this.#checks.set(plan, checks);
    }
    return checks;
  }

  #plans(): readonly HostPlan[] {
    const { definitions } = this.#sources.fleet;
    if (this.#sorted.definitions !== definitions) {
      this.#sorted = { definitions, plans: [...definitions.byHost.values()].sort(byName) };
    }
    return this.#sorted.plans;
  }

  checks(): CheckView[] {
    return this.each((plan, state) => plan.checks.flatMap((check) => this.checkOf(plan, state, check) ?? []));
  }

  check(host: string, id: string): CheckView | undefined {
    const plan = this.#sources.fleet.plan(host);
    const state = this.#sources.fleet.state(host);
    const check = plan?.checks.find((each) => each.id === id);
    if (plan === undefined || state === undefined || check === undefined) return undefined;
    return this.checkOf(plan, state, check);
  }

  explain(host: string, check?: string, action?: string): Explanation[] {
    const { fleet, clock } = this.#sources;
    const state = fleet.state(host);
    const plan = fleet.plan(host);
    if (state === undefined || plan === undefined) return [];
    return plan.ladders
      .filter((ladder) => check === undefined || ladder.trigger.check === check)
      .filter((ladder) => action === undefined || ladder.rungs.some((rung) => rung.id === action))
      .flatMap((ladder) => {
        const context = contextOf(state, plan, ladder, fleet.view(), clock.nowMs());
        return context === undefined ? [] : [explainLadder(context, action)];
      });
  }

  /** Undefined while the check has no state. */
  checkOf(plan: HostPlan, state: HostEngineState, check: CheckDefinition): CheckView | undefined {
    const status = state.checks[check.id];
    if (status === undefined) return undefined;
    // Of a passive check the scheduler only knows when it is looked whether a result is overdue.
    const isAsked = check.probe.kind !== 'passive';
    const nextDueAtMs = isAsked ? this.#sources.nextDueAtMs(plan.host.name, check.id) : undefined;
    return {
      host: plan.host.name,
      check: check.id,
      kind: check.probe.kind,
      status,
      stale: this.#sources.clock.nowMs() > this.#summaries.freshUntilMs(state, check),
      maxAttempts: check.maxAttempts,
      ...(nextDueAtMs === undefined ? {} : { nextDueAtMs }),
    };
  }

  /** What `map` makes of each host, in the order of the definitions. */
  each<T>(map: (plan: HostPlan, state: HostEngineState, summary: HostSummary) => readonly T[]): T[] {
    const { fleet, clock } = this.#sources;
    const nowMs = clock.nowMs();
    const all: T[] = [];
    for (const plan of fleet.definitions.byHost.values()) {
      const state = fleet.state(plan.host.name);
      if (state !== undefined) all.push(...map(plan, state, this.#summaries.of(plan, state, nowMs)));
    }
    return all;
  }
}

function byName(a: HostPlan, b: HostPlan): number {
  return a.host.name < b.host.name ? -1 : 1;
}
