/** Drives the reducer as the daemon does, with a ledger in memory; time moves only when told. */

import { Census } from '../../core/census.ts';
import type { Decision } from '../../core/decisions.ts';
import type { HostPlan } from '../../core/definitions.ts';
import { initialHostState, reduceHost } from '../../core/engine.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import type { Effect, EngineEvent, HostEngineState, HostFacts, Reduction } from '../../core/reduction.ts';
import type { Approval, ApprovalStatus } from '../../core/safety.ts';
import type {
  CheckResult,
  CheckState,
  RunStatus,
  RunSummary,
  Transition,
  TransportStage,
} from '../../core/types.ts';
import { remediationOf } from '../support/definitions.ts';

export class SimulatedHost {
  nowMs = 1_700_000_000_000;
  state: HostEngineState;
  fleet: FleetView;
  readonly plan: HostPlan;
  readonly census: Census;
  readonly decisions: Decision[] = [];
  readonly transitions: Omit<Transition, 'id'>[] = [];
  readonly effects: Reduction['effects'] = [];
  /** Every run that was started, as it stands. */
  readonly ledger = new Map<string, RunSummary>();
  readonly trace: string[] = [];
  /** What the target answers when asked for facts; undefined: nothing comes back. */
  facts: Omit<HostFacts, 'atMs'> | undefined = { bootId: 'b', uptimeSec: 86_400, people: [] };

  constructor(plan: HostPlan, fleet: Partial<FleetView> = {}, census = new Census()) {
    this.plan = plan;
    this.census = census;
    this.state = initialHostState(plan, this.nowMs);
    this.fleet = {
      mode: 'auto',
      freshSinceMs: this.nowMs,
      canaryAtMs: 0,
      limits: remediationOf(),
      groups: this.census.groups,
      suppressions: new Map(),
      caps: new Map(),
      states: new Map(),
      plans: new Map([[plan.host.name, plan]]),
      ...fleet,
    };
    this.census.update(plan, this.state, this.nowMs);
  }

  pass(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  apply(event: EngineEvent): void {
    const reduction = reduceHost(this.state, event, this.plan, this.fleet, this.nowMs);
    this.state = reduction.state;
    this.census.update(this.plan, this.state, this.nowMs, this.nowMs);
    this.decisions.push(...reduction.decisions);
    this.transitions.push(...reduction.transitions);
    this.effects.push(...reduction.effects);
    for (const decision of reduction.decisions)
      this.trace.push(`${decision.action} ${decision.verdict} ${decision.reason}`);
    for (const effect of reduction.effects) {
      if (effect.kind === 'act') this.ledger.set(effect.run.id, effect.run);
      if (effect.kind === 'ask') this.#ask(effect);
      if (effect.kind === 'probe' && this.facts !== undefined) {
        const facts = { ...this.facts, atMs: this.nowMs };
        this.apply({ kind: 'facts', ladder: effect.ladder.id, action: effect.action.id, facts });
      }
      if (effect.kind === 'verify' && effect.judgement.kind === 'ended') {
        this.#store(effect.runId, { status: effect.judgement.status, endedAtMs: this.nowMs });
        this.trace.push(`${effect.runId.split('~')[1] ?? ''} ${effect.judgement.status}`);
      } else if (
        effect.kind === 'verify' &&
        effect.judgement.kind === 'waiting' &&
        effect.judgement.okSinceMs !== undefined
      ) {
        this.#store(effect.runId, { verifyOkSinceMs: effect.judgement.okSinceMs });
      }
    }
  }

  result(state: CheckState, check = 'app.running'): this {
    const result: CheckResult = {
      state,
      text: state,
      longText: '',
      perfdata: [],
      startedAtMs: this.nowMs,
      durationMs: 5,
    };
    this.apply({ kind: 'result', check, result, viaHost: true });
    return this;
  }

  /** Results of one state at the check's interval. */
  results(...states: CheckState[]): this {
    for (const state of states) this.pass(10_000).result(state);
    return this;
  }

  #ask({ ladder, action, run, decision }: Extract<Effect, { kind: 'ask' }>): void {
    const approval: Approval = {
      id: run.id,
      host: run.host,
      ladder: ladder.id,
      action: action.id,
      episode: run.episode,
      attempt: run.attempt,
      check: ladder.trigger.check,
      command: 'true',
      reason: decision.reason,
      gates: decision.gates,
      createdAtMs: this.nowMs,
      expiresAtMs: this.nowMs + action.approveWithinMs,
      status: 'waiting',
      tag: 'tag',
    };
    this.apply({ kind: 'approval', approval });
  }

  /** A person, or time, settles the question that waits. */
  answer(status: Exclude<ApprovalStatus, 'waiting'>): this {
    const asked = this.state.approvals.findLast((each) => each.status === 'waiting');
    if (asked === undefined) throw new Error('nothing is asked');
    const settled = { ...asked, status, decidedAtMs: this.nowMs, decidedBy: 'person:ann' };
    this.apply({ kind: 'approval', approval: settled });
    return this;
  }

  count(kind: Effect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length;
  }

  cutOff(stage: TransportStage = 'connect'): this {
    const failure = { stage, message: 'refused', hint: '', sent: false };
    this.apply({ kind: 'unreachable', failure, startedAtMs: this.nowMs });
    return this;
  }

  get openRun(): RunSummary | undefined {
    return [...this.ledger.values()].findLast((run) =>
      ['intended', 'dispatched', 'unknown', 'verifying'].includes(run.status),
    );
  }

  /** The open run moves on, as the daemon would report it. */
  move(status: RunStatus): this {
    const run = this.openRun;
    if (run === undefined) throw new Error('no open run');
    const within =
      this.plan.ladders.flatMap((ladder) => ladder.rungs).find((rung) => rung.id === run.action)?.verify
        .withinMs ?? 0;
    const ended = !['intended', 'dispatched', 'unknown', 'verifying'].includes(status);
    this.#store(run.id, {
      status,
      ...(status === 'dispatched' ? { dispatchedAtMs: this.nowMs } : {}),
      ...(status === 'verifying' ? { verifyByMs: this.nowMs + within } : {}),
      ...(ended ? { endedAtMs: this.nowMs } : {}),
    });
    const moved = this.ledger.get(run.id);
    if (moved !== undefined) this.apply({ kind: 'run', run: moved });
    return this;
  }

  /** kill -9 and a start: memory is gone, what is stored comes back, open runs are taken up as the daemon does. */
  crash(): this {
    const stored = JSON.parse(
      JSON.stringify({ host: this.state.host, checks: this.state.checks }),
    ) as HostEngineState;
    for (const run of this.ledger.values()) {
      if (run.status === 'intended') this.#store(run.id, { status: 'cancelled', endedAtMs: this.nowMs });
      if (run.status === 'dispatched') this.#store(run.id, { status: 'unknown' });
    }
    const runs = [...this.ledger.values()].toSorted((a, b) => a.decidedAtMs - b.decidedAtMs);
    this.state = {
      host: stored.host,
      checks: stored.checks,
      runs,
      approvals: this.state.approvals,
      facts: {},
    };
    this.fleet = { ...this.fleet, freshSinceMs: this.nowMs };
    return this;
  }

  #store(id: string, change: Partial<RunSummary>): void {
    const run = this.ledger.get(id);
    if (run !== undefined) this.ledger.set(id, { ...run, ...change });
  }
}
