/**
 * Decides, for one ladder on one host at one moment: act, or the first gate that stops it. Pure; the reason travels
 * with the answer.
 */

import type { Decision, GateName, GateVerdict, Reason } from './decisions.ts';
import { hostCheck } from './definitions.ts';
import type { LadderContext } from './fleet-view.ts';
import { askGates } from './gates.ts';
import {
  isMessage,
  type LadderStanding,
  type RungStanding,
  spends,
  standingOf,
  unsentRuns,
  unsentUntilTold,
} from './ladder.ts';
import { runIdOf } from './runs.ts';
import { isOpen } from './types.ts';

/**
 * Each problem is told once; a check that flaps or breaks again and again makes many problems of one trouble and is told no more
 * often than this.
 * Milliseconds.
 */
const repeatedToldEveryMs = 3_600_000;

/** Holds that can last: they stop repairs, and the ladder's message goes out meanwhile. */
const lastingHolds: readonly Reason[] = [
  'paused',
  'ledger_not_trusted',
  'flapping',
  'chronic',
  'host_budget_spent',
  'group_budget_spent',
  'fleet_budget_spent',
];
/** Trouble that comes again and again: many problems, and one thing to tell. */
const toldSeldom: readonly Reason[] = ['flapping', 'chronic'];
/** What holds a repair and does not hold telling of it. */
const toldAllTheSame: readonly GateName[] = ['transport', 'fresh_result', 'flapping', 'chronic'];

/** Facts about the target that are older no longer decide. Milliseconds. */
const factsKeepMs = 5_000;

/** A decision and, when it is to act, what the intent needs. */
export interface LadderDecision {
  decision: Decision;
  episode: string;
  attempt: number;
}

/**
 * The decisions of this moment: none without a problem; usually one, for the rung that is next; a second one for the
 * ladder's message when the repair itself is held for long.
 */
export function decideLadder(context: LadderContext): LadderDecision[] {
  const { check, ladder } = context;
  if (ladder.trigger.on === 'recovery' || check.state === 'ok' || check.state === 'pending') return [];
  const standing = standingOf(context);
  if (standing.next === undefined) return [gaveUp(context, standing, 'gave_up')];
  const first = decideRung(context, standing, standing.next);
  if (isMessage(standing.next.action)) return [first];
  const fruitless = unsentRuns(standing.next.runs).length >= unsentUntilTold;
  if (!fruitless && !lastingHolds.includes(first.decision.reason)) return [first];
  const told = tell(context, standing, first.decision.reason);
  if (told !== undefined) return [first, told];
  return fruitless && !hasMessage(standing)
    ? [first, gaveUp(context, standing, first.decision.reason)]
    : [first];
}

/**
 * A host that we acted on and that can no longer be asked gives no more results, so nothing would ever be decided again: this
 * is when people are told.
 */
export function decideCutOff(context: LadderContext): LadderDecision | undefined {
  const { check, ladder, hostRuns, hostStatus } = context;
  if (ladder.trigger.on === 'recovery' || ladder.trigger.check === hostCheck) return undefined;
  if (check.state === 'ok' || check.state === 'pending') return undefined;
  if (hostStatus.state !== 'unreachable' || hostStatus.type !== 'hard') return undefined;
  const standing = standingOf(context);
  const acted = standing.rungs.some((rung) => !isMessage(rung.action) && rung.runs.some(spends));
  if (!acted || hostRuns.some(isOpen)) return undefined;
  if (!hasMessage(standing)) return gaveUp(context, standing, 'host_unreachable');
  return tell(context, standing, 'host_unreachable');
}

/** What follows the end of a problem: the only rung of such a ladder, once. */
export function decideRecovery(context: LadderContext, episode: string): LadderDecision | undefined {
  const [action] = context.ladder.rungs;
  if (action === undefined || context.check.state !== 'ok') return undefined;
  const runs = context.hostRuns.filter((run) => run.action === action.id && run.episode === episode);
  if (runs.some((run) => run.ladder === context.ladder.id && spends(run))) return undefined;
  const standing = { episode, rungs: [{ action, runs }] };
  return decideRung(context, standing, { action, runs });
}

/** The ladder's message, out of turn; undefined when it was sent, went out lately, or may not go. */
function tell(context: LadderContext, standing: LadderStanding, reason: Reason): LadderDecision | undefined {
  const message = standing.rungs.find((rung) => isMessage(rung.action) && rung.exhausted === undefined);
  if (message === undefined || (toldSeldom.includes(reason) && toldLately(context, message)))
    return undefined;
  const told = decideRung(context, standing, message);
  const blocked = told.decision.gates.some((gate) => !gate.passed && !toldAllTheSame.includes(gate.gate));
  return blocked ? undefined : { ...told, decision: { ...told.decision, verdict: 'act', reason } };
}

/** Every gate's answer for one rung, and what follows from them. */
export function decideRung(
  context: LadderContext,
  standing: LadderStanding,
  rung: RungStanding,
  keepFactsMs: number = factsKeepMs,
): LadderDecision {
  const attempt = rung.runs.length + 1;
  const runId = runIdOf(context.host, rung.action.id, standing.episode, attempt);
  const gates = askGates({ ...context, rung: rung.action, runId, factsKeepMs: keepFactsMs });
  const { verdict, reason } = concludeGates(gates);
  const decision: Decision = { ...place(context), action: rung.action.id, verdict, reason, gates };
  return { decision, episode: standing.episode, attempt };
}

/** Short of acting itself the other gates still speak: what would act is told apart from what would not. */
export function concludeGates(gates: readonly GateVerdict[]): Pick<Decision, 'verdict' | 'reason'> {
  const stopping = gates.filter((gate) => !gate.passed);
  const beyondMode = stopping.find((gate) => gate.gate !== 'mode');
  if (beyondMode?.reason !== undefined) return { verdict: 'held', reason: beyondMode.reason };
  const [mode] = stopping;
  if (mode?.reason !== undefined) return { verdict: 'would_act', reason: mode.reason };
  return { verdict: 'act', reason: 'act' };
}

function gaveUp(context: LadderContext, standing: LadderStanding, reason: Reason): LadderDecision {
  const last = standing.rungs.at(-1)?.action.id ?? context.ladder.id;
  const decision: Decision = { ...place(context), action: last, verdict: 'gave_up', reason, gates: [] };
  return { decision, episode: standing.episode, attempt: 0 };
}

function place(context: LadderContext): Pick<Decision, 'atMs' | 'host' | 'ladder' | 'check'> {
  return {
    atMs: context.nowMs,
    host: context.host,
    ladder: context.ladder.id,
    check: context.ladder.trigger.check,
  };
}

/** Without one, `remediation.page` is told. */
function hasMessage(standing: LadderStanding): boolean {
  return standing.rungs.some(({ action }) => isMessage(action) && action.enabled);
}

function toldLately(context: LadderContext, message: RungStanding): boolean {
  const sinceMs = context.nowMs - repeatedToldEveryMs;
  return context.hostRuns.some((run) => run.action === message.action.id && run.decidedAtMs > sinceMs);
}
