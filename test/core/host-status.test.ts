import { expect, test } from 'vitest';
import { failuresOf, initialHostStatus } from '../../core/host-status.ts';

test('a host that is reached, or unknown, has no failures; one that is down for good has many', () => {
  const status = initialHostStatus(0);
  expect(failuresOf(undefined)).toBe(0);
  expect(failuresOf(status)).toBe(0);
  expect(failuresOf({ ...status, state: 'up', type: 'hard', attempt: 1 })).toBe(0);
  expect(failuresOf({ ...status, state: 'unreachable', type: 'soft', attempt: 2 })).toBe(2);
  expect(failuresOf({ ...status, state: 'unreachable', type: 'soft', attempt: 0 })).toBe(1);
  expect(failuresOf({ ...status, state: 'unreachable', type: 'hard', attempt: 3 })).toBe(6);
});
