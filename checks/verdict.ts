/**
 * Owns how a check kind of ours words what it found: state, one line of text, performance data. It never asks
 * a host and never decides about attempts or actions.
 */
import { printable } from '../core/plugin-output.ts';
import type { RunOutcome } from '../core/ports.ts';
import type { CheckResult, CheckState, PerfDatum } from '../core/types.ts';

/** A command that ran to its end: the only outcome a reading is asked about. */
export type Exited = Extract<RunOutcome, { kind: 'exited' }>;

export interface Verdict {
  state: CheckState;
  /** One line, without the state's name in front: the state travels beside it. */
  text: string;
  longText?: string;
  perfdata?: PerfDatum[];
}

/** Limits of a duration. At or above the limit counts. */
export interface TimeLimits {
  warnMs?: number;
  critMs?: number;
}

/** What a host said is data: control characters never reach the terminal or page of whoever reads it. */
export function resultFrom(verdict: Verdict, ran: Pick<Exited, 'startedAtMs' | 'durationMs'>): CheckResult {
  return {
    state: verdict.state,
    text: printable(verdict.text).replaceAll(/[\n\t]+/g, ' '),
    longText: printable(verdict.longText ?? ''),
    perfdata: (verdict.perfdata ?? []).filter(isWritable),
    startedAtMs: ran.startedAtMs,
    durationMs: ran.durationMs,
  };
}

/** Of numbers that a host gave, `1.2.3` or one of 400 digits is none, and no list that holds it could be told to anybody. */
function isWritable({ value, min, max }: PerfDatum): boolean {
  return [value, min, max].every((each) => each === null || Number.isFinite(each));
}

/** The same for a command, whose exit code is kept for the curious; it was not the verdict. */
export function resultFromRun(verdict: Verdict, ran: Exited): CheckResult {
  return { ...resultFrom(verdict, ran), exitCode: ran.exitCode };
}

export function perf(
  label: string,
  value: number,
  uom: string,
  range: { warn?: number | string; crit?: number | string; min?: number; max?: number } = {},
): PerfDatum {
  return {
    label,
    value,
    uom,
    warn: `${range.warn ?? ''}`,
    crit: `${range.crit ?? ''}`,
    min: range.min ?? null,
    max: range.max ?? null,
  };
}

/** `undefined` means it could not be measured, which is UNKNOWN as soon as anybody asked for a limit. */
export function stateOfTime(tookMs: number | undefined, limits: TimeLimits): CheckState {
  if (tookMs === undefined) {
    return limits.warnMs === undefined && limits.critMs === undefined ? 'ok' : 'unknown';
  }
  if (limits.critMs !== undefined && tookMs >= limits.critMs) return 'critical';
  if (limits.warnMs !== undefined && tookMs >= limits.warnMs) return 'warning';
  return 'ok';
}

/** `, limit 500 ms` for the limit that was reached; empty when none was. */
export function limitWords(state: CheckState, limits: TimeLimits): string {
  const limitMs = state === 'critical' ? limits.critMs : state === 'warning' ? limits.warnMs : undefined;
  return limitMs === undefined ? '' : `, limit ${timeWords(limitMs)}`;
}

/** Response time in seconds, the unit monitoring-plugins use for it. */
export function timePerf(tookMs: number | undefined, limits: TimeLimits): PerfDatum[] {
  if (tookMs === undefined) return [];
  return [
    perf('time', round(tookMs / 1000, 6), 's', {
      ...(limits.warnMs === undefined ? {} : { warn: limits.warnMs / 1000 }),
      ...(limits.critMs === undefined ? {} : { crit: limits.critMs / 1000 }),
      min: 0,
    }),
  ];
}

export function timeWords(ms: number): string {
  if (ms >= 1000) return `${round(ms / 1000, 2)} s`;
  return `${round(ms, ms < 1 ? 2 : ms < 10 ? 1 : 0)} ms`;
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

/** The last line that says something, for a cause in words; at most 200 characters. */
export function lastLine(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  return (lines.findLast((line) => line !== '') ?? '').slice(0, 200);
}
