/** Records what was decided about a ladder and says what follows from it: act, ask a person, ask the target, tell. Decides nothing. */
import type { HostPlan, LadderDefinition } from './definitions.ts';
import type { FleetView } from './fleet-view.ts';
import { spends } from './ladder.ts';
import { contextOf } from './ladder-context.ts';
import type { OwedRecovery, Reduction } from './reduction.ts';
import { decideRecovery, type LadderDecision } from './remediation.ts';
import { plannedRun, putRun } from './runs.ts';
import { isOpen } from './types.ts';

export function conclude(
  reduction: Reduction,
  ladder: LadderDefinition,
  plan: HostPlan,
  decided: readonly LadderDecision[],
  nowMs: number,
): void {
  for (const { decision, episode, attempt } of decided) {
    const action = ladder.rungs.find((rung) => rung.id === decision.action);
    if (decision.verdict === 'gave_up' || action === undefined) {
      reduction.decisions.push(decision);
      reduction.effects.push({ kind: 'gave_up', ladder, episode });
      continue;
    }
    // Not a decision yet: it is taken when the target has answered.
    if (decision.reason === 'facts_pending') {
      reduction.effects.push({ kind: 'probe', ladder, action });
      continue;
    }
    const run = plannedRun(plan.host.name, ladder, action, episode, attempt, nowMs);
    if (decision.verdict === 'act') {
      const acted = { ...decision, runId: run.id };
      reduction.decisions.push(acted);
      reduction.state = { ...reduction.state, runs: putRun(reduction.state.runs, run) };
      reduction.effects.push({ kind: 'act', ladder, action, run, decision: acted });
      continue;
    }
    reduction.decisions.push(decision);
    const isAsked = reduction.state.approvals.some((each) => each.id === run.id);
    if (decision.reason === 'approval_wanted' && !isAsked)
      reduction.effects.push({ kind: 'ask', ladder, action, run, decision });
    if (decision.reason === 'propose_mode')
      reduction.effects.push({ kind: 'propose', ladder, action, run, decision });
  }
}

/** What is to follow a recovery and is held for so long is dropped; a person's answer is waited for. Milliseconds. */
const owedForMs = 3_600_000;

/**
 * Of the ladders of one check: tells that the trouble is over, and says what is to follow it. That comes after a repair only when the
 * repair is verified, and never when nothing was done.
 */
export function concludeRecovery(
  reduction: Reduction,
  ladders: readonly LadderDefinition[],
  /** Start of the problem that just ended; undefined when none did. Wall time. */
  endedSinceMs: number | undefined,
  nowMs: number,
): void {
  const problems = ladders.filter(({ trigger }) => trigger.on === 'problem');
  if (endedSinceMs !== undefined)
    for (const ladder of problems) reduction.effects.push({ kind: 'recovered', ladder });
  if (problems.length === ladders.length) return;
  const verified = new Set(
    reduction.effects.flatMap((effect) =>
      effect.kind === 'verify' && effect.judgement.kind === 'ended' && effect.judgement.status === 'verified'
        ? [effect.runId]
        : [],
    ),
  );
  for (const ladder of ladders.filter(({ trigger }) => trigger.on === 'recovery')) {
    const own = problems.filter(({ runbook }) => runbook === ladder.runbook);
    const last = reduction.state.runs.findLast(
      (run) => run.kind !== 'notify' && own.some(({ id }) => id === run.ladder) && spends(run),
    );
    if (last === undefined || isOpen(last)) continue;
    const isOfThis = verified.has(last.id) || last.decidedAtMs >= (endedSinceMs ?? Infinity);
    if (isOfThis) owe(reduction, ladder, { episode: last.episode, sinceMs: nowMs });
  }
}

/** Does what a recovery still owes, or finds out why not yet. */
export function followUp(
  reduction: Reduction,
  ladder: LadderDefinition,
  plan: HostPlan,
  fleet: FleetView,
  nowMs: number,
): void {
  const owed = reduction.state.owed?.[ladder.id];
  const context = owed && contextOf(reduction.state, plan, ladder, fleet, nowMs);
  if (owed === undefined || context === undefined) return;
  const isUnderWay = reduction.state.runs.some(
    (run) => run.ladder === ladder.id && run.episode === owed.episode && isOpen(run),
  );
  if (isUnderWay) return;
  const isAsked = context.approvals.some(
    ({ ladder: id, episode, status }) =>
      id === ladder.id && episode === owed.episode && (status === 'waiting' || status === 'approved'),
  );
  const isDue = isAsked || nowMs - owed.sinceMs < owedForMs;
  const decided = isDue ? decideRecovery(context, owed.episode) : undefined;
  const { verdict, reason } = decided?.decision ?? {};
  // A proposal is told once, and a no is an answer.
  const isOver = verdict === 'would_act' || reason === 'approval_rejected' || reason === 'approval_expired';
  if (decided === undefined || isOver) owe(reduction, ladder, undefined);
  if (decided !== undefined) conclude(reduction, ladder, plan, [decided], nowMs);
}

export function owe(
  reduction: Reduction,
  { id }: LadderDefinition,
  recovery: OwedRecovery | undefined,
): void {
  const { owed = {}, ...state } = reduction.state;
  const others = Object.entries(owed).filter(([ladder]) => ladder !== id);
  const all = recovery === undefined ? others : [...others, [id, recovery] as const];
  reduction.state = all.length === 0 ? state : { ...state, owed: Object.fromEntries(all) };
}
