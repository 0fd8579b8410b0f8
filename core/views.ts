/**
 * What the API shows of the daemon and may ask of it. Views are plain data; daemon/ implements the port, api/ only uses it.
 */

import type { CoveragePort } from './coverage-port.ts';
import type { Decision } from './decisions.ts';
import type { Definitions, HoldLimits } from './definitions.ts';
import type { DefinitionsPlan } from './definitions-plan.ts';
import type { FactsPort } from './facts-port.ts';
import type { NotifyPort } from './notify-port.ts';
import type { NowView } from './now-view.ts';
import type { OutsidePort } from './outside-port.ts';
import type { Commit, Rollback } from './pinned-commit.ts';
import type { BatchCounts, ConnectionCounts, Coordinator, Store } from './ports.ts';
import type {
  Approval,
  BrakeState,
  GroupKey,
  Matcher,
  Mode,
  Outcomes,
  Quarantine,
  Suppression,
  TrustCap,
} from './safety.ts';
import type { TokensPort } from './tokens-port.ts';
import type { ToldPort } from './told-port.ts';
import type { CheckStatus, HostStatus, Pause, Run, RunStatus, RunSummary, StoredEvent } from './types.ts';

export interface HostView {
  name: string;
  address: string;
  labels: Readonly<Record<string, string>>;
  status: HostStatus;
  checks: { ok: number; warning: number; critical: number; unknown: number; pending: number };
  /** Open run on this host, if any. */
  run?: RunSummary;
  parents: readonly string[];
}

export interface CheckView {
  host: string;
  check: string;
  kind: string;
  status: CheckStatus;
  /** No result for three intervals, or the host cannot be asked. */
  stale: boolean;
  nextDueAtMs?: number;
  maxAttempts: number;
}

/** Where a ladder stands for one host, and each gate of the rung that is next. */
export interface Explanation {
  host: string;
  ladder: string;
  action: string;
  check: string;
  atMs: number;
  verdict: Decision['verdict'];
  reason: Decision['reason'];
  gates: Decision['gates'];
  rungs: {
    action: string;
    kind: string;
    status: 'next' | 'running' | 'exhausted' | 'waiting';
    why: string;
  }[];
  /** Earliest wall time at which it could act by itself, when known. */
  earliestMs?: number;
}

export interface ActPlan {
  host: string;
  action: string;
  kind: string;
  command: string;
  gates: Decision['gates'];
  allowed: boolean;
}

/** One group, its brake on or off. */
export interface BrakeView {
  scope: GroupKey;
  on: boolean;
  unhealthy: number;
  hosts: number;
  allowed: number;
  state?: BrakeState;
  /** Of what a person releases: whether it is on, and since when and why. How many are unhealthy changes all the time. */
  tag: string;
  /** Earliest wall time at which the rule releases it. */
  releasesAtMs?: number;
  /** How long the group must be below before the rule releases it; absent where a person must. */
  releasesAfterMs?: number;
}

export interface DemotedView extends TrustCap {
  /** Of what a person lifts: an action may lose more trust meanwhile, for another reason. */
  tag: string;
}

/** What a person asks for; the daemon adds id, author and times. Wall times. */
export type NewSuppression =
  | { kind: 'silence'; match: Matcher; reason: string; startsAtMs?: number; endsAtMs: number }
  | {
      kind: 'downtime';
      match: Matcher;
      reason: string;
      window: Extract<Suppression, { kind: 'downtime' }>['window'];
    }
  | {
      kind: 'acknowledgement';
      host: string;
      check: string;
      reason: string;
      sticky: boolean;
      endsAtMs?: number;
    };

/** A reload that would drop too much, or whose history was rewritten. */
export interface HeldReload {
  /** What `mendd reload --confirm` has to name. */
  revision: string;
  commit?: string;
  why: readonly string[];
}

export interface ReloadRequest {
  by: string;
  /** Revision or commit that is let in although it would be held; another is not. */
  confirm?: string;
  isDry?: boolean;
}

export interface ReloadAnswer {
  ok: boolean;
  /** In force now. */
  revision: string;
  commit?: string;
  /** Why nothing changed, or why there was nothing newer to be had. */
  problems: string[];
  /** `unreachable`: what could be read is in force. */
  cause?: 'invalid' | 'unreachable' | 'held' | 'not_confirmed';
  /** Keys of the daemon file that take effect at the next start. */
  restart: string[];
  held?: HeldReload;
  /** What it changed, or would have. */
  plan?: DefinitionsPlan;
}

export interface RollbackRequest {
  by: string;
  reason: string;
  /** Beginning of its hash; the one before the one in force without it. */
  commit?: string;
  /** Follow the branch again. */
  resume: boolean;
  isDry?: boolean;
}

/** At most one of them; what a reload would load without. */
export interface PlanRequest {
  branch?: string;
  commit?: string;
  /** On the machine of the daemon. */
  directory?: string;
}

export type PlanAnswer =
  | { kind: 'plan'; plan: DefinitionsPlan; commit?: string; warnings: string[] }
  | { kind: 'invalid' | 'unreachable'; problems: string[] };

/** Where definitions come from, and how the newest attempt went. */
export interface ConfigView {
  revision: string;
  loadedAtMs: number;
  lastReloadOk: boolean;
  problems: string[];
  held?: HeldReload;
  rollback?: Rollback;
  hold: HoldLimits;
  source:
    | { kind: 'directory'; path: string }
    | {
        kind: 'git';
        url: string;
        branch: string;
        path: string;
        commit?: Commit;
        /** Where the branch was when it was last looked at. */
        head?: string;
        lookedAtMs?: number;
      };
  /** Valid ones that were in force, newest first. */
  commits: readonly Commit[];
}

export interface Health {
  ready: boolean;
  /** Empty when ready. */
  problems: string[];
}

export interface Stats {
  checksRun: number;
  checksShed: Readonly<Record<string, number>>;
  checksRunning: number;
  checksQueued: number;
  schedulerLagMs: number;
  actions: readonly { action: string; outcome: RunStatus; count: number }[];
  suppressed: Readonly<Record<string, number>>;
  connections: ConnectionCounts;
  batches: BatchCounts;
  /** From when a check was due to its start, over the last one to two minutes. */
  checkLateness: { p50Ms: number; p99Ms: number; maxMs: number };
  /** Started in each minute, over the same time. */
  checksPerMin: number;
  brakesOn: number;
  inDoubt: boolean;
  approvalsWaiting: number;
  /** An entry of the audit is not as it was written. */
  auditBroken: boolean;
  /** To the outside watchdog, since the start; `heardAtMs`: the newest that it took. */
  heartbeats: { heard: number; failed: number; heardAtMs?: number };
}

export type Rejected = {
  kind: 'rejected';
  status: 404 | 409 | 412 | 422 | 503;
  code: string;
  message: string;
};

/** Everything api/ needs; implemented by daemon/. Api decides nothing. */
export interface DaemonPort {
  hosts(): HostView[];
  checks(): CheckView[];
  /** In the order of host and check, by code unit, from the host that is named; made as it is read, which may take its time. */
  eachCheck(fromHost?: string): Iterable<CheckView>;
  now(): NowView;
  explain(host: string, check?: string, action?: string): Explanation[];
  health(): Health;
  stats(): Stats;
  definitions(): Definitions;
  loadProblems(): string[];
  /** `isDry`, here and below: judged alike, and answered as if it were done; nothing changes and nothing is recorded. */
  pause(pause: { by: string; reason: string; untilMs?: number }, isDry?: boolean): Pause;
  resume(by: string, reason?: string): void;
  checkNow(host: string, check: string): Promise<CheckView | Rejected>;
  cancelRun(runId: string, by: string, reason?: string, isDry?: boolean): Run | Rejected;
  planAction(host: string, action: string): ActPlan | Rejected;
  act(host: string, action: string, by: string, reason: string): Run | Rejected;
  /** All that have not ended, also those of the definitions and those to come. */
  suppressions(): Suppression[];
  addSuppression(wanted: NewSuppression, by: string, isDry?: boolean): Suppression | Rejected;
  endSuppression(id: string, by: string, reason?: string, isDry?: boolean): Suppression | Rejected;
  /** Waiting ones and those settled in the last seven days, newest first. */
  approvals(): Approval[];
  /** 412 when `tag` is not that of the question any more, 409 when it is settled or its trouble is gone. */
  settleApproval(
    id: string,
    answer: 'approved' | 'rejected',
    person: { by: string; reason: string; tag: string; isDry?: boolean },
  ): Approval | Rejected;
  brakes(): BrakeView[];
  releaseBrake(scope: GroupKey, by: string, reason: string, isDry?: boolean): BrakeView | Rejected;
  demoted(): DemotedView[];
  promote(
    action: string,
    by: string,
    reason: string,
    isDry?: boolean,
  ): { action: string; mode: Mode } | Rejected;
  /** Over runs decided at or after `sinceMs`; per action, and per action and host. */
  outcomes(query: { sinceMs: number; action?: string; host?: string; perHost: boolean }): Outcomes[];
  /** Trust the ledger again. 409 when it is trusted. */
  rearm(by: string, reason: string, isDry?: boolean): Quarantine | Rejected;
  reload(request: ReloadRequest): Promise<ReloadAnswer>;
  /** To an earlier commit that was in force, or back to following the branch. 409 when they are not from git. */
  rollback(request: RollbackRequest): Promise<ReloadAnswer | Rejected>;
  /** What other definitions would change; nothing changes. */
  plan(request: PlanRequest): Promise<PlanAnswer>;
  config(): ConfigView;
  /** Hosts of inventories and those that register themselves. */
  readonly outside: OutsidePort;
  /** What hosts tell of themselves. */
  readonly facts: FactsPort;
  readonly notify: NotifyPort;
  readonly tokens: TokensPort;
  readonly coverage: CoveragePort;
  /** Results and alerts that others tell. */
  readonly told: ToldPort;
  onEvent(listener: (event: StoredEvent) => void): () => void;
  readonly startedAtMs: number;
  readonly version: string;
}

/** The read parts of the store that api/ may use directly. */
export type History = Pick<
  Store,
  'transitions' | 'results' | 'decisions' | 'rollups' | 'eventsAfter' | 'lastEventId'
>;

export type RunBook = Pick<
  Coordinator,
  'get' | 'list' | 'authenticate' | 'auditEntries' | 'walkAudit' | 'auditHead' | 'takeKey' | 'keepAnswer'
>;
