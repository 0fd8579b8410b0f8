import { expect, test } from 'vitest';
import { restOf } from '../../dashboard/parts/away-rest.ts';

function away(healed: number, flapping: number) {
  const rows = { healed: Array.from({ length: 2 }), flapping: Array.from({ length: 1 }) };
  const totals = { healed, flapping, suppressions: 0 };
  return { ...rows, totals } as unknown as Parameters<typeof restOf>[0];
}

test('what is not told of the last day is said, each part by its number', () => {
  expect(restOf(away(2, 1), false)).toBeUndefined();
  expect(restOf(away(312, 1), false)).toBe('There is more: told are the newest 2 of 312 repairs.');
  expect(restOf(away(2, 30), true)).toBe(
    'There is more: told are 1 of 30 checks that come and go, and the newest 500 changes of state.',
  );
});
