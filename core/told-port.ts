/** What others tell of checks instead of mendd asking: results and alerts. Plain data, and the seam between api/, checks/ and daemon/. */
import type { CheckDefinition, HostDefinition } from './definitions.ts';
import type { CheckResult, CheckState } from './types.ts';
import type { Rejected } from './views.ts';

/** One result as its sender tells it. */
export interface ToldResult {
  host: string;
  /** Id, or its short name where that is clear on the host. */
  check: string;
  /** Without it the exit code says it; `exit_map` of the check holds. */
  state?: CheckState;
  exitCode?: number;
  /** As a plugin prints it: text, long text, performance data. */
  output: string;
  /** Wall time at which the sender began to look; now without it. */
  atMs?: number;
  durationMs?: number;
  /** In place of the check's `ttl`, until the next result. */
  ttlMs?: number;
}

/** What became of one result, in the order they were told. */
export interface ToldAnswer {
  host: string;
  /** Its full id where that is known. */
  check: string;
  accepted: boolean;
  code?:
    | 'host_unknown'
    | 'check_unknown'
    | 'not_passive'
    | 'from_the_future'
    | 'too_old'
    | 'older_than_newest';
  problem?: string;
}

/** One alert as Prometheus and Alertmanager tell it. Wall times. */
export interface ToldAlert {
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  startsAtMs?: number;
  /** Over at or before now: resolved. */
  endsAtMs?: number;
}

export interface AlertAnswer {
  alert: string;
  status: 'firing' | 'resolved';
  /** `host/check` of every check that it concerns; empty: none, and it was not kept. */
  checks: string[];
  problem?: string;
}

export interface ToldCounts {
  accepted: number;
  /** By code. */
  refused: Readonly<Record<string, number>>;
  /** Alerts that fire at present and concern a check. */
  alertsFiring: number;
  /** Told since the start, and how many of them concerned no check. */
  alertsTold: number;
  alertsUnmatched: number;
  /** Passive checks whose result is overdue. */
  overdue: number;
}

export interface ToldPort {
  /** 503 while the store cannot be written, or too much is told at once. `isDry`: judged, not taken. */
  submit(results: readonly ToldResult[], isDry: boolean): Promise<ToldAnswer[] | Rejected>;
  /** `holdMs`: how long one that tells no end fires without being told again, where its check says nothing else. */
  alerts(alerts: readonly ToldAlert[], holdMs: number, isDry: boolean): Promise<AlertAnswer[] | Rejected>;
  counts(): ToldCounts;
}

/** What checks that are never asked look at. A text says why there is no result to be had now. */
export interface ToldBook {
  look(host: HostDefinition, check: CheckDefinition): CheckResult | string;
}
