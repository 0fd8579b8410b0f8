/** Every step of 1,100 sequences that a real Nagios Core produced; see test/vectors/README.md for their provenance. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { applyResult, initialCheckStatus, type TransitionOptions } from '../../core/transition.ts';
import type { CheckState, CheckStatus } from '../../core/types.ts';

interface Step {
  state: 0 | 1 | 2 | 3;
  type: 'SOFT' | 'HARD';
  attempt: number;
  psc: number;
  flapping: boolean;
  handler: { state: string; type: string; attempt: number } | null;
  flap_event: 'start' | 'stop' | null;
}

interface Sequence {
  id: string;
  group: string;
  max_attempts: number;
  low: number;
  high: number;
  flap_options?: string;
  flap_enabled?: 0 | 1;
  volatile?: 0 | 1;
  initial_state?: string;
  steps: Step[];
}

const states = ['ok', 'warning', 'critical', 'unknown'] as const;
const letters: Record<string, CheckState> = { o: 'ok', w: 'warning', c: 'critical', u: 'unknown' };
const flapChanges = { start: 'started', stop: 'stopped' } as const;

function read(file: string): Sequence[] {
  const text = readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sequence);
}

function optionsOf(sequence: Sequence): TransitionOptions {
  const { low, high, flap_options: listed } = sequence;
  const remembered = listed?.split(',').flatMap((letter) => letters[letter] ?? []);
  return {
    maxAttempts: sequence.max_attempts,
    flapping:
      sequence.flap_enabled === 0
        ? null
        : { low, high, ...(remembered === undefined ? {} : { options: remembered }) },
    volatile: sequence.volatile === 1,
  };
}

function play(sequence: Sequence): unknown[] {
  const initial = letters[sequence.initial_state ?? ''];
  let status: CheckStatus = initialCheckStatus(0, initial);
  return sequence.steps.map((step, index) => {
    const result = {
      state: states[step.state],
      text: '',
      longText: '',
      perfdata: [],
      startedAtMs: index,
      durationMs: 0,
    };
    const before = status;
    const { status: after, event } = applyResult(before, result, optionsOf(sequence), index);
    status = after;
    const isHardRecovery = event.state === 'ok' && event.type === 'hard';
    return {
      state: after.state,
      type: after.type,
      attempt: after.attempt,
      psc: event.psc,
      flapping: event.flapping,
      flapChange: event.flapChange,
      handler: event.handler
        ? { state: event.state, type: event.type, attempt: isHardRecovery ? 'not compared' : event.attempt }
        : null,
    };
  });
}

function expected(sequence: Sequence): unknown[] {
  return sequence.steps.map(({ state, type, attempt, psc, flapping, handler, flap_event: flapEvent }) => ({
    state: states[state],
    type: type.toLowerCase(),
    attempt,
    psc,
    flapping,
    flapChange: flapEvent === null ? null : flapChanges[flapEvent],
    handler: handler && {
      state: handler.state.toLowerCase(),
      type: handler.type.toLowerCase(),
      attempt: handler.state === 'OK' && handler.type === 'HARD' ? 'not compared' : handler.attempt,
    },
  }));
}

const files = [
  { file: 'nagios-state.jsonl', count: 1008 },
  { file: 'nagios-state-options.jsonl', count: 92 },
];

test.each(files)('$file: $count sequences are identical at every step', ({ file, count }) => {
  const sequences = read(file);
  expect(sequences).toHaveLength(count);
  for (const sequence of sequences) {
    expect(play(sequence), `${sequence.id} ${sequence.group}`).toStrictEqual(expected(sequence));
  }
});
