/** Which sign, word and tone each state has. Shape and word tell it; colour only repeats it. */

import type { RunItemAnswer } from '../http/wire-types.ts';

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
  unchecked: { sign: '–', word: 'NOT CHECKED', tone: 'calm' },
  stale: { sign: '◌', word: 'STALE', tone: 'calm' },
  healing: { sign: '↻', word: 'HEALING', tone: 'busy' },
};

export function markOf(state: string): Mark {
  return marks[state] ?? { sign: '?', word: state.toUpperCase(), tone: 'calm' };
}

type RunStatus = RunItemAnswer['status'];

const open = { sign: '↻', tone: 'busy' } as const;
const failed = { sign: '✗', tone: 'bad' } as const;
const other = { sign: '·', tone: 'calm' } as const;

/** In the order of a run's life; one that the API has and this has not fails the types. */
const runs: Readonly<Record<RunStatus, Pick<Mark, 'sign' | 'tone'>>> = {
  intended: open,
  dispatched: open,
  unknown: failed,
  verifying: open,
  verified: { sign: '✓', tone: 'ok' },
  not_verified: failed,
  inconclusive: other,
  done: other,
  failed,
  cancelled: other,
  refused: failed,
  expired: failed,
};

export const runStatuses = Object.keys(runs);

/** How a run stands: `sign` beside its word. */
export function runMark(status: RunStatus): Mark {
  return { ...other, ...runs[status], word: status.replaceAll('_', ' ') };
}
