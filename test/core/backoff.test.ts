import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../../core/backoff.ts';

const range = { baseMs: 1000, capMs: 60_000 };
const almostOne = 1 - 2 ** -53;

test('the bound doubles up to the cap and stays there', () => {
  const bounds = [0, 1, 2, 5, 6, 7, 2000].map((retry) => backoffMs(retry, range, almostOne));
  expect(bounds).toStrictEqual([999, 1999, 3999, 31_999, 59_999, 59_999, 59_999]);
});

test('full jitter: the random number places the wait anywhere below the bound', () => {
  expect([0, 0.25, 0.5].map((random) => backoffMs(3, range, random))).toStrictEqual([0, 2000, 4000]);
});

test('always a whole number of milliseconds within 0..cap', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.double({ min: 0, max: almostOne, noNaN: true }), (retry, random) => {
      const wait = backoffMs(retry, range, random);
      expect(Number.isInteger(wait) && wait >= 0 && wait < range.capMs).toBe(true);
    }),
  );
});
