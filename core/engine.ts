/**
 * The reducer that everything drives: one host's state and one event in; the new state, what changed, what was decided
 * and what is to be done out. No IO, no clock, no randomness.
 */
import type { ActionDefinition, CheckDefinition, HostPlan, LadderDefinition } from './definitions.ts';
import type { FleetView } from './gates.ts';
import { applyContact, applyFailure, initialHostStatus } from './host-status.ts';
import { decideLadder } from './remediation.ts';
import { applyResult, initialCheckStatus } from './transition.ts';
import {
  type CheckResult,
  type CheckStatus,
  type Decision,
  type HostStatus,
  isOpen,
  type RunSummary,
  type Transition,
  type TransportFailure,
} from './types.ts';
import { type Judgement, judgeResult, judgeTime } from './verification.ts';

/** All that is concluded about one host. JSON-safe: what is stored equals what is loaded. */
export interface HostEngineState {
  host: HostStatus;
  checks: Readonly<Record<string, CheckStatus>>;
  /** Open and recent runs on this host, oldest first. */
  runs: readonly RunSummary[];
}

export type EngineEvent =
  /** `viaHost`: the result came over this host's own connection, so the host was reached. */
  | { kind: 'result'; check: string; result: CheckResult; viaHost: boolean }
  | { kind: 'unreachable'; failure: TransportFailure }
  /** A run of this host was added or moved. */
  | { kind: 'run'; run: RunSummary }
  /** Time passed: deadlines of verification are judged. */
  | { kind: 'tick' };

export type Effect =
  | { kind: 'act'; ladder: LadderDefinition; action: ActionDefinition; run: RunSummary; decision: Decision }
  | { kind: 'verify'; runId: string; judgement: Judgement }
  /** The trigger check of a ladder is OK again. */
  | { kind: 'recovered'; ladder: LadderDefinition }
  /** Every rung is used up. */
  | { kind: 'gave_up'; ladder: LadderDefinition; episode: string }
  /** Fresh evidence is wanted before the next regular run of the check. */
  | { kind: 'check_soon'; check: string };

export interface Reduction {
  state: HostEngineState;
  transitions: Omit<Transition, 'id'>[];
  decisions: Decision[];
  effects: Effect[];
}

export function initialHostState(plan: HostPlan, nowMs: number): HostEngineState {
  const checks = Object.fromEntries(plan.checks.map((check) => [check.id, initialCheckStatus(nowMs)]));
  return { host: initialHostStatus(nowMs), checks, runs: [] };
}

export function reduceHost(
  state: HostEngineState,
  event: EngineEvent,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): Reduction {
  switch (event.kind) {
    case 'result':
      return reduceResult(state, event, plan, fleet, nowMs);
    case 'unreachable':
      return reduceUnreachable(state, event.failure, plan, nowMs);
    case 'run':
      return nothing({ ...state, runs: putRun(state.runs, event.run) });
    case 'tick':
      return verifyByTime(nothing(state), plan, nowMs);
  }
}

function nothing(state: HostEngineState): Reduction {
  return { state, transitions: [], decisions: [], effects: [] };
}

/** Replaces the run of the same id, or adds it at its place in time. */
export function putRun(runs: readonly RunSummary[], run: RunSummary): RunSummary[] {
  const others = runs.filter((other) => other.id !== run.id);
  const index = others.findIndex((other) => other.decidedAtMs > run.decidedAtMs);
  return others.toSpliced(index < 0 ? others.length : index, 0, run);
}

function reduceUnreachable(
  state: HostEngineState,
  failure: TransportFailure,
  plan: HostPlan,
  nowMs: number,
): Reduction {
  const step = applyFailure(state.host, failure, nowMs);
  const reduction = nothing({ ...state, host: step.status });
  if (step.changed) reduction.transitions.push(hostTransition(plan, state, step.status, nowMs));
  return verifyByTime(reduction, plan, nowMs);
}

function reduceResult(
  state: HostEngineState,
  event: Extract<EngineEvent, { kind: 'result' }>,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): Reduction {
  const definition = plan.checks.find((check) => check.id === event.check);
  if (definition === undefined) return nothing(state);
  const reduction = nothing(state);
  if (event.viaHost) {
    const step = applyContact(state.host, nowMs);
    if (step.changed) reduction.transitions.push(hostTransition(plan, state, step.status, nowMs));
    reduction.state = { ...reduction.state, host: step.status };
  }
  const recovered = concludeCheck(reduction, definition, event.result, plan, nowMs);
  verifyByResult(reduction, definition, event.result, plan, nowMs);
  verifyByTime(reduction, plan, nowMs);
  for (const ladder of plan.ladders.filter((each) => each.trigger.check === definition.id)) {
    if (recovered) reduction.effects.push({ kind: 'recovered', ladder });
    remediate(reduction, ladder, plan, fleet, nowMs);
  }
  return reduction;
}

/** Returns true when a problem of the check ended. */
function concludeCheck(
  reduction: Reduction,
  definition: CheckDefinition,
  result: CheckResult,
  plan: HostPlan,
  nowMs: number,
): boolean {
  const { checks, runs } = reduction.state;
  const before = checks[definition.id] ?? initialCheckStatus(nowMs);
  const afterAction = runs.some((run) => isOpen(run) && run.status !== 'intended' && run.kind !== 'notify');
  const options = { maxAttempts: definition.maxAttempts, flapping: definition.flapping, afterAction };
  const { status, event } = applyResult(before, result, options, nowMs);
  const suppressedBy = status.state === 'ok' ? undefined : rootProblem(definition, plan, checks);
  const { suppressedBy: _gone, ...bare } = status;
  const concluded = suppressedBy === undefined ? bare : { ...bare, suppressedBy };
  reduction.state = { ...reduction.state, checks: { ...checks, [definition.id]: concluded } };
  if (event.changed || event.flapChange !== null) {
    reduction.transitions.push({
      atMs: nowMs,
      host: plan.host.name,
      check: definition.id,
      from: before.state,
      to: event.state,
      type: event.type,
      attempt: event.attempt,
      text: result.text,
      flapping: status.flap.flapping,
      percent: status.flap.percent,
      percentWithoutActions: status.flap.percentWithoutActions,
      afterAction,
    });
  }
  return status.state === 'ok' && before.state !== 'ok' && before.state !== 'pending';
}

/** The deepest check on the way of `depends_on` that is not OK. */
function rootProblem(
  definition: CheckDefinition,
  plan: HostPlan,
  checks: Readonly<Record<string, CheckStatus>>,
): string | undefined {
  for (const id of definition.dependsOn) {
    const status = checks[id];
    const cause = plan.checks.find((check) => check.id === id);
    if (status === undefined || cause === undefined || status.state === 'ok' || status.state === 'pending')
      continue;
    return rootProblem(cause, plan, checks) ?? id;
  }
  return undefined;
}

function remediate(
  reduction: Reduction,
  ladder: LadderDefinition,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): void {
  const check = reduction.state.checks[ladder.trigger.check];
  if (check === undefined) return;
  const { host: hostStatus, runs: hostRuns } = reduction.state;
  const host = plan.host.name;
  const decided = decideLadder({ host, ladder, check, hostStatus, hostRuns, fleet, nowMs });
  for (const { decision, episode, attempt } of decided) {
    const action = ladder.rungs.find((rung) => rung.id === decision.action);
    if (decision.verdict !== 'act' || action === undefined) {
      reduction.decisions.push(decision);
      if (decision.verdict === 'gave_up') reduction.effects.push({ kind: 'gave_up', ladder, episode });
      continue;
    }
    const run = plannedRun(host, ladder, action, episode, attempt, nowMs);
    const acted = { ...decision, runId: run.id };
    reduction.decisions.push(acted);
    reduction.state = { ...reduction.state, runs: putRun(reduction.state.runs, run) };
    reduction.effects.push({ kind: 'act', ladder, action, run, decision: acted });
  }
}

/** Deterministic: the same trouble, rung and attempt always have the same id, on every box and after every crash. */
export function runIdOf(host: string, action: string, episode: string, attempt: number): string {
  return `${host}~${action}~${episode}~${attempt}`;
}

export function plannedRun(
  host: string,
  ladder: LadderDefinition,
  action: ActionDefinition,
  episode: string,
  attempt: number,
  nowMs: number,
): RunSummary {
  return {
    id: runIdOf(host, action.id, episode, attempt),
    host,
    ladder: ladder.id,
    action: action.id,
    kind: action.effect.kind,
    episode,
    attempt,
    status: 'intended',
    decidedAtMs: nowMs,
  };
}

function verifyByResult(
  reduction: Reduction,
  definition: CheckDefinition,
  result: CheckResult,
  plan: HostPlan,
  nowMs: number,
): void {
  for (const { run, ladder, action } of verifying(reduction.state, plan)) {
    if (ladder.trigger.check !== definition.id) continue;
    settle(reduction, run, judgeResult(run, action.verify, result, nowMs), definition.id, nowMs);
  }
}

function verifyByTime(reduction: Reduction, plan: HostPlan, nowMs: number): Reduction {
  for (const run of reduction.state.runs) {
    if (run.status !== 'verifying' || actionOf(run, plan) !== undefined) continue;
    const outcome = 'its definition is gone: there is nothing left to verify by';
    settle(reduction, run, { kind: 'ended', status: 'inconclusive', outcome }, undefined, nowMs);
  }
  for (const { run, ladder, action } of verifying(reduction.state, plan)) {
    const startedMs = reduction.state.checks[ladder.trigger.check]?.lastResult?.startedAtMs ?? 0;
    const asked = startedMs >= (run.verifyByMs ?? 0) - action.verify.withinMs;
    const judgement = judgeTime(run, action.verify, asked, nowMs);
    if (judgement.kind === 'ended') settle(reduction, run, judgement, ladder.trigger.check, nowMs);
  }
  return reduction;
}

function verifying(
  state: HostEngineState,
  plan: HostPlan,
): { run: RunSummary; ladder: LadderDefinition; action: ActionDefinition }[] {
  return state.runs
    .filter((run) => run.status === 'verifying')
    .flatMap((run) => {
      const found = actionOf(run, plan);
      return found === undefined ? [] : [{ run, ...found }];
    });
}

/** The definitions a run was made from, as they are now. */
export function actionOf(
  run: Pick<RunSummary, 'ladder' | 'action'>,
  plan: HostPlan,
): { ladder: LadderDefinition; action: ActionDefinition } | undefined {
  const ladder = plan.ladders.find((each) => each.id === run.ladder);
  const action = ladder?.rungs.find((rung) => rung.id === run.action);
  return ladder === undefined || action === undefined ? undefined : { ladder, action };
}

function settle(
  reduction: Reduction,
  run: RunSummary,
  judgement: Judgement,
  check: string | undefined,
  nowMs: number,
): void {
  const settled: RunSummary =
    judgement.kind === 'ended'
      ? { ...run, status: judgement.status, endedAtMs: nowMs }
      : judgement.okSinceMs === undefined
        ? run
        : { ...run, verifyOkSinceMs: judgement.okSinceMs };
  reduction.state = { ...reduction.state, runs: putRun(reduction.state.runs, settled) };
  reduction.effects.push({ kind: 'verify', runId: run.id, judgement });
  if (check !== undefined) reduction.effects.push({ kind: 'check_soon', check });
}

function hostTransition(
  plan: HostPlan,
  before: HostEngineState,
  after: HostStatus,
  nowMs: number,
): Omit<Transition, 'id'> {
  return {
    atMs: nowMs,
    host: plan.host.name,
    from: before.host.state,
    to: after.state,
    type: after.type,
    attempt: after.attempt,
    text:
      after.failure === undefined ? 'reached over SSH' : `${after.failure.stage}: ${after.failure.message}`,
    flapping: false,
    percent: 0,
    percentWithoutActions: 0,
    afterAction: before.runs.some((run) => isOpen(run) && run.status !== 'intended'),
  };
}
