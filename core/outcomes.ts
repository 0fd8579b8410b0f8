/** Counts what actions came to, and says when one no longer deserves its trust. Pure; over the runs it is given. */
import type { DemotionRule } from './definitions.ts';
import type { Mode, Outcomes } from './safety.ts';
import { isOpen, type RunSummary } from './types.ts';

/** Trouble that is back so soon after a verified run was not healed. Milliseconds. */
export const recurrenceMs = 86_400_000;

/** Runs of repairs, oldest first; messages and what never reached a target are not counted. */
export function outcomesOf(runs: readonly RunSummary[], perHost: boolean): Outcomes[] {
  const groups = new Map<string, RunSummary[]>();
  for (const run of runs.filter(isCounted)) {
    const key = perHost ? `${run.action}\n${run.host}` : run.action;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].map((group) => summed(group, runs, perHost));
}

function isCounted(run: RunSummary): boolean {
  return run.kind !== 'notify' && run.dispatchedAtMs !== undefined && run.status !== 'refused';
}

function summed(group: readonly RunSummary[], all: readonly RunSummary[], perHost: boolean): Outcomes {
  const count = (...statuses: RunSummary['status'][]): number =>
    group.filter(({ status }) => statuses.includes(status)).length;
  const verified = count('verified');
  const [notVerified, failed] = [count('not_verified'), count('failed')];
  const judged = verified + notVerified + failed;
  const recurred = group.filter((run) => isRecurring(run, all)).length;
  const healedMs = group.filter(({ status }) => status === 'verified').map(timeToHealMs);
  const [first] = group;
  const host = first?.host;
  const lastRunAtMs = group.at(-1)?.decidedAtMs;
  return {
    action: first?.action ?? '',
    ...(perHost && host !== undefined ? { host } : {}),
    runs: group.length,
    verified,
    notVerified,
    failed,
    inconclusive: count('inconclusive'),
    unknown: count('unknown'),
    ...(judged === 0 ? {} : { successRate: verified / judged }),
    recurred,
    ...(verified === 0 ? {} : { recurrenceRate: recurred / verified, medianTimeToHealMs: median(healedMs) }),
    ...(lastRunAtMs === undefined ? {} : { lastRunAtMs }),
  };
}

function episodeSinceMs({ episode }: RunSummary): number {
  return Number.parseInt(episode, 36);
}

function timeToHealMs(run: RunSummary): number {
  const healedAtMs = run.verifyOkSinceMs ?? run.endedAtMs ?? run.decidedAtMs;
  return Math.max(0, healedAtMs - episodeSinceMs(run));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** A verified run whose trouble led to another run of its ladder within a day. What a person commands tells of no trouble. */
function isRecurring(run: RunSummary, all: readonly RunSummary[]): boolean {
  if (run.status !== 'verified') return false;
  const endedMs = run.endedAtMs ?? run.decidedAtMs;
  return all.some((later) => {
    const sinceMs = episodeSinceMs(later);
    const isSame = later.host === run.host && later.ladder === run.ladder && later.episode !== run.episode;
    return isSame && later.byPerson !== true && sinceMs >= endedMs && sinceMs < endedMs + recurrenceMs;
  });
}

/** Why an action is trusted less from now on. */
export interface Demotion {
  mode: Exclude<Mode, 'auto' | 'observe'>;
  reason: string;
}

/**
 * One step down: auto, then approve, then propose. `runs`: of all hosts, oldest first; those from before `sinceMs`, when a
 * person or the rule last judged, are not held against it.
 */
export function judgeTrust(
  action: string,
  mode: Mode,
  rule: DemotionRule,
  runs: readonly RunSummary[],
  sinceMs: number,
  nowMs: number,
): Demotion | undefined {
  const next = mode === 'auto' ? 'approve' : mode === 'approve' ? 'propose' : undefined;
  if (next === undefined) return undefined;
  const own = runs.filter(
    (run) => run.action === action && isCounted(run) && !isOpen(run) && run.decidedAtMs > sinceMs,
  );
  const judged = own.filter(({ status }) => ['verified', 'not_verified', 'failed'].includes(status));
  const failures = judged.length - 1 - judged.findLastIndex(({ status }) => status === 'verified');
  if (failures >= rule.failures) return { mode: next, reason: `it failed ${failures} times in a row` };
  const lately = own.filter((run) => (run.endedAtMs ?? 0) > nowMs - recurrenceMs);
  const recurred = lately.filter((run) => isRecurring(run, runs)).length;
  if (recurred < rule.recurrences) return undefined;
  return { mode: next, reason: `the trouble it had healed came back ${recurred} times within 24 h` };
}
