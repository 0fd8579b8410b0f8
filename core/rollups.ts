/** What graphs are drawn from: what the results of a check come to in each step of time. Types only. */
import type { CheckState } from './types.ts';

export interface RollupQuery {
  host: string;
  check: string;
  /** Wall times; of more than 35 days the last ones are told. */
  sinceMs: number;
  untilMs: number;
  /** Rounded to multiples of five minutes. */
  stepMs: number;
}

/** What the results of one step come to. */
export interface Rollup {
  atMs: number;
  stepMs: number;
  /** Results in the step, one or more. */
  count: number;
  states: Record<CheckState, number>;
  durationAvgMs: number;
  durationMaxMs: number;
  perfdata: { label: string; uom: string; min: number; avg: number; max: number }[];
}
