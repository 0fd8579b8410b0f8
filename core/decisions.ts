/**
 * The words of a decision: the gates, the reasons, and the stored answer for one moment. Data only.
 */

/** Gates in the order they are asked. */
export type GateName =
  | 'mode'
  | 'pause'
  | 'store'
  | 'enabled'
  | 'transport'
  | 'fresh_result'
  | 'state'
  | 'attempts'
  | 'dependency'
  | 'flapping'
  | 'host_busy'
  | 'concurrency'
  | 'cooldown'
  | 'runs_in_window'
  | 'fleet_budget';

/** Why a decision came out as it did. `act` aside, each is the cause that stopped it. */
export type Reason =
  | 'act'
  | 'observe_mode'
  | 'paused'
  | 'store_unwritable'
  | 'disabled'
  | 'host_unreachable'
  | 'host_key_changed'
  | 'no_fresh_result'
  | 'no_problem'
  | 'state_not_listed'
  | 'attempts_not_reached'
  | 'dependency_down'
  | 'flapping'
  | 'run_in_progress'
  | 'fleet_busy'
  | 'cooldown'
  | 'max_runs_reached'
  | 'fleet_budget_spent'
  | 'gave_up';

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
