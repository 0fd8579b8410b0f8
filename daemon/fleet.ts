/**
 * Owns the state of every host in memory and the one way it changes: an event goes through the reducer, what came of it is
 * stored, then its effects are handed on. Decides nothing itself and never talks to a host.
 */

import type { Decision } from '../core/decisions.ts';
import type { Definitions, HostPlan } from '../core/definitions.ts';
import { initialHostState, reduceHost } from '../core/engine.ts';
import { MenddError } from '../core/errors.ts';
import type { FleetView } from '../core/gates.ts';
import { spends } from '../core/ladder.ts';
import type { Clock, Coordinator, Store, StoreChange } from '../core/ports.ts';
import type { Effect, EngineEvent, HostEngineState, Reduction } from '../core/reduction.ts';
import { notAfter, putRun, summaryOf } from '../core/runs.ts';
import {
  type CheckStatus,
  isOpen,
  type Run,
  type RunSummary,
  type StoredEvent,
  type Transition,
} from '../core/types.ts';
import type { History } from './history.ts';

export interface FleetOptions {
  clock: Clock;
  store: Store;
  coordinator: Coordinator;
  history: History;
  definitions: Definitions;
  /** Overrides the definitions' mode: `mendd serve --observe`. */
  observe: boolean;
  onEffect: (host: string, effect: Effect) => void;
  /** The wall clock was set, or the machine slept: what was timed by it has to be timed anew. */
  onClockJump: (jumpMs: number) => void;
}

/** A wall clock that moves so far from the monotonic one between two looks was set; less is being adjusted. Milliseconds. */
const clockJumpMs = 5_000;

/** Runs kept in memory at the least, whatever the windows are: two days. Milliseconds. */
const shortestMemoryMs = 172_800_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #states = new Map<string, HostEngineState>();
  readonly #suppressed = new Map<string, number>();
  readonly startedAtMs: number;
  /** Results that began before this wall time are no reason to act. */
  #freshSinceMs: number;
  /** Wall clock minus monotonic clock, as last seen. */
  #offsetMs: number;
  #definitions: Definitions;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#definitions = options.definitions;
    this.startedAtMs = options.clock.nowMs();
    this.#freshSinceMs = this.startedAtMs;
    this.#offsetMs = this.startedAtMs - options.clock.monotonicMs();
    this.#load();
  }

  get definitions(): Definitions {
    return this.#definitions;
  }

  get mode(): 'observe' | 'auto' {
    return this.#options.observe ? 'observe' : this.#definitions.daemon.remediation.mode;
  }

  /** Counted answers of gates that stopped an action, by reason. */
  get suppressed(): ReadonlyMap<string, number> {
    return this.#suppressed;
  }

  states(): ReadonlyMap<string, HostEngineState> {
    return this.#states;
  }

  state(host: string): HostEngineState | undefined {
    return this.#states.get(host);
  }

  plan(host: string): HostPlan | undefined {
    return this.#definitions.byHost.get(host);
  }

  /** What the gates see of the fleet at this moment. */
  view(): FleetView {
    const { clock } = this.#options;
    const { maxRuns, maxConcurrent } = this.#definitions.daemon.remediation;
    const nowMs = clock.nowMs();
    const repairs = [...this.#states.values()]
      .flatMap((state) => state.runs)
      .filter((run) => run.kind !== 'notify');
    return {
      mode: this.mode,
      ...this.#permission(nowMs),
      freshSinceMs: this.#freshSinceMs,
      maxConcurrent,
      maxRuns,
      openRepairs: repairs.filter(isOpen).length,
      repairsInWindow: repairs.filter((run) => spends(run) && run.decidedAtMs > nowMs - maxRuns.perMs).length,
    };
  }

  /** Whether a ledger that can be used lets anything act. One that cannot be read stops actions, never checks. */
  #permission(nowMs: number): Pick<FleetView, 'paused' | 'storeProblem'> {
    const { coordinator, history } = this.#options;
    try {
      const paused = coordinator.paused(nowMs);
      return {
        ...(paused === undefined ? {} : { paused }),
        ...(history.problem === undefined ? {} : { storeProblem: history.problem }),
      };
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
      return { storeProblem: error.message };
    }
  }

  /** The one way state changes. */
  apply(host: string, event: EngineEvent): void {
    this.#noticeClockJump();
    const plan = this.plan(host);
    const state = this.#states.get(host);
    if (plan === undefined || state === undefined) return;
    const nowMs = this.#options.clock.nowMs();
    const reduction = reduceHost(state, event, plan, this.view(), nowMs);
    this.#states.set(host, reduction.state);
    this.#save(host, event, reduction, nowMs);
    for (const decision of reduction.decisions) this.#saveDecision(decision);
    for (const effect of reduction.effects) this.#options.onEffect(host, effect);
  }

  /** As after a start: fresh results first, and nothing lies in the future. */
  #noticeClockJump(): void {
    const { clock, history, onClockJump } = this.#options;
    const nowMs = clock.nowMs();
    const offsetMs = nowMs - clock.monotonicMs();
    const jumpMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(jumpMs) < clockJumpMs) return;
    this.#freshSinceMs = nowMs;
    for (const [host, state] of this.#states) {
      this.#states.set(host, { ...state, runs: state.runs.map((run) => notAfter(run, nowMs)) });
    }
    try {
      onClockJump(jumpMs);
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }

  /** Tells the reducer what became of a run. */
  moved(run: Run | RunSummary): void {
    const summary = notAfter(summaryOf(run), this.#options.clock.nowMs());
    this.apply(run.host, { kind: 'run', run: summary });
  }

  /** Swaps the definitions; the state of what did not go away is kept. */
  swap(definitions: Definitions): void {
    this.#definitions = definitions;
    for (const host of this.#states.keys()) {
      if (!definitions.byHost.has(host)) this.#states.delete(host);
    }
    this.#load();
    const checks = [...definitions.byHost.values()].flatMap((plan) =>
      plan.checks.map((check) => `${plan.host.name}\n${check.id}`),
    );
    this.#options.history.forget({ hosts: new Set(definitions.byHost.keys()), checks: new Set(checks) });
  }

  /** Fills in what is not in memory yet: from the store where it is known, else as new. */
  #load(): void {
    const { clock, store, coordinator } = this.#options;
    const nowMs = clock.nowMs();
    const missing = [...this.#definitions.byHost.values()].filter(
      (plan) => !this.#states.has(plan.host.name),
    );
    const stored = missing.length === 0 ? [] : store.loadChecks();
    const hosts = new Map(
      missing.length === 0 ? [] : store.loadHosts().map(({ host, status }) => [host, status]),
    );
    const checks = new Map(stored.map(({ host, check, status }) => [`${host}\n${check}`, status]));
    const sinceMs = this.#memorySinceMs(
      stored.map(({ status }) => status),
      nowMs,
    );
    const runs =
      missing.length === 0 ? [] : coordinator.summaries(sinceMs).map((run) => notAfter(run, nowMs));
    for (const plan of this.#definitions.byHost.values()) {
      const { name } = plan.host;
      const fresh = initialHostState(plan, nowMs);
      const known = this.#states.get(name);
      const entries = plan.checks.map(({ id }) => {
        return [id, known?.checks[id] ?? checks.get(`${name}\n${id}`) ?? fresh.checks[id]] as const;
      });
      this.#states.set(name, {
        host: known?.host ?? hosts.get(name) ?? fresh.host,
        checks: Object.fromEntries(
          entries.flatMap(([id, status]) => (status === undefined ? [] : [[id, status]])),
        ),
        runs: known?.runs ?? runs.filter((run) => run.host === name).reduce<RunSummary[]>(putRun, []),
      });
    }
  }

  /** Runs older than every window are of no use to a decision. */
  memoryMs(): number {
    const rungs = this.#definitions.runbooks.flatMap((runbook) =>
      runbook.ladders.flatMap((ladder) => ladder.rungs),
    );
    const windows = rungs.flatMap((rung) => [rung.maxRuns.perMs, rung.cooldownMs]);
    return Math.max(shortestMemoryMs, this.#definitions.daemon.remediation.maxRuns.perMs, ...windows);
  }

  /** While a problem lasts, what was done about it is remembered, or the ladder would begin again. Wall time. */
  #memorySinceMs(checks: readonly CheckStatus[], nowMs: number): number {
    const oldestMs = checks.reduce((ms, check) => Math.min(ms, check.problemSinceMs ?? ms), nowMs);
    return oldestMs - this.memoryMs();
  }

  /** Forgets runs that left every window and belong to no present problem; called from time to time. */
  forgetOldRuns(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [host, state] of this.#states) {
      const beforeMs = this.#memorySinceMs(Object.values(state.checks), nowMs);
      const runs = state.runs.filter((run) => isOpen(run) || run.decidedAtMs >= beforeMs);
      if (runs.length < state.runs.length) this.#states.set(host, { ...state, runs });
    }
  }

  #save(host: string, event: EngineEvent, reduction: Reduction, nowMs: number): void {
    if (event.kind !== 'result' && reduction.transitions.length === 0) return;
    const check = event.kind === 'result' ? event.check : undefined;
    const checkStatus = check === undefined ? undefined : reduction.state.checks[check];
    const change: StoreChange = {
      host,
      hostStatus: reduction.state.host,
      transitions: reduction.transitions,
      events: reduction.transitions.map((transition) => eventOf(transition, nowMs)),
      ...(check === undefined ? {} : { check }),
      ...(checkStatus === undefined ? {} : { checkStatus }),
      ...(event.kind === 'result' ? { result: event.result } : {}),
    };
    this.#options.history.save(change);
  }

  #saveDecision(decision: Decision): void {
    if (decision.verdict === 'held') {
      this.#suppressed.set(decision.reason, (this.#suppressed.get(decision.reason) ?? 0) + 1);
    }
    this.#options.history.saveDecision(decision);
  }
}

function eventOf(transition: Omit<Transition, 'id'>, nowMs: number): Omit<StoredEvent, 'id'> {
  const { host, check, from, to, type, attempt, text, flapping, afterAction } = transition;
  return {
    atMs: nowMs,
    type: check === undefined ? 'host.changed' : 'state.changed',
    host,
    ...(check === undefined ? {} : { check }),
    data: { from, to, type, attempt, text, flapping, afterAction },
  };
}
