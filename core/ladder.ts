/**
 * Where a ladder stands on one host, derived from the check's state and the ledger's runs alone: nothing about a
 * ladder is stored, so nothing about it can be lost or disagree after a crash. Decides nothing.
 */
import type { ActionDefinition, LadderDefinition, RunbookDefinition } from './definitions.ts';
import type { Approval } from './safety.ts';
import { type CheckStatus, isOpen, type RunSummary } from './types.ts';

/** Why a rung is used up in the present episode. */
export type Exhaustion =
  | 'disabled'
  /** A template of it has no value for this host. */
  | 'not_rendered'
  | 'failed'
  | 'not_verified'
  | 'max_runs_reached'
  | 'sent'
  /** A person was asked for it and did not allow it in time. */
  | 'not_approved';

export interface RungStanding {
  action: ActionDefinition;
  /** Runs of this action in the present episode, newest last. */
  runs: readonly RunSummary[];
  exhausted?: Exhaustion;
}

export interface LadderStanding {
  /** Start of the problem, ms since the epoch in base 36. */
  episode: string;
  rungs: readonly RungStanding[];
  /** The rung to consider next; undefined when all are exhausted: given up. */
  next?: RungStanding;
}

/** Every rung of a runbook, on whatever host. */
export function rungsOf({ ladders, variants }: RunbookDefinition): ActionDefinition[] {
  const lists =
    variants === undefined ? [ladders] : [...new Set(variants.values())].map((each) => each.ladders);
  return lists.flatMap((list) => list.flatMap(({ rungs }) => rungs));
}

/** notify tells people; everything else changes something. */
export function isMessage(action: ActionDefinition): boolean {
  return action.effect.kind === 'notify';
}

/** A run that certainly did nothing to the machine spends nothing: the ledger counts alike. */
export function spends(run: RunSummary): boolean {
  if (run.status === 'cancelled') return run.dispatchedAtMs !== undefined;
  return run.status !== 'refused' && run.status !== 'expired';
}

/** Before a rung that could not be sent is tried again: doubling from the first to the longest. Milliseconds. */
const firstRetryMs = 10_000;
const longestRetryMs = 3_600_000;
/** So many attempts that came to nothing are no accident: people are told. */
export const unsentUntilTold = 3;

/** Runs that came to nothing: cancelled, refused by the target, too late. */
export function unsentRuns(runs: readonly RunSummary[]): RunSummary[] {
  return runs.filter((run) => !spends(run));
}

/** When to try again what could not be sent. Wall time; 0: nothing to wait for. */
export function retryAtMs(unsent: readonly RunSummary[]): number {
  const last = unsent.at(-1);
  if (last === undefined) return 0;
  return (
    (last.endedAtMs ?? last.decidedAtMs) + Math.min(longestRetryMs, firstRetryMs * 2 ** (unsent.length - 1))
  );
}

/**
 * The episode a problem belongs to. A check that turns OK for a moment and breaks again while a run of its ladder is
 * being verified is the same trouble: the run that ended with it hands its episode on, so that the ladder climbs.
 */
export function episodeOf(ladder: LadderDefinition, check: CheckStatus, runs: readonly RunSummary[]): string {
  const problemSinceMs = check.problemSinceMs ?? check.sinceMs;
  const newest = runs.findLast((run) => run.ladder === ladder.id);
  if (newest !== undefined && (isOpen(newest) || (newest.endedAtMs ?? 0) >= problemSinceMs))
    return newest.episode;
  return problemSinceMs.toString(36);
}

/** Runs of one action in its window that count against `max_runs`. */
export function runsInWindow(
  action: ActionDefinition,
  runs: readonly RunSummary[],
  nowMs: number,
): RunSummary[] {
  const sinceMs = nowMs - action.maxRuns.perMs;
  return runs.filter((run) => run.action === action.id && run.decidedAtMs > sinceMs && spends(run));
}

/** Runs of one action in a window that healed: one for each episode, oldest first. */
export function verifiedInWindow(
  action: ActionDefinition,
  perMs: number,
  runs: readonly RunSummary[],
  nowMs: number,
): RunSummary[] {
  const verified = runs.filter(
    (run) => run.action === action.id && run.status === 'verified' && run.decidedAtMs > nowMs - perMs,
  );
  return [...new Map(verified.map((run) => [run.episode, run])).values()];
}

/** What a standing is derived from. */
export interface Known {
  ladder: LadderDefinition;
  check: CheckStatus;
  /** Oldest first. */
  hostRuns: readonly RunSummary[];
  approvals: readonly Approval[];
  nowMs: number;
}

export function standingOf({ ladder, check, hostRuns, approvals, nowMs }: Known): LadderStanding {
  const episode = episodeOf(ladder, check, hostRuns);
  const tried = hostRuns.filter((run) => run.ladder === ladder.id && run.episode === episode);
  const firstRepair = tried.find((run) => run.kind !== 'notify' && spends(run));
  const asked = (action: ActionDefinition): Approval[] =>
    approvals.filter(
      (each) => each.action === action.id && each.ladder === ladder.id && each.episode === episode,
    );
  const rungs = ladder.rungs.map((action): RungStanding => {
    const runs = tried.filter((run) => run.action === action.id);
    const exhausted = isMessage(action)
      ? messageExhaustionOf(action, runs, firstRepair)
      : (exhaustionOf(action, runs, hostRuns, nowMs) ?? denialOf(runs, asked(action), nowMs));
    return { action, runs, ...(exhausted === undefined ? {} : { exhausted }) };
  });
  const furthest = rungs.findLastIndex((rung) => !isMessage(rung.action) && rung.runs.some(spends));
  const next = rungs.find((rung, index) => index >= furthest && rung.exhausted === undefined);
  return { episode, rungs, ...(next === undefined ? {} : { next }) };
}

function exhaustionOf(
  action: ActionDefinition,
  runs: readonly RunSummary[],
  hostRuns: readonly RunSummary[],
  nowMs: number,
): Exhaustion | undefined {
  if (!action.enabled) return 'disabled';
  if (action.blocked !== undefined) return 'not_rendered';
  for (const { status } of runs) {
    if (status === 'failed' || status === 'not_verified') return status;
  }
  if (runs.some(isOpen)) return undefined;
  return runsInWindow(action, hostRuns, nowMs).length >= action.maxRuns.runs ? 'max_runs_reached' : undefined;
}

/** A question that was answered with no, or with a yes that was not used in time, or not at all. */
function denialOf(
  runs: readonly RunSummary[],
  asked: readonly Approval[],
  nowMs: number,
): Exhaustion | undefined {
  const denied = asked.some(({ id, status, expiresAtMs }) => {
    if (status !== 'waiting' && status !== 'approved') return true;
    return nowMs >= expiresAtMs && !runs.some((run) => run.id === id);
  });
  return denied ? 'not_approved' : undefined;
}

/** A message from before the first repair told that it was held; it does not stand for the one after the last. */
function messageExhaustionOf(
  action: ActionDefinition,
  runs: readonly RunSummary[],
  firstRepair: RunSummary | undefined,
): Exhaustion | undefined {
  if (!action.enabled) return 'disabled';
  if (action.blocked !== undefined) return 'not_rendered';
  const counted = runs.filter((run) => run.decidedAtMs >= (firstRepair?.decidedAtMs ?? 0));
  if (counted.some((run) => run.status === 'done')) return 'sent';
  return counted.some((run) => run.status === 'failed') ? 'failed' : undefined;
}
