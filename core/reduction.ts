/**
 * What goes into the reducer and what comes out: one host's state, the events, the effects. Data only.
 */
import type { Decision } from './decisions.ts';
import type { ActionDefinition, LadderDefinition } from './definitions.ts';
import type { TargetFacts } from './guard-port.ts';
import type { Approval } from './safety.ts';
import type {
  CheckResult,
  CheckStatus,
  HostStatus,
  RunSummary,
  Transition,
  TransportFailure,
} from './types.ts';
import type { Judgement } from './verification.ts';

/** What the target said of itself just before an action; kept in memory only. */
export type HostFacts = Omit<Extract<TargetFacts, { kind: 'facts' }>, 'kind'> & {
  /** When the question was put. */
  atMs: number;
  /** When the answer came, which may take as long as a question may; they are fresh for a while from then on. */
  heardAtMs?: number;
};

/** All that is concluded about one host. JSON-safe: what is stored equals what is loaded. */
export interface HostEngineState {
  host: HostStatus;
  checks: Readonly<Record<string, CheckStatus>>;
  /** Open and recent runs on this host, oldest first. */
  runs: readonly RunSummary[];
  /** Questions to people about this host that are open, or of a present problem; oldest first. */
  approvals: readonly Approval[];
  /** By action id. */
  facts: Readonly<Record<string, HostFacts>>;
  /** By ladder: what is still to follow a recovery; kept in memory only. */
  owed?: Readonly<Record<string, OwedRecovery>>;
}

/** A recovery whose follow-up is not done yet: something holds it, or it could not be sent. */
export interface OwedRecovery {
  /** Of the problem that ended. */
  episode: string;
  sinceMs: number;
}

export type EngineEvent =
  /** `viaHost`: the result came over this host's own connection, so the host was reached. */
  | { kind: 'result'; check: string; result: CheckResult; viaHost: boolean }
  /** `startedAtMs`: when asking began. */
  | { kind: 'unreachable'; failure: TransportFailure; startedAtMs: number }
  /** A run of this host was added or moved. */
  | { kind: 'run'; run: RunSummary }
  /** A question was put, or answered: an answer is acted upon at once. */
  | { kind: 'approval'; approval: Approval }
  /** The target told what a decision wanted to know. */
  | { kind: 'facts'; ladder: string; action: string; facts: HostFacts }
  /** Time passed: deadlines of verification are judged. */
  | { kind: 'tick' };

export type Effect =
  | { kind: 'act'; ladder: LadderDefinition; action: ActionDefinition; run: RunSummary; decision: Decision }
  | { kind: 'verify'; runId: string; judgement: Judgement }
  /** The next rung needs a person's word, and nobody was asked yet. */
  | { kind: 'ask'; ladder: LadderDefinition; action: ActionDefinition; run: RunSummary; decision: Decision }
  /** It would act, and is told to tell of it instead. */
  | {
      kind: 'propose';
      ladder: LadderDefinition;
      action: ActionDefinition;
      run: RunSummary;
      decision: Decision;
    }
  /** Everything else being open, the target is to be asked for facts. */
  | { kind: 'probe'; ladder: LadderDefinition; action: ActionDefinition }
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
