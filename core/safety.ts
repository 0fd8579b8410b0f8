/**
 * The glossary of restraint: what people and rules lay upon actions, and what is kept of it. Plain data like core/types.ts;
 * no behaviour but the order of the modes.
 */
import type { GateVerdict } from './decisions.ts';
import type { CheckState } from './types.ts';

/** How far an action may go by itself, from the tightest. */
export const modes = ['observe', 'propose', 'approve', 'auto'] as const;
export type Mode = (typeof modes)[number];

/** Of several modes the tightest holds. */
export function tightest(...of: readonly Mode[]): Mode {
  return modes[Math.min(...of.map((mode) => modes.indexOf(mode)))] ?? 'observe';
}

// ---------------------------------------------------------------- suppressions

/** What a suppression covers. An empty list or map narrows nothing; at least one of the three says something. */
export interface Matcher {
  /** Names and globs; `!` leaves out. */
  hosts: readonly string[];
  labels: Readonly<Record<string, string>>;
  /** Check ids and globs over them; `host` is the host's own trouble. */
  checks: readonly string[];
}

interface SuppressionBase {
  /** UUID; of one from the definitions `<file>:<line>`. */
  id: string;
  by: string;
  reason: string;
  createdAtMs: number;
  /** Who holds it: a file, or the ledger. */
  origin: 'definitions' | 'person';
  /** Ended before its time by a person. */
  endedAtMs?: number;
  endedBy?: string;
}

/** Wall times. A recurring window begins at each minute that its cron expression names. */
export type DowntimeWindow =
  | { kind: 'fixed'; startsAtMs: number; endsAtMs: number }
  /** Begins with a problem that starts within the window, and lasts from there. */
  | { kind: 'flexible'; startsAtMs: number; endsAtMs: number; lastsMs: number }
  | { kind: 'recurring'; cron: string; timezone: string; lastsMs: number };

export type Suppression =
  | (SuppressionBase & { kind: 'silence'; match: Matcher; startsAtMs: number; endsAtMs: number })
  | (SuppressionBase & { kind: 'downtime'; match: Matcher; window: DowntimeWindow })
  | (SuppressionBase & {
      kind: 'acknowledgement';
      host: string;
      check: string;
      /** The problem that was acknowledged began then; another problem is not acknowledged. */
      problemSinceMs: number;
      /** State at that time; without `sticky` another state ends it. */
      state: Exclude<CheckState, 'ok'>;
      sticky: boolean;
      endsAtMs?: number;
    });

/** A suppression that is in force for one host at this moment, as the gates see it. */
export interface ActiveSuppression {
  id: string;
  kind: Suppression['kind'];
  by: string;
  reason: string;
  /** Check ids it covers; all checks of the host when absent. */
  checks?: ReadonlySet<string>;
  /** Wall time; absent when only a person or a recovery ends it. */
  untilMs?: number;
  /** Flexible downtime: covers problems that began in this span, for this long. */
  flexible?: { fromMs: number; toMs: number; lastsMs: number };
  /** Acknowledgement: covers this problem, and only in this state unless sticky. */
  problem?: { sinceMs: number; state: Exclude<CheckState, 'ok'>; sticky: boolean };
}

// ---------------------------------------------------------------- approvals

export type ApprovalStatus = 'waiting' | 'approved' | 'rejected' | 'expired' | 'lapsed';

/** A question to a person: may this run start. Its id is the id the run would have. */
export interface Approval {
  id: string;
  host: string;
  ladder: string;
  action: string;
  episode: string;
  attempt: number;
  check: string;
  /** The exact command that would run. */
  command: string;
  reason: string;
  gates: readonly GateVerdict[];
  createdAtMs: number;
  expiresAtMs: number;
  status: ApprovalStatus;
  /** Fingerprint of what was asked: command, check state, definitions. An answer to another fingerprint is refused (412). */
  tag: string;
  decidedAtMs?: number;
  decidedBy?: string;
  /** What the person said, or why it lapsed. */
  answer?: string;
}

// ---------------------------------------------------------------- brake, trust, quarantine

/** `fleet`, or `<label>=<value>`. */
export type GroupKey = string;

/** A brake that is on, or that a person released while the trouble lasts. */
export interface BrakeState {
  scope: GroupKey;
  cause: 'mass_failure' | 'budget_spent';
  sinceMs: number;
  /** Figures when it came on. */
  unhealthy: number;
  hosts: number;
  /** Most unhealthy hosts at which it stays off. */
  allowed: number;
  /** Since when it has been below without a break. */
  belowSinceMs?: number;
  /** A person let actions go on in spite of it; it comes on again only after it was below. */
  released?: { atMs: number; by: string; reason: string };
}

/** What an action may do at most, whatever its definition says. Only a person lifts it: `auto` says that one did. */
export interface TrustCap {
  /** Action id. */
  action: string;
  mode: Mode;
  sinceMs: number;
  /** `rule`, or `person:<name>`. */
  by: string;
  reason: string;
}

/** The ledger cannot be believed: nothing acts until a person re-arms. */
export interface Quarantine {
  cause: 'corrupt' | 'restored';
  sinceMs: number;
  text: string;
}

/** Why the ops box does not trust its own eyes at present. */
export interface Doubt {
  cause:
    | 'event_loop_stalled'
    | 'clock_jumped'
    | 'suspended'
    | 'network_down'
    | 'canaries_down'
    | 'dns_down'
    | 'many_changed'
    | 'fresh_round_pending';
  sinceMs: number;
  values: GateVerdict['values'];
  opens: string;
}

// ---------------------------------------------------------------- audit

export type AuditKind = 'decision' | 'command' | 'definitions' | 'daemon';

/** One link of the chain: `hash` = sha256 over the previous hash and this row's content. */
export interface AuditEntry {
  seq: number;
  atMs: number;
  kind: AuditKind;
  /** `rule`, `daemon` or `person:<name>`. */
  actor: string;
  /** Past tense, e.g. `run.decided`, `automation.paused`. */
  event: string;
  body: Record<string, unknown>;
  previous: string;
  hash: string;
}

export type AuditVerdict =
  | { ok: true; entries: number; firstSeq: number; head: { seq: number; hash: string } }
  | { ok: false; entries: number; brokenAtSeq: number; problem: string };

// ---------------------------------------------------------------- outcomes

/** What one action came to. Rates are undefined while nothing was counted. */
export interface Outcomes {
  action: string;
  /** Absent in the sum over all hosts. */
  host?: string;
  runs: number;
  verified: number;
  notVerified: number;
  failed: number;
  inconclusive: number;
  unknown: number;
  /** verified / (verified + not verified + failed) */
  successRate?: number;
  /** Of the verified: the trouble was back within 24 h. */
  recurred: number;
  recurrenceRate?: number;
  /** From the start of the problem to verified, median. */
  medianTimeToHealMs?: number;
  lastRunAtMs?: number;
}
