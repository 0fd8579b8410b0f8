/**
 * Makes the page's one call: what needs a person and what comes next, what heals itself, what was healed, the fleet worst
 * first, and the proof that somebody is looking. Reads only; every list is bounded.
 */

import { fleetKey } from '../core/census.ts';
import type { EventType } from '../core/event-types.ts';
import {
  type FlappingCheck,
  type FleetHost,
  type HealedRun,
  type HealingRun,
  type NowView,
  nowLimits,
  type ProofOfLife,
  undeliveredAfterMs,
} from '../core/now-view.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import { actionOf } from '../core/runs.ts';
import { troubleOf } from '../core/trouble.ts';
import type { CheckState, Run } from '../core/types.ts';
import type { CheckView, ConfigView, Health, HostView, Stats } from '../core/views.ts';
import type { Approvals } from './approvals.ts';
import type { Brakes } from './brakes.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import { fleetOf, rootsOf } from './hosts-now.ts';
import { Lately } from './lately.ts';
import { Needs, withTrouble } from './needs.ts';
import type { Outside } from './outside.ts';
import type { Suppressions } from './suppressions.ts';
import type { Trust } from './trust.ts';
import type { Views } from './views.ts';

/** "While you were away" looks this far back. Milliseconds. */
const awayMs = 86_400_000;
/** Dead letters that nobody cared for so long are not shown here any more. Milliseconds. */
const deadMs = 7 * 86_400_000;
/** Worst first. */
const severity: readonly (CheckState | 'pending')[] = ['critical', 'unknown', 'warning', 'pending', 'ok'];

/** An answer is kept for so many times what it took to make, and no longer than this. Milliseconds. */
const keptTimes = 20;
const longestKeptMs = 500;
/** Too many of these happen at once to make the answer anew for each. */
const routine: readonly EventType[] = [
  'state.changed',
  'host.changed',
  'decision.made',
  'check.shed',
  'facts.changed',
];

export interface NowSources {
  clock: Clock;
  fleet: Fleet;
  coordinator: Coordinator;
  history: History;
  approvals: Approvals;
  brakes: Brakes;
  suppressions: Suppressions;
  trust: Trust;
  views: Views;
  outside: Pick<Outside, 'waiting'>;
  config: () => ConfigView;
  health: () => Health;
  stats: () => Stats;
}

/** One walk over all hosts. */
interface Round {
  ok: number;
  stale: number;
  checks: number;
  problems: CheckView[];
  flapping: Omit<FlappingCheck, 'held' | 'heldMore'>[];
  hosts: FleetHost[];
  unreachable: HostView[];
  lastResultAtMs: number;
}

export class NowPage {
  readonly #sources: NowSources;
  readonly #lately: Lately;
  readonly #needs: Needs;
  #kept: { view: NowView; untilMs: number } | undefined;

  constructor(sources: NowSources) {
    this.#sources = sources;
    this.#lately = new Lately(sources);
    this.#needs = new Needs(sources);
    sources.history.onEvent(({ type }) => {
      if (!routine.includes(type)) this.#kept = undefined;
    });
  }

  /**
   * In a large fleet that is busy it may be half a second old, unless a person or an action did something since; so any number of readers
   * costs little. Errors: MenddError when the ledger cannot be read.
   */
  view(): NowView {
    const { clock } = this.#sources;
    const fromMs = clock.monotonicMs();
    if (this.#kept !== undefined && fromMs < this.#kept.untilMs) return this.#kept.view;
    const view = this.#make();
    const tookMs = clock.monotonicMs() - fromMs;
    this.#kept = { view, untilMs: fromMs + tookMs + Math.min(longestKeptMs, tookMs * keptTimes) };
    return view;
  }

  #make(): NowView {
    const { clock, coordinator, suppressions, config, health } = this.#sources;
    const atMs = clock.nowMs();
    const sinceMs = atMs - awayMs;
    const round = this.#round();
    const open = coordinator.open().filter((run) => run.kind !== 'notify');
    const approvals = this.#sources.approvals.waiting();
    const needs = this.#needs.find(sinceMs, approvals);
    const automation = this.#automation(atMs);
    const { doubt, quarantine, brakes, demoted } = automation;
    const restrained = brakes.filter(({ on }) => on).length + demoted.length + approvals.length;
    const messages = messagesNow(coordinator, atMs);
    const isLate = (messages.oldestWaitingMs ?? 0) > undeliveredAfterMs;
    const undelivered = messages.dead > 0 || isLate ? 1 : 0;
    const isDoubted = doubt !== undefined && doubt.cause !== 'fresh_round_pending';
    const unreachable = rootsOf(round.unreachable);
    const healed = coordinator.list({ sinceMs, status: 'verified', limit: nowLimits.runs });
    const inForce = suppressions.known.filter((each) => suppressions.isInForce(each, atMs));
    const outside = this.#sources.outside.waiting();
    const counts = {
      needYou:
        needs.count +
        restrained +
        undelivered +
        (isDoubted ? 1 : 0) +
        (quarantine === undefined ? 0 : 1) +
        outside.heldInventories.length +
        (outside.registrations.waiting > 0 ? 1 : 0),
      healing: open.length,
      problems: round.problems.length,
      unreachable: unreachable.length,
      stale: round.stale,
      ok: round.ok,
    };
    return {
      atMs,
      verdict: { ...counts, sentence: sentenceOf(counts) },
      health: health(),
      alive: this.#alive(round),
      automation,
      definitions: definitionsNow(config()),
      approvals: approvals
        .slice(0, nowLimits.needs)
        .map((asked) => withTrouble(asked, this.#sources, sinceMs)),
      needsYou: needs.rows,
      healing: open.slice(0, nowLimits.runs).map((run) => this.#healing(run)),
      healed: healed.items.map((run) => this.#healed(run)),
      flapping: round.flapping.slice(0, nowLimits.flapping).map((each) => ({
        ...each,
        ...this.#lately.heldForFlapping(each.host, each.check, sinceMs),
      })),
      worst: round.problems.toSorted(byWorst).slice(0, nowLimits.checks),
      unreachable: unreachable.slice(0, nowLimits.unreachable),
      suppressions: inForce.slice(0, nowLimits.suppressions),
      totals: {
        healed: healed.next === undefined ? healed.items.length : this.#verifiedSince(sinceMs),
        flapping: round.flapping.length,
        suppressions: inForce.length,
      },
      messages,
      ...outside,
      fleet: fleetOf(round.hosts),
    };
  }

  #round(): Round {
    const { views } = this.#sources;
    const round: Round = {
      ok: 0,
      stale: 0,
      checks: 0,
      problems: [],
      flapping: [],
      hosts: [],
      unreachable: [],
      lastResultAtMs: 0,
    };
    views.each((plan, state, summary) => {
      round.ok += summary.ok;
      round.stale += summary.stale;
      round.checks += plan.checks.length;
      round.hosts.push(summary.fleet);
      round.lastResultAtMs = Math.max(round.lastResultAtMs, summary.lastResultAtMs);
      if (summary.view.status.state === 'unreachable') round.unreachable.push(summary.view);
      for (const check of summary.problems) {
        const view = views.checkOf(plan, state, check);
        if (view !== undefined) round.problems.push(view);
      }
      for (const { id } of summary.flapping) {
        const percent = state.checks[id]?.flap.percentWithoutActions ?? 0;
        round.flapping.push({ host: plan.host.name, check: id, percent });
      }
      return [];
    });
    return round;
  }

  #automation(atMs: number): NowView['automation'] {
    const { fleet, brakes, trust } = this.#sources;
    const view = fleet.view();
    const { paused, doubt, quarantine } = view;
    const { maxRuns } = view.limits;
    return {
      mode: view.mode,
      ...(paused === undefined ? {} : { paused }),
      ...(doubt === undefined ? {} : { doubt }),
      ...(quarantine === undefined ? {} : { quarantine }),
      brakes: brakes.views(),
      demoted: trust.demoted(),
      fleetRuns: {
        used: view.groups.get(fleetKey)?.repairsSince(atMs - maxRuns.perMs) ?? 0,
        limit: maxRuns.runs,
        perMs: maxRuns.perMs,
      },
    };
  }

  #alive({ hosts, checks, lastResultAtMs }: Round): ProofOfLife {
    const { checkLateness, checksPerMin } = this.#sources.stats();
    const lastProblemAtMs = this.#lately.lastProblemAtMs();
    return {
      startedAtMs: this.#sources.fleet.startedAtMs,
      hosts: hosts.length,
      checks,
      checksPerMin,
      lateness: checkLateness,
      ...(lastResultAtMs === 0 ? {} : { lastResultAtMs }),
      ...(lastProblemAtMs === undefined ? {} : { lastProblemAtMs }),
    };
  }

  #healing(run: Run): HealingRun {
    const found = this.#definitionOf(run);
    const check = found?.ladder.trigger.check ?? run.ladder;
    const state = this.#sources.fleet.state(run.host);
    const text = (state && troubleOf(state, check))?.lastResult?.text;
    return {
      ...run,
      check,
      ...(text === undefined ? {} : { text }),
      ...(found === undefined ? {} : { timeoutMs: found.action.timeoutMs }),
    };
  }

  #verifiedSince(sinceMs: number): number {
    const all = this.#sources.coordinator.summaries(sinceMs);
    return all.filter(({ status, decidedAtMs }) => status === 'verified' && decidedAtMs >= sinceMs).length;
  }

  #healed(run: Run): HealedRun {
    const check = this.#definitionOf(run)?.ladder.trigger.check ?? run.ladder;
    const [fromMs, toMs] = [Number.parseInt(run.episode, 36), run.endedAtMs ?? run.decidedAtMs];
    // A run that a person asked for may belong to no problem.
    return fromMs > 0 && fromMs <= toMs ? { ...run, check, downMs: toMs - fromMs } : { ...run, check };
  }

  /** Undefined when the definitions know it no more. */
  #definitionOf(run: Run): ReturnType<typeof actionOf> {
    const plan = this.#sources.fleet.plan(run.host);
    return plan && actionOf(run, plan);
  }
}

function byWorst(a: CheckView, b: CheckView): number {
  const order = severity.indexOf(a.status.state) - severity.indexOf(b.status.state);
  return order === 0 ? a.status.sinceMs - b.status.sinceMs : order;
}

function sentenceOf(counts: Omit<NowView['verdict'], 'sentence'>): string {
  const { needYou, healing, problems, unreachable, stale, ok } = counts;
  const parts = [
    needYou > 0 ? `${needYou} need${needYou === 1 ? 's' : ''} you` : '',
    healing > 0 ? `${healing} healing` : '',
    problems > 0 ? `${problems} problem${problems === 1 ? '' : 's'}` : '',
    unreachable > 0 ? `${unreachable} unreachable` : '',
    stale > 0 ? `${stale} stale` : '',
    `${ok} OK`,
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

function messagesNow(coordinator: Coordinator, nowMs: number): NowView['messages'] {
  const { waiting, dead, oldestWaitingAtMs } = coordinator.messageTrouble(nowMs - deadMs);
  const oldestWaitingMs = oldestWaitingAtMs === undefined ? 0 : Math.max(0, nowMs - oldestWaitingAtMs);
  return { waiting, dead, ...(oldestWaitingAtMs === undefined ? {} : { oldestWaitingMs }) };
}
