/**
 * What the gates see: the fleet as a whole, and one ladder of one host within it. Data only; core/census.ts keeps the groups,
 * the daemon fills in the rest.
 */
import type { GateVerdict, Reason } from './decisions.ts';
import type { ActionDefinition, HostPlan, LadderDefinition } from './definitions.ts';
import type { HostEngineState, HostFacts } from './reduction.ts';
import type { RemediationConfig } from './remediation-config.ts';
import type {
  ActiveSuppression,
  Approval,
  BrakeState,
  Doubt,
  GroupKey,
  Mode,
  Quarantine,
  TrustCap,
} from './safety.ts';
import type { CheckStatus, HostStatus, Pause, RunSummary } from './types.ts';

export interface MemberView {
  /** Cannot be reached, or has a problem that a ladder would act on, or one that is critical. */
  unhealthy: boolean;
  /** Wall time; 0 while healthy. */
  unhealthySinceMs: number;
  /** Start of the newest answer or failure; 0: not asked yet. */
  askedAtMs: number;
  /** Longest wait between two questions to it, if it is asked often enough to be waited for. */
  askedEveryMs?: number;
  openRepairs: number;
}

/** The hosts of one group as they are at present. */
export interface GroupView {
  key: GroupKey;
  members: ReadonlyMap<string, MemberView>;
  unhealthy: number;
  openRepairs: number;
  /** Repairs that count against budgets, decided after that wall time. */
  repairsSince(sinceMs: number): number;
  brake?: BrakeState;
}

/** What the fleet as a whole looks like at one moment. */
export interface FleetView {
  mode: Mode;
  paused?: Pause | undefined;
  /** Why an intent cannot be written at present. */
  storeProblem?: string | undefined;
  quarantine?: Quarantine | undefined;
  doubt?: Doubt | undefined;
  /** Newest wall time at which a canary answered: our own network works. */
  canaryAtMs: number;
  /** Results that began before this do not count: the daemon's own start, or the end of a doubt. Wall time. */
  freshSinceMs: number;
  limits: Pick<RemediationConfig, 'maxRuns' | 'maxConcurrent' | 'maxRunsPerHost' | 'groups' | 'brake'>;
  /** Always holds `fleet`. */
  groups: ReadonlyMap<GroupKey, GroupView>;
  /** In force now, by host. */
  suppressions: ReadonlyMap<string, readonly ActiveSuppression[]>;
  /** Actions that lost trust, by id. */
  caps: ReadonlyMap<string, TrustCap>;
  states: ReadonlyMap<string, HostEngineState>;
  plans: ReadonlyMap<string, HostPlan>;
}

/** All that is known when a ladder of a host is decided. */
export interface LadderContext {
  nowMs: number;
  host: string;
  plan: HostPlan;
  ladder: LadderDefinition;
  /** The trouble that triggers the ladder: a check's, or the host's own told like one. */
  check: CheckStatus;
  hostStatus: HostStatus;
  /** Oldest first. */
  hostRuns: readonly RunSummary[];
  approvals: readonly Approval[];
  facts: Readonly<Record<string, HostFacts>>;
  fleet: FleetView;
  /** A check it depends on of which nothing is known since `freshSinceMs`, or since the problem began. */
  unasked?: string;
}

export interface GateContext extends LadderContext {
  rung: ActionDefinition;
  /** Id of the run that would begin. */
  runId: string;
  /** All other gates are open, so that it is worth asking the target for facts. */
  factsWanted: boolean;
  /** Facts older than this do not count. Milliseconds. */
  factsKeepMs: number;
}

export type GateAnswer = Omit<GateVerdict, 'gate'>;
export type Gate = (context: GateContext) => GateAnswer;
type Values = GateVerdict['values'];

export function pass(values: Values): GateAnswer {
  return { passed: true, values };
}

/** `opens`: what would open it. `opensAtMs`: the earliest wall time at which time alone could. */
export function stop(reason: Reason, values: Values, opens: string, opensAtMs?: number): GateAnswer {
  return { passed: false, reason, values, opens, ...(opensAtMs === undefined ? {} : { opensAtMs }) };
}
