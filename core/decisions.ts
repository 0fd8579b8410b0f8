/**
 * The words of a decision: the gates, the reasons, and the stored answer for one moment. Data only.
 */

/** Gates in the order they are asked. */
export const gateNames = [
  'mode',
  'pause',
  'store',
  'rearm',
  'enabled',
  'self_doubt',
  'transport',
  'fresh_result',
  'state',
  'attempts',
  'duration',
  'dependency',
  'parent',
  'downtime',
  'acknowledgement',
  'silence',
  'flapping',
  'chronic',
  'human_intent',
  'min_uptime',
  'host_busy',
  'group_lock',
  'quorum',
  'brake',
  'cooldown',
  'runs_in_window',
  'host_budget',
  'group_budget',
  'fleet_budget',
  'approval',
] as const;
export type GateName = (typeof gateNames)[number];

/** Why a decision came out as it did. `act` aside, each is the cause that stopped it. */
export const reasons = [
  'act',
  'observe_mode',
  'propose_mode',
  'paused',
  'store_unwritable',
  'ledger_not_trusted',
  'disabled',
  'not_rendered',
  'self_doubt',
  'host_unreachable',
  'host_key_changed',
  'no_fresh_result',
  'no_problem',
  'problem_again',
  'state_not_listed',
  'attempts_not_reached',
  'too_few_in_window',
  'too_short',
  'dependency_down',
  'parent_down',
  'in_downtime',
  'acknowledged',
  'silenced',
  'flapping',
  'chronic',
  'facts_pending',
  'human_intent',
  'booted_lately',
  'run_in_progress',
  'fleet_busy',
  'group_busy',
  'group_unknown',
  'too_few_healthy',
  'round_pending',
  'brake_on',
  'cooldown',
  'max_runs_reached',
  'host_budget_spent',
  'group_budget_spent',
  'fleet_budget_spent',
  'approval_wanted',
  'approval_rejected',
  'approval_expired',
  'gave_up',
] as const;
export type Reason = (typeof reasons)[number];

/** The answer of one gate, with what it saw. */
export interface GateVerdict {
  gate: GateName;
  passed: boolean;
  reason?: Reason;
  /** What it compared, e.g. { seen: 1, needed: 2 }. */
  values: Record<string, string | number | boolean | null>;
  /** A sentence: what would open it. */
  opens?: string;
  /** Earliest wall time at which it could open by itself. */
  opensAtMs?: number;
}

/** The stored answer for one moment: act, or the first gate that stopped it. */
export interface Decision {
  atMs: number;
  host: string;
  ladder: string;
  /** The rung that was considered. */
  action: string;
  check: string;
  verdict: 'act' | 'would_act' | 'held' | 'gave_up' | 'nothing';
  reason: Reason;
  gates: GateVerdict[];
  /** Set when it led to a run. */
  runId?: string;
}

/** A decision as stored: repeats are folded. */
export interface StoredDecision extends Decision {
  id: number;
  count: number;
  lastAtMs: number;
}
