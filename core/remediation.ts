/**
 * Decides, for one ladder on one host at one moment: act, or the first gate that stops it. Pure; the reason travels
 * with the answer.
 */

import type { Decision, GateVerdict, Reason } from './decisions.ts';
import type { LadderDefinition } from './definitions.ts';
import { askGates, type FleetView } from './gates.ts';
import { isMessage, type LadderStanding, type RungStanding, standingOf } from './ladder.ts';
import type { CheckStatus, HostStatus, RunSummary } from './types.ts';

/**
 * While a repair is held by a person or by flapping, people are still told, but no more often than this. Milliseconds.
 */
export const heldMessageEveryMs = 3_600_000;

/** Holds that can last: they stop repairs, and the ladder's message goes out meanwhile. */
const lastingHolds: readonly Reason[] = ['paused', 'flapping'];

export interface LadderContext {
  host: string;
  ladder: LadderDefinition;
  check: CheckStatus;
  hostStatus: HostStatus;
  /** Oldest first. */
  hostRuns: readonly RunSummary[];
  fleet: FleetView;
  nowMs: number;
}

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
  const { check, ladder, hostRuns, nowMs } = context;
  if (check.state === 'ok' || check.state === 'pending') return [];
  const standing = standingOf(ladder, check, hostRuns, nowMs);
  if (standing.next === undefined) return [gaveUp(context, standing)];
  const first = decideRung(context, standing, standing.next);
  const message = isMessage(standing.next.action) ? undefined : messageOf(standing);
  if (message === undefined || !lastingHolds.includes(first.decision.reason)) return [first];
  if (toldLately(context, message)) return [first];
  const second = decideRung(context, standing, message);
  const blocked = second.decision.gates.some((gate) => !gate.passed && gate.gate !== 'flapping');
  if (blocked) return [first];
  return [
    first,
    { ...second, decision: { ...second.decision, verdict: 'act', reason: first.decision.reason } },
  ];
}

/** Every gate's answer for one rung, and what follows from them. */
export function decideRung(
  context: LadderContext,
  standing: LadderStanding,
  rung: RungStanding,
): LadderDecision {
  const { nowMs, ladder, check, hostStatus: host, hostRuns, fleet } = context;
  const gates = askGates({ nowMs, ladder, rung: rung.action, check, host, hostRuns, fleet });
  const { verdict, reason } = concludeGates(gates);
  return {
    decision: { ...place(context), action: rung.action.id, verdict, reason, gates },
    episode: standing.episode,
    attempt: rung.runs.length + 1,
  };
}

/** In observe mode the other gates still speak: what would act is told apart from what would not. */
export function concludeGates(gates: readonly GateVerdict[]): Pick<Decision, 'verdict' | 'reason'> {
  const stopping = gates.filter((gate) => !gate.passed);
  const beyondMode = stopping.find((gate) => gate.gate !== 'mode');
  if (beyondMode?.reason !== undefined) return { verdict: 'held', reason: beyondMode.reason };
  if (stopping.length > 0) return { verdict: 'would_act', reason: 'observe_mode' };
  return { verdict: 'act', reason: 'act' };
}

function gaveUp(context: LadderContext, standing: LadderStanding): LadderDecision {
  const last = standing.rungs.at(-1)?.action.id ?? context.ladder.id;
  const decision: Decision = {
    ...place(context),
    action: last,
    verdict: 'gave_up',
    reason: 'gave_up',
    gates: [],
  };
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

function messageOf(standing: LadderStanding): RungStanding | undefined {
  return standing.rungs.find((rung) => isMessage(rung.action) && rung.exhausted === undefined);
}

function toldLately(context: LadderContext, message: RungStanding): boolean {
  const sinceMs = context.nowMs - heldMessageEveryMs;
  return context.hostRuns.some((run) => run.action === message.action.id && run.decidedAtMs > sinceMs);
}
