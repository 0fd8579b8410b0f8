/**
 * The seams. Each interface is implemented in one folder and joined in daemon/app.ts; messages across them
 * are the plain data of core/types.ts, so that a step could live in another process or box later.
 */

import type {
  CheckDefinition,
  Definitions,
  HostDefinition,
  PluginFile,
  SudoDefinition,
} from './definitions.ts';
import type { AnswerBook, AuditTrail, RegistrationBook, Restraints } from './ledger-ports.ts';
import type { MessageBook, NewMessage } from './message-port.ts';
import type { GroupKey } from './safety.ts';
import type { HistoryQuery, Page } from './store-port.ts';
import type {
  CheckResult,
  Intent,
  Pause,
  RebootStep,
  Run,
  RunEvent,
  RunStatus,
  RunSummary,
  Scope,
  TransportFailure,
} from './types.ts';

/** Time as the daemon sees it. Tests pass a fake; nothing else may read a clock. */
export interface Clock {
  /** Wall clock, ms since the epoch, UTC. */
  nowMs(): number;
  /** Monotonic, ms from an arbitrary start; for intervals, deadlines and not-after. */
  monotonicMs(): number;
  /** Returns a function that cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

// ---------------------------------------------------------------- runner

export type Target = { kind: 'local' } | { kind: 'ssh'; host: HostDefinition };

export interface RunRequest {
  target: Target;
  /** POSIX sh text. `$MENDD_PLUGIN` is the path of `plugin` when given. */
  script: string;
  /** Enforced on the target by `timeout -k`; the client's own limit is this plus the grace. */
  timeoutMs: number;
  /** Which connection and key: actions may use their own identity. */
  purpose: 'check' | 'action';
  stdin?: string | Uint8Array;
  sudo?: SudoDefinition;
  env?: Readonly<Record<string, string>>;
  plugin?: PluginFile;
  /** Bytes kept of each of stdout and stderr; the rest is drained. Default 65,536. */
  outputBytes?: number;
  /**
   * Asked at the last moment before the first byte of the command leaves. A string is the reason not to send.
   */
  beforeSend?: () => string | undefined;
  signal?: AbortSignal;
  /**
   * May share one exec with other such requests to its host that are made in the same turn; so many of them run there at
   * once. Its outcome is the one it would have alone; when the shared exec is cut it runs once more, alone. Absent: alone.
   */
  batch?: { parallel: number };
}

interface Ran {
  stdout: string;
  stderr: string;
  /** True when either stream was cut at `outputBytes`. */
  truncated: boolean;
  startedAtMs: number;
  durationMs: number;
}

/** A remote outcome is a value. A missing exit status is never 0: it is `unreachable` with stage `lost`. */
export type RunOutcome =
  | ({ kind: 'exited'; exitCode: number } & Ran)
  | ({ kind: 'killed'; signal: string } & Ran)
  | ({ kind: 'timed_out'; limitMs: number } & Ran)
  /** `startedAtMs`: before the request when it is known from an attempt since which none was due. */
  | { kind: 'unreachable'; failure: TransportFailure; startedAtMs: number; durationMs: number }
  | { kind: 'not_sent'; reason: string; startedAtMs: number; durationMs: number };

/** Since the start. `again`: checks that ran once more alone, since the batch told nothing sure of them. */
export interface BatchCounts {
  execs: number;
  checks: number;
  again: number;
}

/** Now; `evicted` and `turnedAway` since the start. */
export interface ConnectionCounts {
  open: number;
  connecting: number;
  waiting: number;
  /** Idle connections that were closed to make room for another host. */
  evicted: number;
  /** Logins that a crowded server did not begin, and that were asked again soon. */
  turnedAway: number;
}

export interface Runner {
  /** Never rejects for what a host does. */
  run(request: RunRequest): Promise<RunOutcome>;
  /** Drops connections of hosts that are gone or changed. */
  update(definitions: Definitions): void;
  connections(): ConnectionCounts;
  /** Execs that several checks shared, since the start. */
  batches(): BatchCounts;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- checks and actions

/** How a check kind is carried out: a command for a runner, or a probe from the ops box itself. */
export type CheckPlan =
  | {
      kind: 'command';
      script: string;
      plugin?: PluginFile;
      /** Turns the outcome into a verdict; the plugin reading of core/plugin-output.ts when absent. */
      read?: (outcome: Extract<RunOutcome, { kind: 'exited' }>) => CheckResult;
    }
  | { kind: 'probe'; probe: (timeoutMs: number, signal: AbortSignal) => Promise<CheckResult> }
  /** Others tell it; a text says why there is nothing to tell now. */
  | { kind: 'told'; look: () => CheckResult | string };

export type PlanCheck = (check: CheckDefinition, host: HostDefinition) => CheckPlan;

// ---------------------------------------------------------------- store

export type { HistoryQuery, Page, Store, StoreChange, StoredCheck } from './store-port.ts';

// ---------------------------------------------------------------- coordinator (the ledger)

export interface RunsLimit {
  /** Runs in the window, the new one included. */
  runs: number;
  sinceMs: number;
}

/** What a claim needs, asked and taken in one transaction. notify and webhook (`repairs: false`) need none of it. */
export interface Slots {
  /** Runs open in the whole fleet must stay below or at this with the new one. */
  fleetConcurrent: number;
  /** Of this action on this host. */
  action: RunsLimit;
  /** Of all actions on this host. */
  host: RunsLimit;
  fleet: RunsLimit;
  /** Every group the host is in; those without limits only mark the run as theirs. */
  groups: readonly { key: GroupKey; concurrent?: number; runs?: RunsLimit }[];
  /** Brakes that must be off, or released by a person. */
  brakes: readonly GroupKey[];
  /** This run must have been approved, with this tag. */
  approvalTag?: string;
  /** notify and webhook hold no host and spend no budget. */
  repairs: boolean;
}

export type ClaimVerdict =
  | { kind: 'claimed' }
  | {
      kind: 'refused';
      reason:
        | 'host_busy'
        | 'duplicate'
        | 'fleet_busy'
        | 'group_busy'
        | 'max_runs_reached'
        | 'host_budget_spent'
        | 'group_budget_spent'
        | 'fleet_budget_spent'
        | 'brake_on'
        | 'not_approved'
        | 'not_rearmed'
        | 'paused'
        | 'fenced';
    };

export interface Token {
  id: string;
  name: string;
  scopes: Scope[];
  createdAtMs: number;
  expiresAtMs?: number;
  lastUsedAtMs?: number;
}

export interface OutboxMessage {
  id: number;
  /** Unique; a second enqueue with the same key is ignored. */
  key: string;
  target: string;
  kind: 'problem' | 'recovery' | 'notice';
  runId?: string;
  host: string;
  ladder: string;
  body: Record<string, unknown>;
  createdAtMs: number;
  attempts: number;
  nextAttemptAtMs: number;
  /** `dismissed`: dead, and a person said that it does not matter any more. */
  status: 'pending' | 'sent' | 'dead' | 'dismissed';
  lastError?: string;
  sentAtMs?: number;
  /** Id of the conversation it belongs to, which sees to its recovery. */
  conversation?: string;
}

/**
 * Who may act where. On one box SQLite implements it: the fence token is a counter bumped at each start, a claim is one
 * durable transaction (synchronous FULL, read back). Later etcd implements the same for several boxes.
 */
export interface Coordinator extends Restraints, RegistrationBook, AuditTrail, AnswerBook, MessageBook {
  readonly member: string;
  /** Token of this start. */
  readonly fence: number;
  members(): string[];
  /** Token for a shard this member holds, or undefined. On one box: all 256. */
  acquire(shard: number): number | undefined;
  release(shard: number): void;
  /** False once a newer member took over; then nothing may be sent. */
  stillValid(): boolean;
  /** Whether this ledger ever raised that fence. */
  knowsFence(fence: number): boolean;
  /**
   * Durable when it returns `claimed`, together with its link in the audit chain (`run.decided`; messages have none).
   * Throws MenddError when the ledger cannot be written.
   */
  claim(intent: Intent, slots: Slots): ClaimVerdict;
  /** Durable; called just before the first byte leaves. */
  dispatched(runId: string, atMs: number): void;
  /** Appends an event and moves the status; ends the run when the status is final. Durable. */
  advance(runId: string, change: RunChange): Run;
  get(runId: string): Run | undefined;
  /** Runs that hold their host. */
  open(): Run[];
  /** Newest first. */
  list(query: HistoryQuery & { status?: RunStatus; action?: string }): Page<Run>;
  /** Summaries that decisions need: all runs decided at or after `sinceMs`, and all open ones. */
  summaries(sinceMs: number): RunSummary[];
  pause(pause: Pause): void;
  resume(): void;
  paused(nowMs: number): Pause | undefined;
  enqueue(message: NewMessage): boolean;
  /** At most `limit` of each target, those that wait longest first. A recovery waits until no problem that it ends does. */
  dueMessages(nowMs: number, limit: number): OutboxMessage[];
  messageSent(id: number, atMs: number): void;
  messageFailed(id: number, error: string, nextAttemptAtMs: number | 'dead'): void;
  /** Problem messages sent or pending for this ladder whose recovery was not queued yet. */
  unrecovered(host: string, ladder: string): OutboxMessage[];
  createToken(token: { name: string; scopes: Scope[]; expiresAtMs?: number; nowMs: number }): {
    token: Token;
    secret: string;
  };
  tokens(): Token[];
  revokeToken(id: string): boolean;
  /** Constant-time by hash; updates last use. */
  authenticate(secret: string, nowMs: number): Token | undefined;
  /** Deletes ended runs and settled messages older than the history's retention; returns true while more is left. */
  prune(beforeMs: number): boolean;
  close(): void;
}

export interface RunChange {
  atMs: number;
  status?: RunStatus;
  event?: RunEvent;
  exitCode?: number;
  outcome?: string;
  stdout?: string;
  stderr?: string;
  evidence?: string;
  preconditions?: Intent['preconditions'];
  verifyByMs?: number;
  verifyOkSinceMs?: number | null;
  step?: RebootStep;
}
