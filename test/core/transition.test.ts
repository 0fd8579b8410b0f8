/** What a CheckStatus holds beside Nagios's state: counters, times, the result, and what a reload may change under it. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyResult, initialCheckStatus, type TransitionOptions } from '../../core/transition.ts';
import type { CheckResult, CheckState, CheckStatus } from '../../core/types.ts';

const options: TransitionOptions = { maxAttempts: 3, flapping: { low: 20, high: 30 } };

function resultOf(state: CheckState): CheckResult {
  return { state, text: `is ${state}`, longText: '', perfdata: [], startedAtMs: 0, durationMs: 1 };
}

/** Results one second apart, the first at 1000 ms. */
function play(states: readonly CheckState[], from = initialCheckStatus(0), with_ = options): CheckStatus {
  return states.reduce(
    (status, state, i) => applyResult(status, resultOf(state), with_, (i + 1) * 1000).status,
    from,
  );
}

test('pending until the first result; its first OK is a transition but no event for a handler', () => {
  const pending = initialCheckStatus(7);
  expect(pending).toMatchObject({
    state: 'pending',
    type: 'hard',
    attempt: 1,
    problemResults: 0,
    sinceMs: 7,
  });
  expect(pending).not.toHaveProperty('problemSinceMs');
  const { event } = applyResult(pending, resultOf('ok'), options, 1000);
  expect(event).toMatchObject({ from: 'pending', state: 'ok', type: 'hard', changed: true, handler: false });
});

test('warning and critical in turn still become hard, and count as one problem', () => {
  expect(play(['ok', 'warning', 'critical', 'warning', 'unknown'])).toMatchObject({
    state: 'unknown',
    type: 'hard',
    attempt: 3,
    problemResults: 4,
    problemSinceMs: 2000,
    sinceMs: 5000,
    lastHardState: 'unknown',
  });
});

test('a soft problem leaves the last hard state; recovery ends the problem', () => {
  const soft = play(['ok', 'critical', 'critical']);
  expect(soft).toMatchObject({ type: 'soft', attempt: 2, lastHardState: 'ok', sinceMs: 2000 });
  const { status, event } = applyResult(soft, resultOf('ok'), options, 9000);
  expect(event).toMatchObject({
    from: 'critical',
    state: 'ok',
    type: 'soft',
    attempt: 3,
    changed: true,
    handler: true,
  });
  expect(status).toMatchObject({ state: 'ok', type: 'hard', attempt: 1, problemResults: 0, sinceMs: 9000 });
  expect(status).not.toHaveProperty('problemSinceMs');
});

test('changed: every change of state or type, and nothing else', () => {
  const states: CheckState[] = [
    'ok',
    'ok',
    'critical',
    'warning',
    'warning',
    'warning',
    'unknown',
    'ok',
    'ok',
  ];
  let status = initialCheckStatus(0);
  const changed = states.map((state) => {
    const step = applyResult(status, resultOf(state), options, 0);
    status = step.status;
    return step.event.changed;
  });
  expect(changed).toStrictEqual([true, false, true, true, true, false, true, true, false]);
});

test('a reload that lowers max_attempts makes the next soft problem hard, within the new limit', () => {
  const soft = play(['critical', 'critical', 'critical'], initialCheckStatus(0), {
    ...options,
    maxAttempts: 10,
  });
  expect(soft).toMatchObject({ type: 'soft', attempt: 3 });
  expect(play(['critical'], soft, { ...options, maxAttempts: 2 })).toMatchObject({
    type: 'hard',
    attempt: 2,
  });
});

test('a reload that raises max_attempts does not take back a hard problem', () => {
  const hard = play(['critical', 'critical', 'critical']);
  expect(play(['warning'], hard, { ...options, maxAttempts: 10 })).toMatchObject({
    type: 'hard',
    problemResults: 4,
  });
});

test('a reload that switches flap detection off ends flapping, even by a soft result', () => {
  const wild = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 'critical' : 'ok')) satisfies CheckState[];
  const flapping = play(wild, initialCheckStatus(0), { ...options, maxAttempts: 1 });
  expect(flapping.flap).toMatchObject({ flapping: true, flappingWithoutActions: true });
  const { status, event } = applyResult(flapping, resultOf('critical'), { ...options, flapping: null }, 0);
  expect(status).toMatchObject({ type: 'soft', flap: { flapping: false, flappingWithoutActions: false } });
  expect(event).toMatchObject({ flapping: false, flapChange: 'stopped' });
});

test('a change after our own action is not held against the check', () => {
  const hard = play(['critical', 'critical', 'critical']);
  const { status } = applyResult(hard, resultOf('ok'), { ...options, afterAction: true }, 0);
  expect(status.flap.percent).toBeGreaterThan(status.flap.percentWithoutActions);
  expect(status.flap.ring.slice(-2)).toStrictEqual([1, 2]);
});

test('the result is kept, and what others wrote into the status stays', () => {
  const status = play(['critical'], { ...initialCheckStatus(0), suppressedBy: 'a.b' });
  expect(status).toMatchObject({ suppressedBy: 'a.b', lastResult: { text: 'is critical' } });
});

test('an initial problem is believed hard, and keeps the time it was learnt', () => {
  const known = initialCheckStatus(500, 'critical');
  expect(play(['critical'], known)).toMatchObject({
    type: 'hard',
    problemSinceMs: 500,
    problemResults: 1,
    sinceMs: 500,
  });
  expect(play(['ok'], known)).toMatchObject({ state: 'ok', problemResults: 0 });
});

test('whatever happens, reloads included, the status given is not changed and JSON keeps the new one', () => {
  const step = fc.record({
    state: fc.constantFrom<CheckState>('ok', 'warning', 'critical', 'unknown'),
    maxAttempts: fc.integer({ min: 1, max: 5 }),
    flapping: fc.constantFrom(null, { low: 5, high: 20 }, { low: 30, high: 30 }),
    volatile: fc.boolean(),
    afterAction: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let status = initialCheckStatus(0);
      for (const [index, { state, ...with_ }] of steps.entries()) {
        const before = JSON.stringify(status);
        const after = applyResult(status, resultOf(state), with_, index).status;
        expect(JSON.stringify(status)).toBe(before);
        expect(JSON.parse(JSON.stringify(after))).toStrictEqual(after);
        expect(after.attempt >= 1 && after.attempt <= with_.maxAttempts).toBe(true);
        status = after;
      }
    }),
  );
});
