/** Which sign, word and tone each state has. Shape and word tell it; colour only repeats it. */

export type Tone = 'bad' | 'warn' | 'ok' | 'busy' | 'calm';

interface Mark {
  sign: string;
  word: string;
  tone: Tone;
}

const marks: Readonly<Record<string, Mark>> = {
  critical: { sign: '✖', word: 'CRITICAL', tone: 'bad' },
  warning: { sign: '▲', word: 'WARNING', tone: 'warn' },
  unknown: { sign: '?', word: 'UNKNOWN', tone: 'warn' },
  ok: { sign: '●', word: 'OK', tone: 'ok' },
  up: { sign: '●', word: 'UP', tone: 'ok' },
  unreachable: { sign: '⌁', word: 'UNREACHABLE', tone: 'warn' },
  pending: { sign: '◌', word: 'PENDING', tone: 'calm' },
  stale: { sign: '◌', word: 'STALE', tone: 'calm' },
  healing: { sign: '↻', word: 'HEALING', tone: 'busy' },
};

export function markOf(state: string): Mark {
  return marks[state] ?? { sign: '?', word: state.toUpperCase(), tone: 'calm' };
}

const failedRuns: readonly string[] = ['failed', 'not_verified', 'refused', 'expired', 'unknown'];
const openRuns: readonly string[] = ['intended', 'dispatched', 'verifying'];

/** How a run stands: `sign` beside its word. */
export function runMark(status: string): Mark {
  const word = status.replaceAll('_', ' ');
  if (failedRuns.includes(status)) return { sign: '✗', word, tone: 'bad' };
  if (openRuns.includes(status)) return { sign: '↻', word, tone: 'busy' };
  if (status === 'verified') return { sign: '✓', word, tone: 'ok' };
  return { sign: '·', word, tone: 'calm' };
}
