/**
 * Every sequence of results up to length 8 (4 + 4^2 + .. + 4^8 = 87,380), for max_attempts 1 to 3, walked as a tree so that
 * prefixes are shared. Each step starts from the JSON of the one before, as after a restart, and is held against a
 * naive model written from the prose of test/vectors/README.md: 21 remembered states, compared as neighbours.
 */
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { applyResult, initialCheckStatus, type StateEvent } from '../../core/transition.ts';
import type { CheckState, CheckStatus } from '../../core/types.ts';

const states: readonly CheckState[] = ['ok', 'warning', 'critical', 'unknown'];
const flapping = { low: 12.5, high: 18.5 };
const depth = 8;

interface Model {
  state: CheckState;
  hard: boolean;
  attempt: number;
  history: readonly CheckState[];
  psc: number;
  flapping: boolean;
  /** Results since the last OK, for the counters. */
  tail: readonly number[];
  event: { type: 'soft' | 'hard'; attempt: number; handler: boolean };
}

const newborn: Model = {
  state: 'ok',
  hard: true,
  attempt: 1,
  history: Array.from({ length: 21 }, () => 'ok'),
  psc: 0,
  flapping: false,
  tail: [],
  event: { type: 'hard', attempt: 1, handler: false },
};

function model(before: Model, state: CheckState, maxAttempts: number, nowMs: number): Model {
  const wasProblem = before.state !== 'ok';
  let { hard, attempt } = before;
  let event = before.event;
  if (state === 'ok') {
    if (!wasProblem) event = { type: 'hard', attempt: 1, handler: false };
    else if (hard) event = { type: 'hard', attempt: 1, handler: true };
    else event = { type: 'soft', attempt: attempt + 1, handler: true };
    hard = true;
    attempt = 1;
  } else if (wasProblem && hard) {
    event = { type: 'hard', attempt, handler: state !== before.state };
  } else {
    attempt = wasProblem ? attempt + 1 : 1;
    hard = attempt === maxAttempts;
    event = { type: hard ? 'hard' : 'soft', attempt, handler: true };
  }
  const tail = state === 'ok' ? [] : [...before.tail, nowMs];
  const next = { ...before, state, hard, attempt, event, tail };
  return hard ? remember(next) : next;
}

function remember(now: Model): Model {
  const history = [...now.history.slice(1), now.state];
  let changes = 0;
  for (let i = 0; i < 20; i += 1) {
    if (history[i] !== history[i + 1]) changes += (i * 0.5) / 19 + 0.75;
  }
  const psc = (changes * 100) / 20;
  if (psc >= flapping.high) return { ...now, history, psc, flapping: true };
  return psc <= flapping.low ? { ...now, history, psc, flapping: false } : { ...now, history, psc };
}

/** One sentence for the first thing that is wrong. Plain comparisons: `expect` is too slow for 262,140 steps. */
function fault(status: CheckStatus, event: StateEvent, want: Model, maxAttempts: number): string | undefined {
  const isOk = status.state === 'ok';
  const rules: [string, boolean][] = [
    ['state', status.state === want.state && event.state === want.state],
    ['type', status.type === (want.hard ? 'hard' : 'soft')],
    ['attempt', status.attempt === want.attempt],
    [
      'event',
      isDeepStrictEqual({ type: event.type, attempt: event.attempt, handler: event.handler }, want.event),
    ],
    ['percent', Object.is(status.flap.percent, want.psc) && Object.is(event.psc, want.psc)],
    ['flapping', status.flap.flapping === want.flapping && event.flapping === want.flapping],
    ['percent within 0..100', status.flap.percent >= 0 && status.flap.percent <= 100],
    ['attempt within 1..max', status.attempt >= 1 && status.attempt <= maxAttempts],
    ['attempt of the event within 1..max+1', event.attempt >= 1 && event.attempt <= maxAttempts + 1],
    ['soft only for problems', status.type === 'hard' || !isOk],
    [
      'hard only when OK or attempts are spent',
      status.type === 'soft' || isOk || status.attempt === maxAttempts,
    ],
    ['problemResults', status.problemResults === want.tail.length],
    ['problemSinceMs', status.problemSinceMs === want.tail[0]],
    ['problemSinceMs is absent when OK', isOk !== Object.hasOwn(status, 'problemSinceMs')],
  ];
  return rules.find(([, holds]) => !holds)?.[0];
}

test.each([1, 2, 3])(
  'max_attempts %i: all 87,380 sequences hold every rule and survive a restart',
  (maxAttempts) => {
    const options = { maxAttempts, flapping };
    let visited = 0;
    let everFlapped = false;
    const faults: string[] = [];

    function walk(before: CheckStatus, modelBefore: Model, path: readonly CheckState[]): void {
      if (path.length === depth) return;
      for (const state of states) {
        const nowMs = (path.length + 1) * 1000;
        const result = { state, text: '', longText: '', perfdata: [], startedAtMs: nowMs, durationMs: 0 };
        const { status, event } = applyResult(before, result, options, nowMs);
        const want = model(modelBefore, state, maxAttempts, nowMs);
        const restored = JSON.parse(JSON.stringify(status)) as CheckStatus;
        const sequence = [...path, state];
        const wrong = isDeepStrictEqual(restored, status) ? fault(status, event, want, maxAttempts) : 'JSON';
        if (wrong !== undefined && faults.length < 5) faults.push(`${sequence.join(' ')}: ${wrong}`);
        visited += 1;
        everFlapped ||= status.flap.flapping;
        walk(restored, want, sequence);
      }
    }

    walk(initialCheckStatus(0), newborn, []);
    expect(faults).toStrictEqual([]);
    expect(visited).toBe(87_380);
    expect(everFlapped).toBe(true);
  },
);
