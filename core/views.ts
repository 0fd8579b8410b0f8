/**
 * What the API shows of the daemon and may ask of it. Views are plain data; daemon/ implements the port, api/ only uses it.
 */

import type { Decision } from './decisions.ts';
import type { Definitions } from './definitions.ts';
import type { Coordinator, Store } from './ports.ts';
import type { CheckStatus, HostStatus, Pause, Run, RunStatus, RunSummary, StoredEvent } from './types.ts';

export interface HostView {
  name: string;
  address: string;
  labels: Readonly<Record<string, string>>;
  status: HostStatus;
  checks: { ok: number; warning: number; critical: number; unknown: number; pending: number };
  /** Open run on this host, if any. */
  run?: RunSummary;
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

export interface NowView {
  atMs: number;
  verdict: { needYou: number; healing: number; problems: number; ok: number; sentence: string };
  automation: {
    mode: 'observe' | 'auto';
    paused?: Pause;
    fleetRuns: { used: number; limit: number; perMs: number };
  };
  definitions: { revision: string; loadedAtMs: number; lastReloadOk: boolean; problems: string[] };
  needsYou: { explanation: Explanation; status: CheckStatus; runs: Run[] }[];
  healing: Run[];
  healed: Run[];
  worst: CheckView[];
  unreachable: HostView[];
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
  connections: { open: number; connecting: number; waiting: number };
  eventLoopDelayMs: number;
}

export type Rejected = { kind: 'rejected'; status: 404 | 409 | 503; code: string; message: string };

/** Everything api/ needs; implemented by daemon/. Api decides nothing. */
export interface DaemonPort {
  hosts(): HostView[];
  checks(): CheckView[];
  now(): NowView;
  explain(host: string, check?: string, action?: string): Explanation[];
  health(): Health;
  stats(): Stats;
  definitions(): Definitions;
  loadProblems(): string[];
  pause(pause: { by: string; reason: string; untilMs?: number }): Pause;
  resume(by: string): void;
  checkNow(host: string, check: string): Promise<CheckView | Rejected>;
  cancelRun(runId: string, by: string): Run | Rejected;
  planAction(host: string, action: string): ActPlan | Rejected;
  act(host: string, action: string, by: string, reason: string): Run | Rejected;
  /** `restart`: sections of the daemon file that take effect at the next start. */
  reload(by: string): { ok: boolean; revision: string; problems: string[]; restart: string[] };
  onEvent(listener: (event: StoredEvent) => void): () => void;
  readonly startedAtMs: number;
  readonly version: string;
}

/** The read parts of the store that api/ may use directly. */
export type History = Pick<Store, 'transitions' | 'results' | 'decisions' | 'eventsAfter' | 'lastEventId'>;

export type RunBook = Pick<Coordinator, 'get' | 'list' | 'authenticate'>;
