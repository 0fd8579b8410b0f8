/** Turns results and rollups of a check into the series of a graph and of its table. Pure. */
import type { ResultAnswer, RollupAnswer } from '../http/wire-types.ts';

/** One moment of one figure. `min` and `max` are those of the step it stands for. */
export interface Point {
  /** Seconds since the epoch, as the graph counts. */
  atSec: number;
  value: number | null;
  min: number | null;
  max: number | null;
}

export interface Figure {
  label: string;
  uom: string;
  points: Point[];
}

/** Where a figure begins to be too high or too low, as lines. */
export interface Limits {
  warn: number[];
  crit: number[];
}

interface Datum {
  label: string;
  uom: string;
  value: number | null;
  min: number | null;
  max: number | null;
}

function gather(rows: readonly { at: string; data: readonly Datum[] }[]): Figure[] {
  const figures = new Map<string, Figure>();
  for (const { at, data } of rows) {
    for (const { label, uom, ...numbers } of data) {
      const figure = figures.get(label) ?? { label, uom, points: [] };
      figures.set(label, figure);
      figure.points.push({ atSec: Date.parse(at) / 1000, ...numbers });
    }
  }
  return [...figures.values()];
}

/** `results` come newest first. */
export function figuresOfResults(results: readonly ResultAnswer[]): Figure[] {
  return gather(
    results.toReversed().map(({ startedAt, perfdata }) => ({
      at: startedAt,
      data: perfdata.map(({ label, uom, value }) => ({ label, uom, value, min: value, max: value })),
    })),
  );
}

/** Oldest first. */
export function figuresOfRollups(rollups: readonly RollupAnswer[]): Figure[] {
  return gather(
    rollups.map(({ at, perfdata }) => ({
      at,
      data: perfdata.map(({ label, uom, min, avg, max }) => ({ label, uom, value: avg, min, max })),
    })),
  );
}

/**
 * Where the answer that has the newest `lengthMs` begins. It moves in steps, so that the same question has the same answer, and the
 * answer stays short however long the page is open. Milliseconds since the epoch.
 */
export function askedFromMs(nowMs: number, lengthMs: number): number {
  const stepMs = lengthMs / 4;
  return Math.floor(nowMs / stepMs) * stepMs - lengthMs;
}

/** Without what is older, and without figures of which nothing is left. */
export function figuresSince(fromMs: number, figures: readonly Figure[]): Figure[] {
  return figures.flatMap((figure) => {
    const points = figure.points.filter(({ atSec }) => atSec * 1000 >= fromMs);
    return points.length === 0 ? [] : [{ ...figure, points }];
  });
}

const range = /^@?(?:(~|[+-]?[\d.]+(?:[eE][+-]?\d+)?):)?([+-]?[\d.]+(?:[eE][+-]?\d+)?)?$/;

/** The ends of a range of the monitoring-plugins guidelines that are numbers: `80`, `10:20`, `~:5`, `@1:2`. */
export function endsOf(text: string): number[] {
  const [, start, end] = range.exec(text.trim()) ?? [];
  return [start, end]
    .filter((each) => each !== undefined && each !== '~')
    .map(Number)
    .filter(Number.isFinite);
}

/** As the newest result has them; older ones may have had others. */
export function limitsOf(newest: ResultAnswer | undefined, label: string): Limits {
  const datum = newest?.perfdata.find((each) => each.label === label);
  return { warn: endsOf(datum?.warn ?? ''), crit: endsOf(datum?.crit ?? '') };
}
