/** What flap detection adds to Nagios: changes our own actions caused, kept apart. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialFlap, recordState, withoutDetection } from '../../core/flapping.ts';
import type { CheckState, FlapState } from '../../core/types.ts';

const thresholds = { low: 20, high: 30 };
const anyState = fc.constantFrom<CheckState>('ok', 'warning', 'critical', 'unknown');
const anyResults = fc.array(fc.record({ state: anyState, afterAction: fc.boolean() }), { maxLength: 60 });

function play(results: readonly { state: CheckState; afterAction: boolean }[]): FlapState[] {
  let flap = initialFlap();
  return results.map(({ state, afterAction }) => {
    flap = recordState(flap, state, thresholds, afterAction);
    return flap;
  });
}

test('the first hard problem gives 6.25', () => {
  expect(recordState(initialFlap(), 'critical', thresholds, false).percent).toBe(6.25);
});

test('healing again and again does not itself look like flapping', () => {
  const results = Array.from({ length: 40 }, (_, i) => ({
    state: i % 2 === 0 ? ('critical' as const) : ('ok' as const),
    afterAction: i % 2 === 1,
  }));
  const healed = play(results).at(-1);
  expect(healed).toMatchObject({ percent: 100, flapping: true });
  expect(healed?.percentWithoutActions).toBeCloseTo(49.34, 2);
  const byItself = play(results.map((each) => ({ ...each, afterAction: true }))).at(-1);
  expect(byItself).toMatchObject({ percent: 100, flapping: true, percentWithoutActions: 0 });
  expect(byItself?.flappingWithoutActions).toBe(false);
});

test('both figures stay within 0..100, and ours never exceeds the one of Nagios', () => {
  fc.assert(
    fc.property(anyResults, (results) => {
      for (const flap of play(results)) {
        expect(flap.ring).toHaveLength(20);
        expect(flap.percent).toBeLessThanOrEqual(100);
        expect(flap.percentWithoutActions).toBeGreaterThanOrEqual(0);
        expect(flap.percentWithoutActions).toBeLessThanOrEqual(flap.percent);
      }
    }),
  );
});

test('each figure has its own hysteresis: at or above high it starts, at or below low it stops', () => {
  fc.assert(
    fc.property(anyResults, (results) => {
      let before = { flapping: false, flappingWithoutActions: false };
      for (const flap of play(results)) {
        const judge = (was: boolean, percent: number): boolean =>
          percent >= thresholds.high || (was && percent > thresholds.low);
        expect(flap.flapping).toBe(judge(before.flapping, flap.percent));
        expect(flap.flappingWithoutActions).toBe(
          judge(before.flappingWithoutActions, flap.percentWithoutActions),
        );
        before = flap;
      }
    }),
  );
});

test('twenty quiet results forget everything', () => {
  fc.assert(
    fc.property(anyResults, anyState, (results, state) => {
      const quiet = Array.from({ length: 21 }, () => ({ state, afterAction: false }));
      expect(play([...results, ...quiet]).at(-1)).toStrictEqual({ ...initialFlap(), last: state });
    }),
  );
});

test('a state that is not listed leaves no trace', () => {
  const flap = initialFlap();
  expect(recordState(flap, 'warning', { ...thresholds, options: ['ok', 'critical'] }, false)).toBe(flap);
  expect(recordState(flap, 'warning', { ...thresholds, options: [] }, false)).toBe(flap);
});

test('nothing given is changed in place', () => {
  const flap = Object.freeze({
    ...initialFlap(),
    ring: Object.freeze(initialFlap().ring) as FlapState['ring'],
  });
  expect(recordState(flap, 'critical', thresholds, false).ring.at(-1)).toBe(1);
  expect(recordState(flap, 'critical', thresholds, true).ring.at(-1)).toBe(2);
  expect(withoutDetection(flap)).not.toBe(flap);
});
