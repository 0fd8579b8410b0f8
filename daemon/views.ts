/**
 * Turns the daemon's state into what the API shows. Reads only.
 */

import { fleetKey } from '../core/census.ts';
import type { Reason } from '../core/decisions.ts';
import type { CheckDefinition, Definitions, HostPlan } from '../core/definitions.ts';
import { explainLadder } from '../core/explain.ts';
import { episodeOf, unsentUntilTold } from '../core/ladder.ts';
import { contextOf } from '../core/ladder-context.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';
import { troubleOf } from '../core/trouble.ts';
import type { CheckState, Run } from '../core/types.ts';
import type { CheckView, ConfigView, Explanation, HostView, NowView } from '../core/views.ts';
import type { Approvals } from './approvals.ts';
import type { Brakes } from './brakes.ts';
import type { Fleet } from './fleet.ts';
import { HostSummaries, type HostSummary } from './host-summaries.ts';
import type { Suppressions } from './suppressions.ts';
import type { Trust } from './trust.ts';

/** "While you were away" looks this far back. Milliseconds. */
const awayMs = 86_400_000;
const shownRuns = 50;
const shownChecks = 50;
/** What holds a repair until a person changes something. */
const personReasons: readonly Reason[] = [
  'gave_up',
  'paused',
  'flapping',
  'chronic',
  'ledger_not_trusted',
  'observe_mode',
  'propose_mode',
  'disabled',
  'host_unreachable',
  'host_key_changed',
];
/** Worst first. */
const severity: readonly (CheckState | 'pending')[] = ['critical', 'unknown', 'warning', 'pending', 'ok'];

export interface ViewSources {
  clock: Clock;
  fleet: Fleet;
  coordinator: Coordinator;
  approvals: Approvals;
  brakes: Brakes;
  suppressions: Suppressions;
  trust: Trust;
  nextDueAtMs: (host: string, check: string) => number | undefined;
  config: () => ConfigView;
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
    return this.#each((_plan, _state, { view }) => [view]);
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
        const view = this.#check(plan, state, check);
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
    return this.#each((plan, state) => plan.checks.flatMap((check) => this.#check(plan, state, check) ?? []));
  }

  check(host: string, id: string): CheckView | undefined {
    const plan = this.#sources.fleet.plan(host);
    const state = this.#sources.fleet.state(host);
    const check = plan?.checks.find((each) => each.id === id);
    if (plan === undefined || state === undefined || check === undefined) return undefined;
    return this.#check(plan, state, check);
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

  now(): NowView {
    const { clock, fleet, coordinator, config } = this.#sources;
    const atMs = clock.nowMs();
    let [ok, stale] = [0, 0];
    const problems = this.#each((plan, state, summary) => {
      ok += summary.ok;
      stale += summary.stale;
      return summary.problems.flatMap((check) => this.#check(plan, state, check) ?? []);
    });
    const view = fleet.view();
    const { maxRuns } = view.limits;
    const healing = coordinator.open().filter((run) => run.kind !== 'notify');
    const recent = coordinator.list({ sinceMs: atMs - awayMs, limit: shownRuns }).items;
    const needsYou = this.#needsYou(recent);
    const unreachable = this.#unreachable();
    const approvals = this.#sources.approvals.waiting();
    const brakes = this.#sources.brakes.views();
    const demoted = this.#sources.trust.demoted();
    const restrained = brakes.filter(({ on }) => on).length + demoted.length + approvals.length;
    const isDoubted = view.doubt !== undefined && view.doubt.cause !== 'fresh_round_pending';
    const selfTrouble = (isDoubted ? 1 : 0) + (view.quarantine === undefined ? 0 : 1);
    const needYou = needsYou.length + restrained + selfTrouble;
    const counts = { needYou, healing: healing.length, problems: problems.length, ok };
    return {
      atMs,
      verdict: {
        ...counts,
        sentence: sentenceOf(counts, unreachable.length, stale),
      },
      automation: {
        mode: view.mode,
        ...(view.paused === undefined ? {} : { paused: view.paused }),
        ...(view.doubt === undefined ? {} : { doubt: view.doubt }),
        ...(view.quarantine === undefined ? {} : { quarantine: view.quarantine }),
        brakes,
        demoted,
        fleetRuns: {
          used: view.groups.get(fleetKey)?.repairsSince(atMs - maxRuns.perMs) ?? 0,
          limit: maxRuns.runs,
          perMs: maxRuns.perMs,
        },
      },
      definitions: definitionsNow(config()),
      approvals,
      needsYou,
      healing,
      healed: recent.filter((run) => run.status === 'verified'),
      worst: problems.toSorted(byWorst).slice(0, shownChecks),
      unreachable,
      suppressions: this.#sources.suppressions.known.filter((each) =>
        this.#sources.suppressions.isInForce(each, atMs),
      ),
    };
  }

  /** Those behind another are told under it. */
  #unreachable(): NowView['unreachable'] {
    const hosts = this.hosts().filter((host) => host.status.state === 'unreachable');
    const names = new Set(hosts.map(({ name }) => name));
    const isBehind = ({ status }: HostView): boolean =>
      status.behind !== undefined && names.has(status.behind);
    return hosts
      .filter((host) => !isBehind(host))
      .map((root) => ({
        ...root,
        behind: hosts.filter((host) => host.status.behind === root.name).map(({ name }) => name),
      }));
  }

  /** Given up, or held by something that only a person can change. */
  #needsYou(recent: readonly Run[]): NowView['needsYou'] {
    return this.#each((plan, state, { isWell }) =>
      (isWell ? [] : plan.ladders).flatMap((ladder) => {
        const status = troubleOf(state, ladder.trigger.check);
        const hard = status !== undefined && status.state !== 'ok' && status.type === 'hard';
        if (!hard) return [];
        const [explanation] = this.explain(plan.host.name, ladder.trigger.check, undefined).filter(
          (each) => each.ladder === ladder.id,
        );
        if (explanation === undefined) return [];
        const episode = episodeOf(ladder, status, state.runs);
        const runs = recent.filter(
          (run) => run.host === plan.host.name && run.ladder === ladder.id && run.episode === episode,
        );
        const stuck = runs.some((run) => run.status === 'unknown');
        const fruitless = explanation.gates.some(
          ({ values }) => Number(values['notSent'] ?? 0) >= unsentUntilTold,
        );
        const waits = personReasons.includes(explanation.reason);
        return waits || stuck || fruitless ? [{ explanation, status, runs }] : [];
      }),
    );
  }

  #check(plan: HostPlan, state: HostEngineState, check: CheckDefinition): CheckView | undefined {
    const status = state.checks[check.id];
    if (status === undefined) return undefined;
    const nextDueAtMs = this.#sources.nextDueAtMs(plan.host.name, check.id);
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

  #each<T>(map: (plan: HostPlan, state: HostEngineState, summary: HostSummary) => readonly T[]): T[] {
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

function byWorst(a: CheckView, b: CheckView): number {
  const order = severity.indexOf(a.status.state) - severity.indexOf(b.status.state);
  return order === 0 ? a.status.sinceMs - b.status.sinceMs : order;
}

function sentenceOf(
  counts: Omit<NowView['verdict'], 'sentence'>,
  unreachable: number,
  stale: number,
): string {
  const parts = [
    counts.needYou > 0 ? `${counts.needYou} need${counts.needYou === 1 ? 's' : ''} you` : '',
    counts.healing > 0 ? `${counts.healing} healing` : '',
    counts.problems > 0 ? `${counts.problems} problem${counts.problems === 1 ? '' : 's'}` : '',
    unreachable > 0 ? `${unreachable} unreachable` : '',
    stale > 0 ? `${stale} stale` : '',
    `${counts.ok} OK`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

function definitionsNow(config: ConfigView): NowView['definitions'] {
  const { revision, loadedAtMs, lastReloadOk, problems, source, held, rollback } = config;
  const commit = source.kind === 'git' ? source.commit?.id : undefined;
  return {
    revision,
    loadedAtMs,
    lastReloadOk,
    problems,
    ...(commit === undefined ? {} : { commit }),
    ...(held === undefined ? {} : { held }),
    ...(rollback === undefined ? {} : { rollback }),
  };
}
