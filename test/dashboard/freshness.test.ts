import { expect, test } from 'vitest';
import { freshLimits, freshnessOf } from '../../dashboard/live/freshness.ts';

const answered = { monoMs: 1_000, wallMs: 1_700_000_000_000 };
const later = (monoMs: number, wallMs = monoMs) => ({
  monoMs: answered.monoMs + monoMs,
  wallMs: answered.wallMs + wallMs,
});

test('nothing is live before the first answer', () => {
  expect(freshnessOf(undefined, true, later(0))).toEqual({ kind: 'loading' });
});

test('an answer is live until it is too old, and that is said within 15 seconds', () => {
  expect(freshnessOf(answered, true, later(2_000))).toEqual({ kind: 'live', ageMs: 2_000 });
  expect(freshnessOf(answered, true, later(freshLimits.staleMs))).toMatchObject({ kind: 'live' });
  expect(freshnessOf(answered, true, later(freshLimits.staleMs + 1))).toEqual({
    kind: 'stale',
    ageMs: freshLimits.staleMs + 1,
    why: 'no_answer',
  });
  // Two questions may be lost before the page says so; it looks at the clock once a second.
  expect(freshLimits.staleMs).toBeGreaterThan(2 * freshLimits.askMs);
  expect(freshLimits.staleMs + 1_000).toBeLessThan(15_000);
});

test('a machine that slept knows nothing, whichever of its clocks stood still', () => {
  expect(freshnessOf(answered, true, later(1_000, 3_600_000))).toMatchObject({
    kind: 'stale',
    ageMs: 3_600_000,
    why: 'clock_jumped',
  });
  expect(freshnessOf(answered, true, later(3_600_000, 1_000))).toMatchObject({
    kind: 'stale',
    ageMs: 3_600_000,
  });
});

test('a clock that was set back does not make old data young', () => {
  expect(freshnessOf(answered, true, later(1_000, -60_000))).toEqual({
    kind: 'stale',
    ageMs: 1_000,
    why: 'clock_jumped',
  });
  // What NTP does all day is no jump.
  expect(freshnessOf(answered, true, later(3_000, 2_500))).toEqual({ kind: 'live', ageMs: 3_000 });
});

test('a daemon that is not well makes all that it tells doubtful', () => {
  expect(freshnessOf(answered, false, later(0))).toEqual({ kind: 'stale', ageMs: 0, why: 'not_ready' });
});
