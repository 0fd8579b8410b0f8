import { expect, test } from 'vitest';
import { applyFailure, failuresOf, initialHostStatus } from '../../core/host-status.ts';
import { checkOf, planOf } from '../support/definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

test('a host that is reached, or unknown, has no failures; one that is down for good has many', () => {
  const status = initialHostStatus(0);
  expect(failuresOf(undefined)).toBe(0);
  expect(failuresOf(status)).toBe(0);
  expect(failuresOf({ ...status, state: 'up', type: 'hard', attempt: 1 })).toBe(0);
  expect(failuresOf({ ...status, state: 'unreachable', type: 'soft', attempt: 2 })).toBe(2);
  expect(failuresOf({ ...status, state: 'unreachable', type: 'soft', attempt: 0 })).toBe(1);
  expect(failuresOf({ ...status, state: 'unreachable', type: 'hard', attempt: 3 })).toBe(6);
});

test('one attempt that failed counts once, however often it is told until the next', () => {
  const failure = { stage: 'connect', message: 'refused', hint: '', sent: false } as const;
  const first = applyFailure(initialHostStatus(0), failure, 1_000, 1_500).status;
  expect(first).toMatchObject({ state: 'unreachable', attempt: 1, sinceMs: 1_500, attemptAtMs: 1_000 });
  const told = [10_000, 20_000, 30_000].reduce(
    (status, nowMs) => applyFailure(status, failure, 1_000, nowMs).status,
    first,
  );
  expect(told).toEqual(first);
  expect(applyFailure(told, failure, 31_000, 32_000).status).toMatchObject({
    attempt: 2,
    attemptAtMs: 31_000,
  });
});

test('the machine that mendd runs on is not said to be reached over SSH', () => {
  const plan = planOf([checkOf('running')], []);
  for (const [transport, text] of [
    ['ssh', 'reached over SSH'],
    ['local', 'the machine mendd runs on'],
  ] as const) {
    const host = new SimulatedHost({ ...plan, host: { ...plan.host, transport } });
    host.result('ok');
    expect(host.transitions.find(({ check }) => check === undefined)?.text).toBe(text);
  }
});
