/** Sums of five minutes: they agree with the results they are made of, however those came. */
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Store } from '../../core/ports.ts';
import type { Rollup } from '../../core/rollups.ts';
import type { CheckResult, PerfDatum } from '../../core/types.ts';
import {
  changeOf,
  closeStores,
  minuteMs,
  openForTest,
  quickPath,
  resultOf,
  startMs,
  storePath,
} from './support/samples.ts';

const place = { host: 'web-1', check: 'app.running' };
const step = 5 * minuteMs;

function perfdataOf(values: Record<string, number | null>): PerfDatum[] {
  return Object.entries(values).map(([label, value]) => {
    return { label, value, uom: 's', warn: '', crit: '', min: null, max: null };
  });
}

function read(
  store: Store,
  stepMs = step,
  sinceMs = startMs - step,
  untilMs = startMs + 86_400_000,
): Rollup[] {
  return store.rollups({ ...place, sinceMs, untilMs, stepMs });
}

function average(all: readonly number[]): number {
  return all.reduce((sum, one) => sum + one, 0) / all.length;
}

function expected(results: readonly CheckResult[], stepMs: number): Rollup[] {
  const groups = new Map<number, CheckResult[]>();
  for (const result of results) {
    const atMs = Math.floor(result.startedAtMs / stepMs) * stepMs;
    groups.set(atMs, [...(groups.get(atMs) ?? []), result]);
  }
  const rollups = [...groups].map(([atMs, group]): Rollup => {
    const values = (label: string): number[] =>
      group.flatMap(({ perfdata }) =>
        perfdata.flatMap((d) => (d.label === label && d.value !== null ? [d.value] : [])),
      );
    const of = (state: string): number => group.filter((one) => one.state === state).length;
    const labels = [...new Set(group.flatMap(({ perfdata }) => perfdata.map(({ label }) => label)))];
    return {
      atMs,
      stepMs,
      count: group.length,
      states: { ok: of('ok'), warning: of('warning'), critical: of('critical'), unknown: of('unknown') },
      durationAvgMs: average(group.map(({ durationMs }) => durationMs)),
      durationMaxMs: Math.max(...group.map(({ durationMs }) => durationMs)),
      perfdata: labels
        .filter((label) => values(label).length > 0)
        .map((label) => ({
          label,
          uom: 's',
          min: Math.min(...values(label)),
          avg: average(values(label)),
          max: Math.max(...values(label)),
        })),
    };
  });
  return rollups.toSorted((a, b) => a.atMs - b.atMs);
}

function near(value: number): string {
  return value.toPrecision(6);
}

/** Sums are rounded when they are written, and labels come in any order. */
function rounded(rollups: readonly Rollup[]): unknown {
  return rollups.map((rollup) => ({
    ...rollup,
    durationAvgMs: near(rollup.durationAvgMs),
    perfdata: rollup.perfdata
      .map(({ label, uom, min, avg, max }) => [label, uom, near(min), near(avg), near(max)].join(' '))
      .toSorted(),
  }));
}

const command = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      afterMs: fc.integer({ min: -minuteMs, max: 4 * minuteMs }),
      state: fc.constantFrom('ok' as const, 'warning' as const, 'critical' as const, 'unknown' as const),
      durationMs: fc.nat(5_000),
      perfdata: fc
        .dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.option(fc.nat(9_999)))
        .map(perfdataOf),
    }),
  },
  { weight: 1, arbitrary: fc.constant('reopen' as const) },
  { weight: 1, arbitrary: fc.constant('prune' as const) },
  { weight: 1, arbitrary: fc.constant('broken' as const) },
);

test('the sums agree with the results, of any step, across reopening and broken transactions', () => {
  const property = fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
    const path = quickPath();
    let stores = openForTest(path);
    const results: CheckResult[] = [];
    let nowMs = startMs;
    for (const one of commands) {
      if (one === 'reopen') {
        closeStores(stores);
        stores = openForTest(path);
      } else if (one === 'prune')
        stores.store.prune({ resultsBeforeMs: 0, historyBeforeMs: 0, rollupsBeforeMs: startMs - step });
      else if (one === 'broken') {
        const work = (): void => {
          stores.store.save(changeOf({ ...place, result: resultOf() }));
          throw new Error('broken');
        };
        expect(() => stores.store.batch(work)).toThrow('broken');
      } else {
        nowMs = Math.max(startMs, nowMs + one.afterMs);
        const { state, durationMs, perfdata } = one;
        const result = resultOf({ state, durationMs, perfdata, startedAtMs: nowMs });
        results.push(result);
        stores.store.save(changeOf({ ...place, result }));
        stores.store.save(changeOf({ ...place, check: 'other', result: resultOf() }));
      }
    }
    for (const stepMs of [step, 12 * step])
      expect(rounded(read(stores.store, stepMs))).toEqual(rounded(expected(results, stepMs)));
    closeStores(stores);
  });
  fc.assert(property, { numRuns: 25 });
});

test('one row is written for each check and five minutes', () => {
  const path = storePath();
  const stores = openForTest(path);
  for (let minute = 0; minute < 60; minute += 1)
    for (const check of ['x', 'y'])
      stores.store.save(
        changeOf({ host: 'a', check, result: resultOf({ startedAtMs: startMs + minute * minuteMs }) }),
      );
  closeStores(stores);
  const db = new Database(path);
  expect(db.prepare('SELECT count(*) AS n, sum(ok) AS ok FROM rollups').get()).toEqual({ n: 24, ok: 120 });
  db.close();
});

test('old sums are pruned, the rest and those of a silent check stay', () => {
  const { store } = openForTest();
  for (let minute = 0; minute < 60; minute += 1)
    store.save(changeOf({ ...place, result: resultOf({ startedAtMs: startMs + minute * minuteMs }) }));
  const silent = { ...place, check: 'silent' };
  store.save(changeOf({ ...silent, result: resultOf({ startedAtMs: startMs + 31 * minuteMs }) }));
  expect(
    store.prune({ resultsBeforeMs: 0, historyBeforeMs: 0, rollupsBeforeMs: startMs + 30 * minuteMs }),
  ).toBe(false);
  expect(read(store).map(({ atMs }) => (atMs - startMs) / minuteMs)).toEqual([30, 35, 40, 45, 50, 55]);
  const span = { sinceMs: startMs, untilMs: startMs + 60 * minuteMs, stepMs: 1 };
  expect(store.rollups({ ...silent, ...span })).toHaveLength(1);
  expect(store.rollups({ host: 'nobody', check: 'x', ...span })).toEqual([]);
});

test('a span that is too long is answered with its last 35 days', () => {
  const { store } = openForTest();
  const dayMs = 86_400_000;
  for (const day of [0, 1, 35])
    store.save(changeOf({ ...place, result: resultOf({ startedAtMs: startMs + day * dayMs }) }));
  const found = read(store, step, 0, startMs + 35 * dayMs);
  expect(found.map(({ atMs }) => (atMs - startMs) / dayMs)).toEqual([1, 35]);
});

test('labels that are new each time are kept up to a number, and those known go on', () => {
  const path = storePath();
  const first = openForTest(path);
  const save = (stores: typeof first, minute: number): void => {
    const labels = Array.from({ length: 700 }, (_, index) => [`${minute} ${index}`, 1]);
    const perfdata = perfdataOf({ known: minute, ...(Object.fromEntries(labels) as Record<string, number>) });
    const result = resultOf({ perfdata, startedAtMs: startMs + minute * minuteMs });
    stores.store.save(changeOf({ ...place, result }));
  };
  for (const minute of [0, 1, 2]) save(first, minute);
  closeStores(first);
  const second = openForTest(path);
  for (const minute of [3, 4, 6, 11]) save(second, minute);
  for (const stepMs of [step, 12 * step]) {
    const [rollup, ...others] = read(second.store, stepMs);
    for (const { perfdata } of [rollup, ...others].flatMap((each) => each ?? []))
      expect(perfdata.length).toBeLessThanOrEqual(1_000);
    expect(rollup?.perfdata).toHaveLength(1_000);
    expect(rollup?.perfdata.find(({ label }) => label === 'known')?.max).toBe(stepMs === step ? 4 : 11);
  }
});

test('the sum of the greatest numbers is one as well, also when it was written', () => {
  const path = storePath();
  const first = openForTest(path);
  for (const minute of [0, 1, 5, 6]) {
    const perfdata = perfdataOf({ high: 1.7e308, low: -1.7e308 });
    const result = resultOf({ perfdata, startedAtMs: startMs + minute * minuteMs });
    first.store.save(changeOf({ ...place, result }));
  }
  closeStores(first);
  const rollups = read(openForTest(path).store, 12 * step);
  expect(rollups[0]?.perfdata.map(({ avg }) => Math.sign(avg))).toEqual([1, -1]);
  for (const { min, avg, max } of rollups[0]?.perfdata ?? [])
    for (const value of [min, avg, max]) expect(Number.isFinite(value)).toBe(true);
});
