/**
 * Owns flap detection as Nagios Core does it, and the same figure without the changes our own actions caused. Decides
 * nothing: who may act while a check flaps is the gates' business.
 *
 * Nagios remembers 21 states and compares neighbours; here the 20 comparisons are remembered themselves, which is the
 * same and leaves room to say who caused a change.
 * Source: Nagios Core 4.4.6, base/flapping.c; checked on test/vectors/nagios-state*.jsonl, exact doubles.
 */
import type { ChangeMark, CheckState, FlapState } from './types.ts';

const slots = 20;
const oldestWeight = 0.75;
const newestWeight = 1.25;

export interface FlapThresholds {
  /** Percent; flapping stops at or below. */
  low: number;
  /** Percent; flapping starts at or above. */
  high: number;
  /** States that are remembered; all when absent. Others leave no trace, as if there had been no result. */
  options?: readonly CheckState[];
}

/** One for all: most checks of a fleet have it for good. */
const quiet: FlapState = Object.freeze({
  ring: Array.from({ length: slots }, () => 0 as const),
  last: 'ok',
  percent: 0,
  flapping: false,
  percentWithoutActions: 0,
  flappingWithoutActions: false,
});

export function initialFlap(): FlapState {
  return quiet;
}

/**
 * Remembers a state and compares both figures with the thresholds; between them nothing changes. To be called for
 * results that are OK or hard only: a soft problem leaves no trace. Thresholds null: detection is off, the figures are
 * kept all the same, so that switching it on starts from the truth.
 */
export function recordState(
  flap: FlapState,
  state: CheckState,
  thresholds: FlapThresholds | null,
  afterAction: boolean,
): FlapState {
  if (thresholds?.options !== undefined && !thresholds.options.includes(state)) return flap;
  const isQuiet = flap.percent === 0 && !flap.flapping && !flap.flappingWithoutActions;
  // Most checks, most of the time: nothing but noughts goes out and comes in.
  if (state === flap.last && isQuiet) return flap;
  const mark: ChangeMark = state === flap.last ? 0 : afterAction ? 2 : 1;
  const ring = [...flap.ring.slice(1), mark];
  const percent = percentOf(ring, (each) => each !== 0);
  const percentWithoutActions = percentOf(ring, (each) => each === 1);
  return {
    ring,
    last: state,
    percent,
    flapping: isFlapping(flap.flapping, percent, thresholds),
    percentWithoutActions,
    flappingWithoutActions: isFlapping(flap.flappingWithoutActions, percentWithoutActions, thresholds),
  };
}

/** Ends flapping for a check whose detection was switched off. */
export function withoutDetection(flap: FlapState): FlapState {
  return { ...flap, flapping: false, flappingWithoutActions: false };
}

/** Summed oldest to newest, in Nagios's order of operations: the doubles must be identical, not near. */
function percentOf(ring: readonly ChangeMark[], counts: (mark: ChangeMark) => boolean): number {
  let sum = 0;
  ring.forEach((mark, index) => {
    if (counts(mark)) sum += (index * (newestWeight - oldestWeight)) / (slots - 1) + oldestWeight;
  });
  return (sum * 100) / slots;
}

function isFlapping(before: boolean, percent: number, thresholds: FlapThresholds | null): boolean {
  // Low is asked first, as in Nagios: where low is not below high, a figure that meets both is not flapping.
  if (thresholds === null || percent <= thresholds.low) return false;
  return before || percent >= thresholds.high;
}
