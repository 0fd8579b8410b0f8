/** Times as people type and read them on a command line: instants, ages, durations. */
import { formatDuration, parseDuration } from '../core/duration.ts';
import { usageError } from './exit.ts';

/** Milliseconds of `2h`. Errors: 64. */
export function readDuration(option: string, text: string): number {
  const parsed = parseDuration(text);
  if ('problem' in parsed) throw usageError(`${option}: ${parsed.problem}.`);
  if (parsed.value === 0) throw usageError(`${option}: must be longer than 0.`);
  return parsed.value;
}

/** RFC 3339 text of an instant, or of that long ago: `2026-03-01T02:41:00Z`, `2026-03-01 02:41`, `3h`. Zone UTC. Errors: 64. */
export function readInstant(option: string, text: string, nowMs = Date.now()): string {
  const age = parseDuration(text);
  if ('value' in age) return new Date(nowMs - age.value).toISOString();
  return readTime(option, text, 'Write 2026-03-01T02:41:00Z, or 3h for three hours ago.');
}

/** RFC 3339 text of an instant that is written as one. Zone UTC. Errors: 64. */
export function readTime(
  option: string,
  text: string,
  hint = 'Write for example 2026-03-01T02:41:00Z.',
): string {
  const atMs = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(atMs)) throw usageError(`${option}: \`${text}\` is no time.`, hint);
  return new Date(atMs).toISOString();
}

/** To the second: `2026-03-01T02:41:00Z`. */
export function showInstant(instant: string): string {
  return instant.replace(/\.\d+Z$/, 'Z');
}

/** `2026-03-01T02:41:00Z (in 5m)`, or `(5m ago)`. */
export function showWhen(instant: string, nowMs = Date.now()): string {
  const age = showAge(instant, nowMs);
  return `${showInstant(instant)} (${age.startsWith('in ') ? age : `${age} ago`})`;
}

/** The two greatest units: `3d4h`, `12m5s`, `250ms`. */
export function showDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  const unitMs = ms >= 86_400_000 ? 3_600_000 : ms >= 3_600_000 ? 60_000 : ms >= 1000 ? 1000 : 1;
  return formatDuration(Math.floor(ms / unitMs) * unitMs);
}

/** How long ago, or how far ahead. */
export function showAge(instant: string, nowMs = Date.now()): string {
  const ms = Date.parse(instant);
  if (Number.isNaN(ms)) return instant;
  return ms > nowMs ? `in ${showDuration(ms - nowMs)}` : showDuration(nowMs - ms);
}
