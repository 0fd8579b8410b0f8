/**
 * Owns the texts that carry time: durations (`1h30m`), run limits (`3 per 1h`) and rates (`50/s`). A bare number is a
 * problem that shows the fix, never a guess at its unit.
 */
import type { RunLimit } from './definitions.ts';
import type { Parsed } from './types.ts';

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** A hundred years: longer is a slip of the finger, and far below where doubles lose milliseconds. */
const longestMs = 36_500 * 86_400_000;

/** Units large to small, each at most once. */
const strict = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** What people write instead; read only to tell them what to write. */
const loose =
  /([\d.]+)\s*(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)/gi;

/** Milliseconds, whole, 0 and up. Takes what YAML gave, so that a bare number gets its own answer. */
export function parseDuration(input: string | number): Parsed<number> {
  const text = String(input).trim();
  const match = text.length > 100 ? null : strict.exec(text);
  if (match === null || text === '') return { problem: durationProblem(text) };
  const ms = units.reduce((sum, [, unitMs], index) => sum + Number(match[index + 1] ?? 0) * unitMs, 0);
  if (ms > longestMs) return { problem: `\`${text.slice(0, 40)}\` is longer than a hundred years` };
  return { value: ms };
}

function durationProblem(text: string): string {
  const shown = text.slice(0, 40);
  if (text === '') return 'a duration is missing; write for example `30s`, `5m` or `1h30m`';
  if (/^\d{1,12}$/.test(text)) return `${shown} has no unit; write \`${text}s\``;
  if (text.startsWith('-')) return `\`${shown}\` is negative; a duration is 0 or more`;
  const meant = text.length > 100 ? undefined : guess(text);
  return meant === undefined
    ? `\`${shown}\` is not a duration; write for example \`500ms\`, \`30s\`, \`5m\`, \`1h30m\` or \`7d\``
    : `\`${shown}\` is not a duration; write \`${meant}\``;
}

/** The strict text for a loose one that can mean only one thing. */
function guess(text: string): string | undefined {
  const parts = [...text.matchAll(loose)];
  if (parts.length === 0 || text.replace(loose, '').replace(/[\s,]|and/g, '') !== '') return undefined;
  const ms = parts.reduce(
    (sum, [, amount, word = '']) => sum + Number(amount) * unitMsOf(word.toLowerCase()),
    0,
  );
  return Number.isInteger(ms) && ms <= longestMs ? formatDuration(ms) : undefined;
}

function unitMsOf(word: string): number {
  if (word.startsWith('w')) return 7 * 86_400_000;
  if (/^(ms|msec|milli)/.test(word)) return 1;
  return units.find(([name]) => word.startsWith(name))?.[1] ?? NaN;
}

/** The text `parseDuration` reads back: no empty units, rounded to whole milliseconds. `90_000` is `1m30s`. */
export function formatDuration(durationMs: number): string {
  let restMs = Math.round(Math.abs(durationMs));
  if (!Number.isFinite(restMs)) return 'for ever';
  if (restMs === 0) return '0s';
  let text = durationMs < 0 ? '-' : '';
  for (const [name, unitMs] of units) {
    const amount = Math.floor(restMs / unitMs);
    restMs -= amount * unitMs;
    if (amount > 0) text += `${amount}${name}`;
  }
  return text;
}

/** `3 per 1h`: at most so many runs in any window of that length. */
export function parseRunLimit(input: string | number): Parsed<RunLimit> {
  const text = String(input).trim();
  const match = text.length > 100 ? null : /^(\d{1,9})\s+per\s+(\S+)$/.exec(text);
  if (match === null)
    return { problem: `\`${text.slice(0, 40)}\` is not a limit; write for example \`3 per 1h\`` };
  const runs = Number(match[1]);
  if (runs === 0) return { problem: `\`${text}\` allows no run at all; a limit is at least 1` };
  const window = parseDuration(match[2] ?? '');
  if ('problem' in window) return { problem: `\`${text}\`: ${window.problem}` };
  if (window.value === 0)
    return { problem: `\`${text}\` has a window of no length; write for example \`${runs} per 1h\`` };
  return { value: { runs, perMs: window.value } };
}

/** `50/s`, `10/m`, `600/h` to a number per second. */
export function parseRate(input: string | number): Parsed<number> {
  const text = String(input).trim();
  const match = text.length > 100 ? null : /^(\d{1,9}(?:\.\d{1,9})?)\s*\/\s*(s|m|h)$/.exec(text);
  if (match === null) {
    const hint = /^\d{1,9}$/.test(text) ? `write \`${text}/s\`` : 'write for example `50/s`';
    return { problem: `\`${text.slice(0, 40)}\` is not a rate; ${hint}` };
  }
  const amount = Number(match[1]);
  if (amount === 0) return { problem: `\`${text}\` lets nothing through; a rate is above 0` };
  return { value: amount / (unitMsOf(match[2] ?? '') / 1000) };
}
