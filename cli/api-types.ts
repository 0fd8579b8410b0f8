/**
 * What the commands read of the API's answers, and no more: instants are RFC 3339 text. The API's own shapes stay in api/.
 */

import type { ApprovalStatus, Matcher, Mode } from '../core/safety.ts';
import type { CheckState, HostState, RunStatus, StateType, TransportFailure } from '../core/types.ts';
import type { HeldRow, RollbackRow } from './config-types.ts';

export interface HostRow {
  name: string;
  address: string;
  labels: Record<string, string>;
  status: {
    state: HostState;
    type: StateType;
    attempt: number;
    since: string;
    failure?: TransportFailure;
    behind?: string;
  };
  checks: Record<CheckState | 'pending', number>;
  parents: string[];
  run?: { id: string; action: string; status: RunStatus };
}

export interface CheckStatusRow {
  state: CheckState | 'pending';
  type: StateType;
  attempt: number;
  since: string;
  flap: { flapping: boolean; percent: number };
  lastResult?: { text: string; startedAt: string };
  suppressedBy?: string;
}

export interface CheckRow {
  host: string;
  check: string;
  kind: string;
  status: CheckStatusRow;
  stale: boolean;
  nextDueAt?: string;
  maxAttempts: number;
}

export interface TransitionRow {
  at: string;
  host: string;
  check?: string;
  from: string;
  to: string;
  type: StateType;
  attempt: number;
  text: string;
  flapping: boolean;
  afterAction: boolean;
}

export interface ResultRow {
  host: string;
  check: string;
  state: CheckState;
  text: string;
  startedAt: string;
  durationMs: number;
}

export interface GateRow {
  gate: string;
  passed: boolean;
  reason?: string;
  values: Record<string, string | number | boolean | null>;
  opens?: string;
  opensAt?: string;
}

export interface RunRow {
  id: string;
  host: string;
  action: string;
  kind: string;
  attempt: number;
  status: RunStatus;
  decidedAt: string;
  dispatchedAt?: string;
  endedAt?: string;
  decidedBy: string;
  reason: string;
  command: string;
  exitCode?: number;
  outcome?: string;
}

export interface RunStory extends RunRow {
  gates: GateRow[];
  stdout?: string;
  stderr?: string;
  evidence?: string;
  events: { at: string; status: string; text: string }[];
}

export interface ExplanationRow {
  host: string;
  ladder: string;
  action: string;
  check: string;
  at: string;
  verdict: string;
  reason: string;
  gates: GateRow[];
  rungs: { action: string; kind: string; status: string; why: string }[];
  earliest?: string;
}

export interface DecisionRow {
  at: string;
  lastAt: string;
  count: number;
  host: string;
  ladder: string;
  action: string;
  check: string;
  verdict: string;
  reason: string;
  gates: GateRow[];
  runId?: string;
}

export interface ExplainAnswer {
  at: string;
  source: 'now' | 'ledger';
  explanations: ExplanationRow[];
  decisions: DecisionRow[];
}

export interface PlanAnswer {
  host: string;
  action: string;
  kind: string;
  command: string;
  gates: GateRow[];
  allowed: boolean;
}

export interface PauseRow {
  since: string;
  by: string;
  reason: string;
  until?: string;
}

interface SuppressionBase {
  id: string;
  by: string;
  reason: string;
  createdAt: string | null;
  origin: 'definitions' | 'person';
}

export type WindowRow =
  | { kind: 'fixed'; startsAt: string | null; endsAt: string }
  | { kind: 'flexible'; startsAt: string | null; endsAt: string; lastsMs: number }
  | { kind: 'recurring'; cron: string; timezone: string; lastsMs: number };

export type SuppressionRow =
  | (SuppressionBase & { kind: 'silence'; match: Matcher; startsAt: string | null; endsAt: string })
  | (SuppressionBase & { kind: 'downtime'; match: Matcher; window: WindowRow })
  | (SuppressionBase & {
      kind: 'acknowledgement';
      host: string;
      check: string;
      state: string;
      sticky: boolean;
      endsAt?: string;
    });

export interface ApprovalRow {
  id: string;
  host: string;
  action: string;
  check: string;
  command: string;
  reason: string;
  gates: GateRow[];
  createdAt: string;
  expiresAt: string;
  status: ApprovalStatus;
  tag: string;
  decidedAt?: string;
  decidedBy?: string;
  answer?: string;
}

export interface BrakeRow {
  scope: string;
  on: boolean;
  unhealthy: number;
  hosts: number;
  allowed: number;
  state?: {
    cause: string;
    since: string;
    unhealthy: number;
    hosts: number;
    belowSince?: string;
    released?: { at: string; by: string; reason: string };
  };
  tag: string;
  releasesAt?: string;
  releasesAfterMs?: number;
}

export interface TrustRow {
  action: string;
  mode: Mode;
  since: string;
  by: string;
  reason: string;
  tag: string;
}

export interface QuarantineRow {
  cause: string;
  since: string;
  text: string;
}

export interface OutcomeRow {
  action: string;
  host?: string;
  runs: number;
  verified: number;
  notVerified: number;
  failed: number;
  inconclusive: number;
  unknown: number;
  successRate?: number;
  recurred: number;
  medianTimeToHealMs?: number;
  lastRunAt?: string;
}

export interface AuditRow {
  seq: number;
  at: string;
  kind: string;
  actor: string;
  event: string;
  body: Record<string, unknown>;
  previous: string;
  hash: string;
}

export interface NowAnswer {
  at: string;
  verdict: {
    needYou: number;
    healing: number;
    problems: number;
    unreachable: number;
    stale: number;
    ok: number;
    sentence: string;
  };
  /** Of the daemon itself. */
  health: { ready: boolean; problems: string[] };
  automation: {
    mode: Mode;
    paused?: PauseRow;
    doubt?: { cause: string; since: string; values: GateRow['values']; opens: string };
    quarantine?: QuarantineRow;
    brakes: BrakeRow[];
    demoted: TrustRow[];
    fleetRuns: { used: number; limit: number; perMs: number };
  };
  definitions: {
    revision: string;
    loadedAt: string;
    lastReloadOk: boolean;
    problems: string[];
    commit?: string;
    held?: HeldRow;
    rollback?: RollbackRow;
  };
  approvals: ApprovalRow[];
  /** Absent from older daemons. */
  messages?: { waiting: number; dead: number; oldestWaitingMs?: number };
  registrations?: { waiting: number; names: string[] };
  heldInventories?: { name: string; since: string; vanished: number; of: number }[];
  totals?: { healed: number; flapping: number; suppressions: number };
  needsYou: {
    explanation: ExplanationRow;
    status: CheckStatusRow;
    runs: RunRow[];
    /** `action` is absent when nothing more will be tried. */
    next: { why: string; action?: string };
  }[];
  healing: RunRow[];
  healed: RunRow[];
  worst: CheckRow[];
  unreachable: (HostRow & { behind: string[] })[];
  suppressions: SuppressionRow[];
}
