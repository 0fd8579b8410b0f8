/**
 * The reducer that everything drives: one host's state and one event in; the new state, what changed, what was decided
 * and what is to be done out. No IO, no clock, no randomness.
 */
import { conclude, concludeRecovery, followUp, owe } from './conclude.ts';
import { type CheckDefinition, type HostPlan, hostCheck, type LadderDefinition } from './definitions.ts';
import type { FleetView } from './fleet-view.ts';
import { applyContact, applyFailure, initialHostStatus } from './host-status.ts';
import { contextOf } from './ladder-context.ts';
import type { EngineEvent, HostEngineState, Reduction } from './reduction.ts';
import { decideCutOff, decideLadder } from './remediation.ts';
import { putRun } from './runs.ts';
import type { Approval } from './safety.ts';
import { applyResult, initialCheckStatus } from './transition.ts';
import { downParent, hostResult, troubleOf } from './trouble.ts';
import { type CheckResult, type CheckStatus, type HostStatus, isOpen, type Transition } from './types.ts';
import { verifyByResult, verifyByTime } from './verify-runs.ts';

export function initialHostState(plan: HostPlan, nowMs: number): HostEngineState {
  const checks = Object.fromEntries(plan.checks.map((check) => [check.id, initialCheckStatus(nowMs)]));
  return { host: initialHostStatus(nowMs), checks, runs: [], approvals: [], facts: {} };
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
      return reduceUnreachable(state, event, plan, fleet, nowMs);
    case 'run':
      return nothing({ ...state, runs: putRun(state.runs, event.run) });
    case 'approval':
      return reduceApproval(state, event.approval, plan, fleet, nowMs);
    case 'facts':
      return decideAgain(
        { ...state, facts: { ...state.facts, [event.action]: event.facts } },
        event.ladder,
        plan,
        fleet,
        nowMs,
      );
    case 'tick':
      return verifyByTime(nothing(state), plan, nowMs);
  }
}

/** The newest of each id; those of ended problems are dropped by the daemon. */
function putApproval(state: HostEngineState, approval: Approval): HostEngineState {
  const others = state.approvals.filter((each) => each.id !== approval.id);
  return { ...state, approvals: [...others, approval] };
}

function reduceApproval(
  state: HostEngineState,
  approval: Approval,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): Reduction {
  const reduction = nothing(putApproval(state, approval));
  const ladder = plan.ladders.find(({ id }) => id === approval.ladder);
  if (ladder === undefined) return reduction;
  // What is owed is forgotten at a restart; the question is not.
  const sinceMs = troubleOf(state, ladder.trigger.check)?.sinceMs ?? nowMs;
  if (ladder.trigger.on === 'recovery' && approval.status === 'approved' && sinceMs <= approval.createdAtMs)
    owe(reduction, ladder, { episode: approval.episode, sinceMs: nowMs });
  decide(reduction, [ladder], plan, fleet, nowMs);
  return reduction;
}

/** Something that a decision waited for has come: it is taken now, not at the next result. */
function decideAgain(
  state: HostEngineState,
  ladderId: string,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): Reduction {
  const reduction = nothing(state);
  decide(
    reduction,
    plan.ladders.filter(({ id }) => id === ladderId),
    plan,
    fleet,
    nowMs,
  );
  return reduction;
}

function decide(
  reduction: Reduction,
  ladders: readonly LadderDefinition[],
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): void {
  for (const ladder of ladders) {
    if (ladder.trigger.on === 'recovery') {
      followUp(reduction, ladder, plan, fleet, nowMs);
      continue;
    }
    const context = contextOf(reduction.state, plan, ladder, fleet, nowMs);
    if (context === undefined) continue;
    const decided = decideLadder(context);
    conclude(reduction, ladder, plan, decided, nowMs);
    const isAwaited = decided.some(({ decision }) => decision.reason === 'no_fresh_result');
    if (context.unasked !== undefined && isAwaited)
      reduction.effects.push({ kind: 'check_soon', check: context.unasked });
  }
}

function nothing(state: HostEngineState): Reduction {
  return { state, transitions: [], decisions: [], effects: [] };
}

function reduceUnreachable(
  state: HostEngineState,
  { failure, startedAtMs }: Extract<EngineEvent, { kind: 'unreachable' }>,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): Reduction {
  const step = applyFailure(state.host, failure, Math.min(startedAtMs, nowMs), nowMs);
  const behind = downParent(plan, fleet.states, fleet.plans);
  const { behind: _before, ...bare } = step.status;
  const host = behind === undefined ? bare : { ...bare, behind };
  const reduction = nothing({ ...state, host });
  if (step.changed) reduction.transitions.push(hostTransition(plan, state, host, nowMs));
  const asResult = hostResult(host);
  if (asResult !== undefined) verifyByResult(reduction, hostCheck, asResult, plan, nowMs);
  verifyByTime(reduction, plan, nowMs);
  decide(
    reduction,
    plan.ladders.filter(({ trigger }) => trigger.check === hostCheck),
    plan,
    fleet,
    nowMs,
  );
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
  if (event.viaHost) reachHost(reduction, plan, fleet, nowMs);
  const endedSinceMs = concludeCheck(reduction, definition, event.result, plan, nowMs);
  verifyByResult(reduction, definition.id, event.result, plan, nowMs);
  verifyByTime(reduction, plan, nowMs);
  const own = plan.ladders.filter(({ trigger }) => trigger.check === definition.id);
  concludeRecovery(reduction, own, endedSinceMs, nowMs);
  decide(reduction, own, plan, fleet, nowMs);
  return reduction;
}

/** The host answered: its own trouble, if there was any, is over. */
function reachHost(reduction: Reduction, plan: HostPlan, fleet: FleetView, nowMs: number): void {
  const before = reduction.state;
  const step = applyContact(before.host, nowMs);
  if (step.changed) reduction.transitions.push(hostTransition(plan, before, step.status, nowMs));
  reduction.state = { ...before, host: step.status };
  const asResult = hostResult(step.status);
  if (asResult !== undefined) verifyByResult(reduction, hostCheck, asResult, plan, nowMs);
  const own = plan.ladders.filter(({ trigger }) => trigger.check === hostCheck);
  const endedSinceMs = before.host.state === 'unreachable' ? before.host.sinceMs : undefined;
  concludeRecovery(reduction, own, endedSinceMs, nowMs);
  decide(reduction, own, plan, fleet, nowMs);
}

/** Returns the start of the problem that ended with it, if one did. Wall time. */
function concludeCheck(
  reduction: Reduction,
  definition: CheckDefinition,
  result: CheckResult,
  plan: HostPlan,
  nowMs: number,
): number | undefined {
  const { checks, runs } = reduction.state;
  const before = checks[definition.id] ?? initialCheckStatus(nowMs);
  const afterAction = runs.some((run) => isOpen(run) && run.status !== 'intended' && run.kind !== 'notify');
  const { maxAttempts, flapping } = definition;
  const options = { maxAttempts, flapping, afterAction, rememberTimes: rememberedTimes(definition.id, plan) };
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
  const ended = status.state === 'ok' && before.state !== 'ok' && before.state !== 'pending';
  return ended ? (before.problemSinceMs ?? before.sinceMs) : undefined;
}

/** The most results that a trigger of the check looks back to. */
function rememberedTimes(check: string, { ladders }: HostPlan): number {
  let most = 0;
  for (const { trigger } of ladders)
    if (trigger.check === check && trigger.times !== undefined && trigger.times.count > most)
      most = trigger.times.count;
  return most;
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
    text: after.failure === undefined ? reachedBy(plan) : `${after.failure.stage}: ${after.failure.message}`,
    flapping: false,
    percent: 0,
    percentWithoutActions: 0,
    afterAction: before.runs.some((run) => isOpen(run) && run.status !== 'intended'),
  };
}

function reachedBy({ host }: HostPlan): string {
  return host.transport === 'local' ? 'the machine mendd runs on' : 'reached over SSH';
}
