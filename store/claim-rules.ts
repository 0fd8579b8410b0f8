/** Owns the rules of a claim, asked inside its transaction; the first that refuses is the reason. Writes nothing. */
import type { ClaimVerdict, RunsLimit, Slots } from '../core/ports.ts';
import type { GroupKey } from '../core/safety.ts';
import type { Intent } from '../core/types.ts';
import type { Connection } from './connection.ts';
import type { SqlValue } from './rows.ts';
import type { RunGroups } from './run-groups.ts';
import { openRuns, spendingRuns } from './run-rows.ts';

export type Refusal = Extract<ClaimVerdict, { kind: 'refused' }>['reason'];

/** What a claim asks beyond the runs themselves. */
export interface ClaimGuards {
  /** The newest fence token in the ledger. */
  fence: () => number;
  isQuarantined: () => boolean;
  isPaused: (nowMs: number) => boolean;
  /** On, and not released. */
  isBraked: (scope: GroupKey) => boolean;
  isApproved: (runId: string, tag: string) => boolean;
}

export function claimRules(
  db: Connection,
  guards: ClaimGuards,
  groups: RunGroups,
): (intent: Intent, slots: Slots) => Refusal | undefined {
  const count = (where: string): ((...params: SqlValue[]) => number) => {
    const statement = db.prepare<SqlValue[], number>(`SELECT count(*) FROM runs WHERE ${where}`).pluck();
    return (...params) => statement.get(...params) ?? 0;
  };
  const sameId = count('id = ?');
  const openOnHost = count(`host = ? AND repairs = 1 AND ${openRuns}`);
  const openInFleet = count(`repairs = 1 AND ${openRuns}`);
  const ofAction = count(`host = ? AND action = ? AND decided_at_ms > ? AND ${spendingRuns}`);
  const ofHost = count(`host = ? AND repairs = 1 AND decided_at_ms > ? AND ${spendingRuns}`);
  const ofFleet = count(`repairs = 1 AND decided_at_ms > ? AND ${spendingRuns}`);

  return (intent, slots) => {
    const { host, action } = intent;
    if (guards.fence() !== intent.fence) return 'fenced';
    if (sameId(intent.id) > 0) return 'duplicate';
    // A message changes no machine: people are told also while automation is paused.
    if (!slots.repairs) return undefined;
    if (guards.isQuarantined()) return 'not_rearmed';
    if (guards.isPaused(intent.decidedAtMs)) return 'paused';
    if (openOnHost(host) > 0) return 'host_busy';
    if (slots.groups.some(({ key, concurrent = Infinity }) => groups.open(key) >= concurrent))
      return 'group_busy';
    if (openInFleet() >= slots.fleetConcurrent) return 'fleet_busy';
    if (slots.brakes.some((scope) => guards.isBraked(scope))) return 'brake_on';
    if (isSpent(slots.action, (sinceMs) => ofAction(host, action, sinceMs))) return 'max_runs_reached';
    if (isSpent(slots.host, (sinceMs) => ofHost(host, sinceMs))) return 'host_budget_spent';
    const isGroupSpent = ({ key, runs }: Slots['groups'][number]): boolean =>
      runs !== undefined && isSpent(runs, (sinceMs) => groups.spent(key, sinceMs));
    if (slots.groups.some(isGroupSpent)) return 'group_budget_spent';
    if (isSpent(slots.fleet, ofFleet)) return 'fleet_budget_spent';
    const { approvalTag } = slots;
    if (approvalTag !== undefined && !guards.isApproved(intent.id, approvalTag)) return 'not_approved';
    return undefined;
  };
}

function isSpent(limit: RunsLimit, used: (sinceMs: number) => number): boolean {
  return used(limit.sinceMs) >= limit.runs;
}
