/**
 * The reducer that everything drives: one host's state and one event in; the new state, what changed, what was decided
 * and what is to be done out. No IO, no clock, no randomness.
 */
import type { CheckDefinition, HostPlan, LadderDefinition } from './definitions.ts';
import type { FleetView } from './gates.ts';
import { applyContact, applyFailure, initialHostStatus } from './host-status.ts';
import { contextOf } from './ladder-context.ts';
import type { EngineEvent, HostEngineState, Reduction } from './reduction.ts';
import { decideCutOff, decideLadder, type LadderDecision } from './remediation.ts';
import { plannedRun, putRun } from './runs.ts';
import { applyResult, initialCheckStatus } from './transition.ts';
import {
  type CheckResult,
  type CheckStatus,
  type HostStatus,
  isOpen,
  type Transition,
  type TransportFailure,
} from './types.ts';
import { verifyByResult, verifyByTime } from './verify-runs.ts';

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
      return reduceUnreachable(state, event.failure, plan, fleet, nowMs);
    case 'run':
      return nothing({ ...state, runs: putRun(state.runs, event.run) });
    case 'tick':
      return verifyByTime(nothing(state), plan, nowMs);
  }
}

function nothing(state: HostEngineState): Reduction {
  return { state, transitions: [], decisions: [], effects: [] };
}

function reduceUnreachable(
  state: HostEngineState,
  failure: TransportFailure,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): Reduction {
  const step = applyFailure(state.host, failure, nowMs);
  const reduction = nothing({ ...state, host: step.status });
  if (step.changed) reduction.transitions.push(hostTransition(plan, state, step.status, nowMs));
  verifyByTime(reduction, plan, nowMs);
  for (const ladder of plan.ladders) {
    const context = contextOf(reduction.state, plan, ladder, fleet, nowMs);
    const told = context && decideCutOff(context);
    if (told !== undefined) conclude(reduction, ladder, plan, [told], nowMs);
  }
  return reduction;
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
    const context = contextOf(reduction.state, plan, ladder, fleet, nowMs);
    if (context !== undefined) conclude(reduction, ladder, plan, decideLadder(context), nowMs);
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

/** Records what was decided and asks for what follows from it. */
function conclude(
  reduction: Reduction,
  ladder: LadderDefinition,
  plan: HostPlan,
  decided: readonly LadderDecision[],
  nowMs: number,
): void {
  for (const { decision, episode, attempt } of decided) {
    const action = ladder.rungs.find((rung) => rung.id === decision.action);
    if (decision.verdict !== 'act' || action === undefined) {
      reduction.decisions.push(decision);
      if (decision.verdict === 'gave_up') reduction.effects.push({ kind: 'gave_up', ladder, episode });
      continue;
    }
    const run = plannedRun(plan.host.name, ladder, action, episode, attempt, nowMs);
    const acted = { ...decision, runId: run.id };
    reduction.decisions.push(acted);
    reduction.state = { ...reduction.state, runs: putRun(reduction.state.runs, run) };
    reduction.effects.push({ kind: 'act', ladder, action, run, decision: acted });
  }
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
