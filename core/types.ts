/**
 * The glossary: every datum that travels between the parts. Plain, JSON-safe, versioned by the store's
 * migrations. No behaviour lives here but the reading of a run's status. Words are those of docs/architecture.md; units stand last in names.
 */
import type { GateVerdict } from './decisions.ts';
import type { EventType } from './event-types.ts';

/** What a reader of a person's text answers: the value, or what is wrong with it and how to mend it. */
export type Parsed<T> = { value: T } | { problem: string };

/** Verdict of a check. Nagios exit codes 0..3; see core/plugin-output.ts for everything else. */
export type CheckState = 'ok' | 'warning' | 'critical' | 'unknown';

/** Soft while a problem is young (attempt < max_attempts), hard after; Nagios Core's rule. */
export type StateType = 'soft' | 'hard';

/** Whether a host can be asked over SSH. An axis apart from its checks. `pending`: not asked yet. */
export type HostState = 'pending' | 'up' | 'unreachable';

/** Where asking a host failed. Never a verdict about a check. */
export type TransportStage = 'dns' | 'connect' | 'host_key' | 'auth' | 'channel' | 'lost' | 'timeout';

export interface TransportFailure {
  stage: TransportStage;
  /** One sentence: what happened. */
  message: string;
  /** What to do about it. */
  hint: string;
  /** True when the far side may have received the command; only then can an action be `unknown`. */
  sent: boolean;
}

/** One item of performance data, as the monitoring-plugins guidelines define it. */
export interface PerfDatum {
  label: string;
  /** null for `U` (undetermined). */
  value: number | null;
  uom: string;
  /** Ranges are kept as written; see core/threshold.ts to read them. */
  warn: string;
  crit: string;
  min: number | null;
  max: number | null;
}

/** One run of a check that reached a verdict. */
export interface CheckResult {
  state: CheckState;
  text: string;
  longText: string;
  perfdata: PerfDatum[];
  /** undefined when there was none (signal, time-out). */
  exitCode?: number;
  startedAtMs: number;
  durationMs: number;
}

/** Ring of 20 remembered changes, oldest first: 0 none, 1 a change, 2 a change caused by our own action. */
export type ChangeMark = 0 | 1 | 2;

export interface FlapState {
  ring: ChangeMark[];
  /** The state the newest slot was recorded with. */
  last: CheckState;
  /** Nagios's percent state change over all changes. Exact double. */
  percent: number;
  flapping: boolean;
  /** The same without the changes our own actions caused; this one gates actions. */
  percentWithoutActions: number;
  flappingWithoutActions: boolean;
}

/** What is concluded about one check of one host. Pending until its first result. */
export interface CheckStatus {
  state: CheckState | 'pending';
  type: StateType;
  attempt: number;
  /** Consecutive non-OK results, soft or hard; 0 when OK. */
  problemResults: number;
  /** Wall time of the first non-OK result of the present problem; undefined when OK. */
  problemSinceMs?: number;
  /** Wall time at which `state` was entered. */
  sinceMs: number;
  lastHardState: CheckState | 'pending';
  flap: FlapState;
  /** The newest result; kept while the host is unreachable. */
  lastResult?: CheckResult;
  /** Root problem that suppresses this check at present (check id), from depends_on. */
  suppressedBy?: string;
  /** Wall times of the newest results that were not OK, oldest first; kept for `times: N within: D` only. */
  problemTimesMs?: readonly number[];
}

export interface HostStatus {
  state: HostState;
  type: StateType;
  attempt: number;
  sinceMs: number;
  /** Present while unreachable. */
  failure?: TransportFailure;
  /** Wall time of the newest successful contact. */
  lastSeenAtMs?: number;
  /** Wall time at which the newest counted failure began. */
  attemptAtMs?: number;
  /** While unreachable: the parent that cannot be reached either, furthest up; its trouble is the cause. */
  behind?: string;
}

/** A stored change of state. `check` is absent for a host's own transition. */
export interface Transition {
  id: number;
  atMs: number;
  host: string;
  check?: string;
  from: string;
  to: string;
  type: StateType;
  attempt: number;
  text: string;
  flapping: boolean;
  percent: number;
  percentWithoutActions: number;
  /** True when the change followed an action of ours. */
  afterAction: boolean;
}

/** Where a run of an action stands. See docs/architecture.md, "An action's life". */
export type RunStatus =
  | 'intended'
  | 'dispatched'
  | 'unknown'
  | 'verifying'
  | 'verified'
  | 'not_verified'
  | 'inconclusive'
  | 'done'
  | 'failed'
  | 'cancelled'
  | 'refused'
  | 'expired';

/** A run in one of these holds its host: nothing else starts there. */
export const openRunStatuses: readonly RunStatus[] = ['intended', 'dispatched', 'unknown', 'verifying'];

export function isOpen(run: { status: RunStatus }): boolean {
  return openRunStatuses.includes(run.status);
}

export type ActionKind = 'command' | 'systemd_restart' | 'reboot' | 'webhook' | 'notify';

/** Conditions that must still hold on the target when the action arrives. */
export interface Preconditions {
  bootId?: string;
  /** systemd's InvocationID of `unit` when the decision was taken. */
  invocationId?: string;
  unit?: string;
  /** The target's own /proc/uptime (seconds) after which the action is too late. */
  notAfterUptimeSec?: number;
}

/** The durable promise to act, written before anything leaves the box. */
export interface Intent {
  /** `<host>~<runbook>.<action>~<episode>~<attempt>`; deterministic, URL- and file-safe. */
  id: string;
  host: string;
  /** Ladder (root action id) this rung belongs to. */
  ladder: string;
  /** `<runbook>.<action>` */
  action: string;
  kind: ActionKind;
  /** Start of the problem, ms since the epoch in base 36. */
  episode: string;
  /** 1 for the first run of this action in this episode. */
  attempt: number;
  decidedAtMs: number;
  /** Wall time after which it must not be sent. Judged on the monotonic clock while the daemon lives. */
  notAfterMs: number;
  /** Fence token of the daemon that wrote it. */
  fence: number;
  /** Who or what decided: `rule`, or `person:<name>`. */
  decidedBy: string;
  /** Who approved it, when it had to be. */
  approvedBy?: string;
  reason: string;
  /** Exact command text that the target will run, secrets never inside. */
  command: string;
  /** Revision of the definitions it was decided with. */
  revision: string;
  gates: GateVerdict[];
  preconditions: Preconditions;
  /** Shard 0..255 of the host. */
  shard: number;
}

/** One line in the story of a run. */
export interface RunEvent {
  atMs: number;
  status: RunStatus | 'evidence' | 'step';
  text: string;
}

/** A run as the ledger keeps it: the intent and all that became of it. */
export interface Run extends Intent {
  status: RunStatus;
  dispatchedAtMs?: number;
  endedAtMs?: number;
  exitCode?: number;
  /** Why it ended so; a sentence. */
  outcome?: string;
  stdout?: string;
  stderr?: string;
  evidence?: string;
  events: RunEvent[];
  /** Wall time by which verification must have seen OK, then until when it must stay OK. */
  verifyByMs?: number;
  verifyOkSinceMs?: number;
  /** How far a reboot with hooks has come; durable before each step begins. */
  step?: RebootStep;
}

/** The steps of a reboot, in order. Each is written down before its first byte leaves. */
export type RebootStep = 'drain' | 'reboot' | 'undrain';

/** The part of a run that decisions need. */
export interface RunSummary {
  id: string;
  host: string;
  ladder: string;
  action: string;
  kind: ActionKind;
  episode: string;
  attempt: number;
  status: RunStatus;
  decidedAtMs: number;
  dispatchedAtMs?: number;
  endedAtMs?: number;
  verifyByMs?: number;
  verifyOkSinceMs?: number;
  /** Why it ended so; a sentence. */
  outcome?: string;
  /** A person commanded it; the trouble did not lead to it. */
  byPerson?: boolean;
}

/** The global off switch. */
export interface Pause {
  sinceMs: number;
  by: string;
  reason: string;
  untilMs?: number;
}

/**
 * `register` and `submit` stand aside of the others, which hold each other in this order: one lets a host register, the other tell
 * results and alerts, and nothing else.
 */
export type Scope = 'read' | 'ack' | 'act' | 'admin' | 'register' | 'submit';

/** Something that happened, past tense, replayable by id. */
export interface StoredEvent {
  id: number;
  atMs: number;
  type: EventType;
  host?: string;
  check?: string;
  runId?: string;
  data: Record<string, unknown>;
}
