/**
 * What goes into the reducer and what comes out: one host's state, the events, the effects. Data only.
 */
import type { Decision } from './decisions.ts';
import type { ActionDefinition, LadderDefinition } from './definitions.ts';
import type {
  CheckResult,
  CheckStatus,
  HostStatus,
  RunSummary,
  Transition,
  TransportFailure,
} from './types.ts';
import type { Judgement } from './verification.ts';

/** All that is concluded about one host. JSON-safe: what is stored equals what is loaded. */
export interface HostEngineState {
  host: HostStatus;
  checks: Readonly<Record<string, CheckStatus>>;
  /** Open and recent runs on this host, oldest first. */
  runs: readonly RunSummary[];
}

export type EngineEvent =
  /** `viaHost`: the result came over this host's own connection, so the host was reached. */
  | { kind: 'result'; check: string; result: CheckResult; viaHost: boolean }
  | { kind: 'unreachable'; failure: TransportFailure }
  /** A run of this host was added or moved. */
  | { kind: 'run'; run: RunSummary }
  /** Time passed: deadlines of verification are judged. */
  | { kind: 'tick' };

export type Effect =
  | { kind: 'act'; ladder: LadderDefinition; action: ActionDefinition; run: RunSummary; decision: Decision }
  | { kind: 'verify'; runId: string; judgement: Judgement }
  /** The trigger check of a ladder is OK again. */
  | { kind: 'recovered'; ladder: LadderDefinition }
  /** Every rung is used up. */
  | { kind: 'gave_up'; ladder: LadderDefinition; episode: string }
  /** Fresh evidence is wanted before the next regular run of the check. */
  | { kind: 'check_soon'; check: string };

export interface Reduction {
  state: HostEngineState;
  transitions: Omit<Transition, 'id'>[];
  decisions: Decision[];
  effects: Effect[];
}
