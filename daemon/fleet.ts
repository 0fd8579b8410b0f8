/**
 * Owns the state of every host in memory and the one way it changes: an event goes through the reducer, what came of it is
 * stored, then its effects are handed on. Decides nothing itself and never talks to a host.
 */

import type { Census } from '../core/census.ts';
import type { Decision } from '../core/decisions.ts';
import type { Definitions, HostPlan } from '../core/definitions.ts';
import { reduceHost } from '../core/engine.ts';
import type { FleetView } from '../core/fleet-view.ts';
import { rungsOf } from '../core/ladder.ts';
import type { Clock, Coordinator, Store, StoreChange } from '../core/ports.ts';
import type { Effect, EngineEvent, HostEngineState, Reduction } from '../core/reduction.ts';
import { notAfter, summaryOf } from '../core/runs.ts';
import type { Mode, Quarantine, TrustCap } from '../core/safety.ts';
import { isOpen, type Run, type RunSummary, type StoredEvent, type Transition } from '../core/types.ts';
import type { Brakes } from './brakes.ts';
import { FleetLook } from './fleet-look.ts';
import type { History } from './history.ts';
import { dropsSome, keysOf, type LoadedStates, loadStates, memorySinceMs } from './kept-states.ts';
import type { SelfDoubt } from './self-doubt.ts';
import { askedAtMs, stateNotAfter } from './state-times.ts';
import type { Suppressions } from './suppressions.ts';

export interface FleetOptions {
  clock: Clock;
  store: Store;
  coordinator: Coordinator;
  history: History;
  definitions: Definitions;
  /** Overrides the definitions' mode: `mendd serve --observe`. */
  observe: boolean;
  onEffect: (host: string, effect: Effect) => void;
  /** Other definitions are in force from now on. */
  onSwap: (definitions: Definitions) => void;
  census: Census;
  brakes: Brakes;
  selfDoubt: SelfDoubt;
  suppressions: Suppressions;
  /** Actions that lost trust, by id. */
  caps: ReadonlyMap<string, TrustCap>;
}

/** Runs kept in memory at the least, whatever the windows are: two days. Milliseconds. */
const shortestMemoryMs = 172_800_000;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #states = new Map<string, HostEngineState>();
  readonly #suppressed = new Map<string, number>();
  readonly startedAtMs: number;
  #definitions: Definitions;
  #quarantine: Quarantine | undefined;
  #quarantineIsWritten = true;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#definitions = options.definitions;
    this.startedAtMs = options.clock.nowMs();
    this.#quarantine = options.coordinator.quarantine();
    const { states, hasOthers } = this.#loaded(options.definitions);
    this.#put(states);
    // What went away while no daemon ran.
    if (hasOthers) options.history.forget(keysOf(options.definitions));
  }

  get definitions(): Definitions {
    return this.#definitions;
  }

  get mode(): Mode {
    return this.#options.observe ? 'observe' : this.#definitions.daemon.remediation.mode;
  }

  /** Why the ledger is not trusted. */
  get quarantine(): Quarantine | undefined {
    return this.#quarantine;
  }

  /** The ledger is not trusted from now on; the first cause stays. Errors: MenddError, and it holds all the same. */
  distrust(quarantine: Quarantine): void {
    this.#quarantine ??= quarantine;
    this.#quarantineIsWritten = false;
    this.writeQuarantine();
  }

  /** From time to time, until the ledger takes it, or the next start would trust it. Errors: MenddError. */
  writeQuarantine(): void {
    if (this.#quarantineIsWritten || this.#quarantine === undefined) return;
    this.#options.coordinator.setQuarantine(this.#quarantine);
    this.#quarantineIsWritten = true;
  }

  /** Errors: MenddError. */
  rearm(): void {
    this.#options.coordinator.rearm();
    this.#quarantine = undefined;
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
    const { census, selfDoubt, suppressions, caps } = this.#options;
    const { doubt, canaryAtMs, freshSinceMs } = selfDoubt;
    const seen = {
      mode: this.mode,
      quarantine: this.#quarantine,
      doubt,
      canaryAtMs,
      freshSinceMs,
      limits: this.#definitions.daemon.remediation,
      groups: census.groups,
      suppressions: suppressions.active,
      caps,
      states: this.#states,
      plans: this.#definitions.byHost,
    };
    return new FleetLook(seen, this.#options);
  }

  /** The one way state changes. */
  apply(host: string, event: EngineEvent): void {
    const { clock, census, brakes, selfDoubt, onEffect } = this.#options;
    selfDoubt.notice();
    // Looking at the fleet may bring a jump of the clock to light, which changes states: it comes before the state is taken.
    const view = this.view();
    const plan = this.plan(host);
    const state = this.#states.get(host);
    if (plan === undefined || state === undefined) return;
    const nowMs = clock.nowMs();
    const reduction = reduceHost(state, event, plan, view, nowMs);
    this.#states.set(host, reduction.state);
    census.update(plan, reduction.state, nowMs, askedAtMs(event));
    brakes.step(census.keysOf(host));
    this.#save(host, event, reduction, nowMs);
    for (const decision of reduction.decisions) this.#saveDecision(decision);
    for (const effect of reduction.effects) onEffect(host, effect);
  }

  /** After a jump of the wall clock nothing may lie in the future, or times would be waited for that never come. */
  clampTimes(): void {
    const { freshSinceMs } = this.#options.selfDoubt;
    for (const [host, state] of this.#states) this.#states.set(host, stateNotAfter(state, freshSinceMs));
    this.#recount();
  }

  #recount(): void {
    const { census, clock } = this.#options;
    census.reset(this.#definitions, this.#states, clock.nowMs());
  }

  /** Tells the reducer what became of a run. */
  moved(run: Run | RunSummary): void {
    const summary = notAfter(summaryOf(run), this.#options.clock.nowMs());
    this.apply(run.host, { kind: 'run', run: summary });
  }

  /**
   * Swaps the definitions; the state of what did not go away is kept. Errors: MenddError when the store cannot be read, and then
   * nothing was swapped.
   */
  swap(definitions: Definitions): void {
    const { states } = this.#loaded(definitions);
    const before = this.#definitions;
    this.#options.suppressions.refresh(definitions, this.#options.clock.nowMs());
    this.#definitions = definitions;
    this.#options.onSwap(definitions);
    this.#put(states);
    if (dropsSome(before, definitions)) this.#options.history.forget(keysOf(definitions));
  }

  #put(states: ReadonlyMap<string, HostEngineState>): void {
    this.#states.clear();
    for (const [host, state] of states) this.#states.set(host, state);
    this.#recount();
  }

  #loaded(definitions: Definitions): LoadedStates {
    const { clock, store, coordinator } = this.#options;
    const memoryMs = this.memoryMs(definitions);
    return loadStates(definitions, this.#states, { store, coordinator, nowMs: clock.nowMs(), memoryMs });
  }

  /** Runs older than every window are of no use to a decision. */
  memoryMs({ runbooks, daemon }: Definitions = this.#definitions): number {
    const rungs = runbooks.flatMap(rungsOf);
    const windows = rungs.flatMap((rung) => [rung.maxRuns.perMs, rung.cooldownMs, rung.chronic?.perMs ?? 0]);
    const { maxRuns, maxRunsPerHost, groups } = daemon.remediation;
    const budgets = [maxRuns, maxRunsPerHost, ...groups.flatMap((group) => group.maxRuns ?? [])];
    // There may be more of them than a function takes arguments.
    return [...budgets.map(({ perMs }) => perMs), ...windows].reduce(
      (longest, ms) => Math.max(longest, ms),
      shortestMemoryMs,
    );
  }

  /** Forgets runs that left every window and belong to no present problem; called from time to time. */
  forgetOldRuns(nowMs: number): void {
    const memoryMs = this.memoryMs();
    for (const [host, state] of this.#states) {
      const beforeMs = memorySinceMs(memoryMs, Object.values(state.checks), nowMs);
      const runs = state.runs.filter((run) => isOpen(run) || run.decidedAtMs >= beforeMs);
      const approvals = state.approvals.filter((asked) => asked.createdAtMs >= beforeMs);
      if (runs.length + approvals.length < state.runs.length + state.approvals.length)
        this.#states.set(host, { ...state, runs, approvals });
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
    this.#options.history.save(change, reduction.effects.length > 0);
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
