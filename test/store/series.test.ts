/** What is kept of a check that is gone goes with the last of its history, and nothing of a check that exists ever does. */
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Store } from '../../core/ports.ts';
import {
  changeOf,
  checkStatusOf,
  closeStores,
  hourMs,
  openForTest,
  resultOf,
  startMs,
  storePath,
} from './support/samples.ts';

const dayMs = 24 * hourMs;
const results = { limit: 10 };

function save(store: Store, check: string, startedAtMs: number): void {
  const result = resultOf({ startedAtMs });
  store.save(changeOf({ check, result, checkStatus: checkStatusOf({ lastResult: result }) }));
}

/** Checks that have rows of their own, by table. */
function placesIn(path: string): { series: string[]; latest: string[] } {
  const db = new Database(path, { readonly: true });
  const names = (table: string, key: string): string[] =>
    db
      .prepare<[], string>(
        `SELECT s.check_id FROM ${table} AS t JOIN series AS s ON s.id = t.${key} ORDER BY s.check_id`,
      )
      .pluck()
      .all();
  const places = { series: names('series', 'id'), latest: names('latest', 'series_id') };
  expect(db.prepare('SELECT count(*) FROM latest').pluck().get()).toBe(places.latest.length);
  db.close();
  return places;
}

/** As housekeeping does: until nothing is left, and so that each series is looked at. */
function prune(store: Store, beforeMs: number, more: Partial<Parameters<Store['prune']>[0]> = {}): void {
  const before = { resultsBeforeMs: beforeMs, historyBeforeMs: beforeMs, rollupsBeforeMs: beforeMs, ...more };
  while (store.prune(before));
  store.prune(before);
}

const forgetAllBut = (store: Store, ...checks: string[]): void =>
  store.forget({ hosts: new Set(['web-1']), checks: new Set(checks.map((check) => `web-1\n${check}`)) });

test('a check that is gone is forgotten when the last of its history is, one that exists never', () => {
  const path = storePath();
  const { store } = openForTest(path);
  save(store, 'gone', startMs);
  save(store, 'silent', startMs);
  save(store, 'busy', startMs + 2 * dayMs);
  forgetAllBut(store, 'silent', 'busy');
  const all = ['busy', 'gone', 'silent'];
  // The table of its day is still there.
  prune(store, startMs + 12 * hourMs);
  expect(placesIn(path)).toEqual({ series: all, latest: all });
  const late = startMs + dayMs + 2 * hourMs;
  for (const kept of ['resultsBeforeMs', 'historyBeforeMs', 'rollupsBeforeMs'] as const) {
    prune(store, late, { [kept]: startMs });
    expect([kept, placesIn(path)]).toEqual([kept, { series: all, latest: all }]);
  }
  prune(store, late);
  const left = ['busy', 'silent'];
  expect(placesIn(path)).toEqual({ series: left, latest: left });
  prune(store, startMs + 90 * dayMs);
  expect(placesIn(path)).toEqual({ series: left, latest: left });
  expect(store.loadChecks().map(({ check }) => check)).toEqual(['silent', 'busy']);
});

test('a check that comes back begins anew, under no number that means another', () => {
  const path = storePath();
  const { store } = openForTest(path);
  save(store, 'stays', startMs);
  save(store, 'gone', startMs);
  forgetAllBut(store, 'stays');
  prune(store, startMs + 3 * dayMs);
  // It ran when it was taken out of the definitions, and answers only now.
  save(store, 'gone', startMs + 3 * dayMs);
  save(store, 'stays', startMs + 3 * dayMs);
  for (const check of ['gone', 'stays'])
    expect(store.results({ ...results, host: 'web-1', check }).items).toHaveLength(1);
  expect(placesIn(path)).toEqual({ series: ['gone', 'stays'], latest: ['gone', 'stays'] });
});

test('a state without any result is gone with its check', () => {
  const path = storePath();
  const { store } = openForTest(path);
  for (const check of ['gone', 'kept']) store.save(changeOf({ check, checkStatus: checkStatusOf() }));
  forgetAllBut(store, 'kept');
  prune(store, startMs);
  expect(placesIn(path).series).toEqual(['kept']);
});

test('results of the schema before keep their series', () => {
  const path = storePath();
  closeStores(openForTest(path));
  const db = new Database(path);
  db.exec(`INSERT INTO series VALUES (1, 'web-1', 'old');
    INSERT INTO results VALUES (1, 1, ${startMs}, 0, 1, 0, 'OK', NULL, NULL)`);
  db.close();
  const { store } = openForTest(path);
  prune(store, startMs);
  expect(store.results({ ...results, host: 'web-1', check: 'old' }).items).toHaveLength(1);
  prune(store, startMs + hourMs);
  expect(placesIn(path).series).toEqual([]);
});

test('all of many are looked at in turn', () => {
  const path = storePath();
  const { store } = openForTest(path);
  store.batch(() => {
    for (let index = 0; index < 5_100; index += 1) save(store, `c${index}`, startMs);
  });
  forgetAllBut(store, 'c7', 'c5050');
  prune(store, startMs + 2 * dayMs);
  expect(placesIn(path).series).toEqual(['c5050', 'c7']);
});
