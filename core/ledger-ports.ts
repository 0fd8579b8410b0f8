/** The parts of the ledger that restrain and that remember who did what; core/ports.ts joins them into the `Coordinator`. */
import type { NewMessage } from './message-port.ts';
import type { Registration } from './outside-port.ts';
import type { HistoryQuery, Page } from './ports.ts';
import type {
  Approval,
  ApprovalStatus,
  AuditEntry,
  AuditVerdict,
  BrakeState,
  GroupKey,
  Quarantine,
  Suppression,
  TrustCap,
} from './safety.ts';

/** What people hear once a question is one no more, and the messages that are not sent any more, by id, unless they are sent already. */
export interface QuestionEnd {
  messages: readonly NewMessage[];
  withdrawn: readonly number[];
}

/** What people and rules lay upon actions; what they are told of a question is queued in the transaction of its change. Each change is durable when the method returns. Errors: MenddError. */
export interface Restraints {
  /** In force or to come, at that wall time. */
  suppressions(nowMs: number): Suppression[];
  addSuppression(suppression: Suppression): void;
  /** Undefined when there is none that has not ended. */
  endSuppression(id: string, by: string, atMs: number): Suppression | undefined;
  /** Newest first; all waiting ones and those settled at or after `sinceMs`. */
  approvals(sinceMs: number): Approval[];
  approval(id: string): Approval | undefined;
  /** False when that question was asked already. */
  askApproval(approval: Approval, messages?: readonly NewMessage[]): boolean;
  /** Puts it in the place of the open question of the same id; false when there is none. */
  askAgain(approval: Approval, messages?: readonly NewMessage[]): boolean;
  /**
   * Moves a waiting (or, to `lapsed`, an approved) question; undefined when it is not in that state any more. `tag`: which a person
   * answered, kept with the answer.
   */
  settleApproval(
    id: string,
    change: {
      status: Exclude<ApprovalStatus, 'waiting'>;
      atMs: number;
      by: string;
      answer?: string;
      tag?: string;
    },
    end?: QuestionEnd,
  ): Approval | undefined;
  brakes(): BrakeState[];
  saveBrake(brake: BrakeState): void;
  clearBrake(scope: GroupKey): void;
  trust(): TrustCap[];
  saveTrust(cap: TrustCap): void;
  quarantine(): Quarantine | undefined;
  /** The first cause stays. */
  setQuarantine(quarantine: Quarantine): void;
  /** False when there was none. */
  rearm(): boolean;
}

/** Hosts that registered themselves. Each change is durable when the method returns. Errors: MenddError. */
export interface RegistrationBook {
  /** In the order they came. */
  registrations(): Registration[];
  /** Takes the place of the one of that name. */
  saveRegistration(registration: Registration): void;
  removeRegistration(name: string): boolean;
}

/** A request that must not be done twice. */
export interface KeyedRequest {
  /** Of token, route and key together. */
  id: string;
  /** Id of the token. */
  token: string;
  /** Of everything else that was asked: the same key with another is a mistake. */
  asked: string;
  /** Wall time. */
  atMs: number;
}

export interface KeptAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Absent when it was too large to be kept. */
  body?: string;
}

export interface KeptRequest extends KeyedRequest {
  /** Newest entry of the audit when it came; 0 for none. */
  auditSeq: number;
  /** Absent until it is known. */
  answer?: KeptAnswer;
}

/** Requests with a key and what they were answered, for 24 hours. Each change is durable when the method returns. Errors: MenddError. */
export interface AnswerBook {
  /** `full`: this token has more keys than are kept. */
  takeKey(
    request: KeyedRequest,
  ): { kind: 'new' } | { kind: 'known'; request: KeptRequest } | { kind: 'full' };
  /** Does nothing when the key is gone. */
  keepAnswer(id: string, answer: KeptAnswer): void;
}

/** The hash-chained record of who did what. */
export interface AuditTrail {
  /** Durable when it returns. */
  audit(entry: Pick<AuditEntry, 'atMs' | 'kind' | 'actor' | 'event' | 'body'>): AuditEntry;
  /** Undefined while nothing was recorded. */
  auditHead(): { seq: number; hash: string } | undefined;
  /** Newest first. */
  auditEntries(query: Pick<HistoryQuery, 'sinceMs' | 'untilMs' | 'cursor' | 'limit'>): Page<AuditEntry>;
  /** Blocks for as long as it takes. */
  verifyAudit(): AuditVerdict;
  /** The same a step at a time; `newest`: of so many entries at the end alone. Entries may come and be pruned meanwhile. */
  walkAudit(newest?: number): AuditWalk;
}

export interface AuditWalk {
  /** Some milliseconds of work; the verdict once it is known. Errors: MenddError. */
  step(): AuditVerdict | undefined;
}
