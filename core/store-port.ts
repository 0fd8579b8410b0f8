/** The seam to the history: large, prunable; what it loses at a power cut, nothing was done because of. */
import type { Decision, StoredDecision } from './decisions.ts';
import type { Rollup, RollupQuery } from './rollups.ts';
import type { CheckResult, CheckStatus, HostStatus, StoredEvent, Transition } from './types.ts';

export interface StoredCheck {
  host: string;
  check: string;
  status: CheckStatus;
}

/** History and current state: large, prunable, WAL with synchronous NORMAL. */
export interface Store {
  loadChecks(): StoredCheck[];
  loadHosts(): { host: string; status: HostStatus }[];
  /** One transaction: status, optional transition, the result, and events. Returns the events with ids. */
  save(change: StoreChange): StoredEvent[];
  /** What `work` writes here is one transaction: all of it or, when it throws, nothing. */
  batch<T>(work: () => T): T;
  /** Folds a decision into the newest of the same host, action, verdict and reason, or adds a row. */
  saveDecision(decision: Decision): StoredDecision;
  addEvent(event: Omit<StoredEvent, 'id'>): StoredEvent;
  /** Forgets the state of checks and hosts that no longer exist. A check's key is its host, `\n`, its id. */
  forget(keep: { hosts: ReadonlySet<string>; checks: ReadonlySet<string> }): void;
  transitions(query: HistoryQuery): Page<Transition>;
  results(query: HistoryQuery): Page<CheckResult & { id: number; host: string; check: string }>;
  decisions(query: HistoryQuery & { action?: string; atMs?: number }): Page<StoredDecision>;
  /** Sums of a check's results for graphs, oldest first; a step without a result has none. Also those of the present step. */
  rollups(query: RollupQuery): Rollup[];
  /** Events with id above `afterId`, oldest first. */
  eventsAfter(afterId: number, limit: number): StoredEvent[];
  lastEventId(): number;
  /** Takes the place of what was heard of the same kind and name. */
  putHeard(heard: Heard): void;
  removeHeard(kind: HeardKind, name: string): void;
  /** Ordered by name. */
  loadHeard(kind: HeardKind): Heard[];
  /** Deletes what is older than the retention in batches; returns true while more is left. */
  prune(olderThan: { resultsBeforeMs: number; historyBeforeMs: number; rollupsBeforeMs: number }): boolean;
  /** A copy that can be opened on its own. */
  backup(file: string): Promise<void>;
  close(): void;
}

/** `facts` by host and source, `inventory` by source, `definitions` by what they are read from, `told` by host and check, `alert` by host and labels. */
export type HeardKind = 'facts' | 'inventory' | 'definitions' | 'told' | 'alert';

/** The newest thing told from outside, so that a start does not begin blind. */
export interface Heard {
  kind: HeardKind;
  name: string;
  /** Wall time. */
  atMs: number;
  /** Plain data, written as JSON. */
  body: unknown;
}

export interface StoreChange {
  host: string;
  check?: string;
  checkStatus?: CheckStatus;
  hostStatus?: HostStatus;
  result?: CheckResult;
  transitions: Omit<Transition, 'id'>[];
  events: Omit<StoredEvent, 'id'>[];
}

export interface HistoryQuery {
  host?: string;
  check?: string;
  sinceMs?: number;
  untilMs?: number;
  /** Opaque, from the previous page. Newest first. */
  cursor?: string;
  /** 1..500 */
  limit: number;
}

export interface Page<T> {
  items: T[];
  /** Absent on the last page. */
  next?: string;
}
