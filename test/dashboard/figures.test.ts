/** What a graph and its table are drawn from. */
import { expect, test } from 'vitest';
import type { ResultAnswer, RollupAnswer } from '../../dashboard/http/wire-types.ts';
import {
  askedFromMs,
  endsOf,
  figuresOfResults,
  figuresOfRollups,
  figuresSince,
  limitsOf,
} from '../../dashboard/parts/figures.ts';

test.each([
  ['', []],
  ['80', [80]],
  ['10:20', [10, 20]],
  ['10:', [10]],
  ['~:5.5', [5.5]],
  ['@-1:1e3', [-1, 1000]],
  ['80;90', []],
  ['<script>', []],
  ['1.2.3', []],
])('the range %s has the ends %j', (text, ends) => {
  expect(endsOf(text)).toEqual(ends);
});

function result(second: number, perfdata: ResultAnswer['perfdata']): ResultAnswer {
  const startedAt = new Date(second * 1000).toISOString();
  const place = { id: second, host: 'h', check: 'c', startedAt, durationMs: 1 };
  return { ...place, state: 'ok', text: '', longText: '', perfdata };
}

const datum = { label: 'load', value: 1, uom: '', warn: '2', crit: '~:4', min: null, max: null };

test('results become one figure for each label, oldest first, with gaps where nothing was known', () => {
  const figures = figuresOfResults([
    result(20, [{ ...datum, value: null }]),
    result(10, [datum, { ...datum, label: 'disk', uom: '%', value: 7 }]),
  ]);
  expect(figures).toEqual([
    {
      label: 'load',
      uom: '',
      points: [
        { atSec: 10, value: 1, min: 1, max: 1 },
        { atSec: 20, value: null, min: null, max: null },
      ],
    },
    { label: 'disk', uom: '%', points: [{ atSec: 10, value: 7, min: 7, max: 7 }] },
  ]);
});

test('sums keep the least and the most of their step', () => {
  const states = { ok: 1, warning: 0, critical: 0, unknown: 0 };
  const common = { stepMs: 300_000, count: 1, states, durationAvgMs: 1, durationMaxMs: 1 };
  const rollups: RollupAnswer[] = [
    {
      at: '1970-01-01T00:05:00.000Z',
      ...common,
      perfdata: [{ label: 'load', uom: '', min: 1, avg: 2, max: 9 }],
    },
  ];
  expect(figuresOfRollups(rollups)[0]?.points).toEqual([{ atSec: 300, value: 2, min: 1, max: 9 }]);
});

test('limits are those of the newest result, and of no other label', () => {
  expect(limitsOf(result(1, [datum]), 'load')).toEqual({ warn: [2], crit: [4] });
  expect(limitsOf(result(1, [datum]), 'disk')).toEqual({ warn: [], crit: [] });
  expect(limitsOf(undefined, 'load')).toEqual({ warn: [], crit: [] });
});

test('however long the page is open, the newest hour is asked for and no more than that is shown', () => {
  const hourMs = 3_600_000;
  for (const nowMs of [hourMs * 100, hourMs * 100 + 1, hourMs * 108.9]) {
    const fromMs = askedFromMs(nowMs, hourMs);
    expect(fromMs).toBeLessThanOrEqual(nowMs - hourMs);
    expect(fromMs).toBeGreaterThan(nowMs - 1.3 * hourMs);
  }
  const old = { ...datum, label: 'gone' };
  const figures = figuresOfResults([result(30, [datum]), result(20, [datum, old]), result(10, [datum, old])]);
  const shown = figuresSince(20_001, figures);
  expect(shown.map(({ label, points }) => [label, points.map(({ atSec }) => atSec)])).toEqual([
    ['load', [30]],
  ]);
});
