/**
 * What the commands read of the API's answers, and no more: instants are RFC 3339 text. The API's own shapes stay in api/.
 */
import type { CheckState, HostState, RunStatus, StateType, TransportFailure } from '../core/types.ts';

export interface HostRow {
  name: string;
  address: string;
  labels: Record<string, string>;
  status: { state: HostState; type: StateType; attempt: number; since: string; failure?: TransportFailure };
  checks: Record<CheckState | 'pending', number>;
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

export interface NowAnswer {
  at: string;
  verdict: { needYou: number; healing: number; problems: number; ok: number; sentence: string };
  automation: {
    mode: 'observe' | 'auto';
    paused?: PauseRow;
    fleetRuns: { used: number; limit: number; perMs: number };
  };
  definitions: { revision: string; loadedAt: string; lastReloadOk: boolean; problems: string[] };
  needsYou: { explanation: ExplanationRow; status: CheckStatusRow; runs: RunRow[] }[];
  healing: RunRow[];
  healed: RunRow[];
  worst: CheckRow[];
  unreachable: HostRow[];
}
