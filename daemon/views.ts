/**
 * Turns the daemon's state into what the API shows. Reads only.
 */

import { fleetKey } from '../core/census.ts';
import type { Reason } from '../core/decisions.ts';
import type { CheckDefinition, HostPlan } from '../core/definitions.ts';
import { explainLadder } from '../core/explain.ts';
import { episodeOf, unsentUntilTold } from '../core/ladder.ts';
import { contextOf } from '../core/ladder-context.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';
import { troubleOf } from '../core/trouble.ts';
import { type CheckState, isOpen, type Run } from '../core/types.ts';
import type { CheckView, ConfigView, Explanation, HostView, NowView } from '../core/views.ts';
import type { Approvals } from './approvals.ts';
import type { Brakes } from './brakes.ts';
import type { Fleet } from './fleet.ts';
import type { Suppressions } from './suppressions.ts';
import type { Trust } from './trust.ts';

/** A check without a result for this many intervals is stale. */
const staleIntervals = 3;
/** For calendar schedules, whose interval varies. Milliseconds. */
const calendarStaleMs = 90_000_000;
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

  constructor(sources: ViewSources) {
    this.#sources = sources;
  }

  hosts(): HostView[] {
    return this.#each((plan, state) => {
      const checks = { ok: 0, warning: 0, critical: 0, unknown: 0, pending: 0 };
      for (const status of Object.values(state.checks)) checks[status.state] += 1;
      const run = state.runs.find(isOpen);
      const { name, address, labels, parents } = plan.host;
      return [
        { name, address, labels, parents, status: state.host, checks, ...(run === undefined ? {} : { run }) },
      ];
    });
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
    const checks = this.checks();
    const problems = checks.filter(({ status }) => status.state !== 'ok' && status.state !== 'pending');
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
    const ok = checks.filter((each) => each.status.state === 'ok' && !each.stale).length;
    const needYou = needsYou.length + restrained + selfTrouble;
    const counts = { needYou, healing: healing.length, problems: problems.length, ok };
    return {
      atMs,
      verdict: {
        ...counts,
        sentence: sentenceOf(counts, unreachable.length, checks.filter((each) => each.stale).length),
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
    return this.#each((plan, state) =>
      plan.ladders.flatMap((ladder) => {
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
      stale: this.#isStale(state, check),
      maxAttempts: check.maxAttempts,
      ...(nextDueAtMs === undefined ? {} : { nextDueAtMs }),
    };
  }

  #isStale(state: HostEngineState, check: CheckDefinition): boolean {
    const last = state.checks[check.id]?.lastResult;
    if (last === undefined) return false;
    if (check.runOn.kind === 'target' && state.host.state === 'unreachable') return true;
    const everyMs =
      check.timing.kind === 'interval' ? check.timing.everyMs : calendarStaleMs / staleIntervals;
    const sinceMs = Math.max(last.startedAtMs + last.durationMs, this.#sources.fleet.startedAtMs);
    return this.#sources.clock.nowMs() - sinceMs > staleIntervals * everyMs + check.timeoutMs;
  }

  #each<T>(map: (plan: HostPlan, state: HostEngineState) => T[]): T[] {
    const { fleet } = this.#sources;
    return [...fleet.definitions.byHost.values()].flatMap((plan) => {
      const state = fleet.state(plan.host.name);
      return state === undefined ? [] : map(plan, state);
    });
  }
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
