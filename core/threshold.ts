/**
 * Owns the ranges that plugins and checks are given as limits: reading them and asking them. Never reads perfdata.
 * Source: Monitoring Plugins Development Guidelines, "Threshold and Ranges".
 */
import type { CheckState, Parsed } from './types.ts';

export interface Range {
  low: number;
  high: number;
  /** Written with `@`: alerts inside, ends included, instead of outside. */
  inside: boolean;
}

const number = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;
const pattern = new RegExp(`^(@?)(?:(~|${number}):)?(${number})?$`);
const shapes =
  'write `10` (0 to 10), `10:` (10 or more), `~:10` (10 or less), `10:20`, or `@10:20` (alert inside)';

/** Text to range. Longest text read: 200 characters. */
export function parseRange(text: string): Parsed<Range> {
  const trimmed = text.trim();
  const match = trimmed.length > 200 ? null : pattern.exec(trimmed);
  const [, at, start, end] = match ?? [];
  if (match === null || (start === undefined && end === undefined)) {
    return { problem: `\`${trimmed.slice(0, 40)}\` is not a range; ${shapes}` };
  }
  const low = start === undefined ? 0 : start === '~' ? -Infinity : Number(start);
  const high = end === undefined ? Infinity : Number(end);
  if (low > high) {
    const mended = start === undefined ? `~:${end}` : `${end}:${start}`;
    return { problem: `\`${trimmed}\` begins at ${low}, above its end ${high}; write \`${at}${mended}\`` };
  }
  return { value: { low, high, inside: at === '@' } };
}

/** Not a number alerts for every range: what could not be measured is never fine. */
export function alerts(range: Range, value: number): boolean {
  if (Number.isNaN(value)) return true;
  const isInside = value >= range.low && value <= range.high;
  return isInside === range.inside;
}

/** The worst range that alerts wins; not a number is UNKNOWN, with or without ranges. */
export function stateOf(value: number, warn?: Range, crit?: Range): CheckState {
  if (Number.isNaN(value)) return 'unknown';
  if (crit !== undefined && alerts(crit, value)) return 'critical';
  return warn !== undefined && alerts(warn, value) ? 'warning' : 'ok';
}
