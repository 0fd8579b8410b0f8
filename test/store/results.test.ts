/** Results in a table for each day: what was saved comes back in order, however time went, until it is old. */
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { HistoryQuery, Store } from '../../core/ports.ts';
import type { CheckResult } from '../../core/types.ts';
import { historyKind } from '../../store/connection.ts';
import { applyMigrations, migrationsOf } from '../../store/migrate.ts';
import {
  changeOf,
  checkStatusOf,
  closeStores,
  hostStatusOf,
  hourMs,
  minuteMs,
  openForTest,
  quickPath,
  resultOf,
  startMs,
  storePath,
} from './support/samples.ts';

const dayMs = 24 * hourMs;
const keepAll = { resultsBeforeMs: 0, historyBeforeMs: 0, rollupsBeforeMs: 0 };

function allResults(store: Store, query: Partial<HistoryQuery> = {}) {
  const items: (CheckResult & { host: string; check: string })[] = [];
  let cursor: string | undefined;
  do {
    const page = store.results({ limit: 7, ...query, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items.map(({ id: _id, ...rest }) => rest));
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}

function tablesIn(path: string): string[] {
  const db = new Database(path, { readonly: true });
  const sql = `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'results%' ORDER BY name`;
  const names = db.prepare<[], string>(sql).pluck().all();
  db.close();
  return names;
}

function prunedWholly(store: Store, resultsBeforeMs: number): number {
  let calls = 1;
  while (store.prune({ ...keepAll, resultsBeforeMs })) calls += 1;
  return calls;
}

const printed = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('OK', 'OK - 12 of 30 in 0.050 s', 'OK - 7 of 30 in 0.051 s', '007', ''),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.nat(999).map((number) => `${number} `.repeat(400)) },
);
const datum = fc.record({
  label: fc.constantFrom('time', "it's 1", 'b2'),
  value: fc
    .oneof(fc.constant(null), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(9))
    .map((v) => (v === 0 ? 0 : v)),
  uom: fc.constantFrom('s', ''),
  warn: fc.constantFrom('', '@1:2'),
  crit: fc.constant('5'),
  min: fc.constantFrom(null, 0),
  max: fc.constantFrom(null, 1e300),
});
const saved = fc.record({
  what: fc.constant('save' as const),
  /** From the result before. */
  afterMs: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -2_000, max: 40 * minuteMs }) },
    { weight: 1, arbitrary: fc.integer({ min: -3 * dayMs, max: 3 * dayMs }) },
  ),
  host: fc.constantFrom('a', 'b'),
  check: fc.constantFrom('x', 'y'),
  state: fc.constantFrom('ok' as const, 'critical' as const),
  text: printed,
  longText: fc.oneof({ weight: 4, arbitrary: fc.constant('') }, printed),
  perfdata: fc.array(datum, { maxLength: 3 }),
  hasExitCode: fc.boolean(),
});
const asked = fc.record({
  what: fc.constant('ask' as const),
  host: fc.constantFrom('a', 'b', undefined),
  check: fc.constantFrom('x', undefined),
  /** From the newest result. */
  since: fc.option(fc.integer({ min: -2 * dayMs, max: 0 }), { nil: undefined }),
  until: fc.option(fc.integer({ min: -2 * dayMs, max: 0 }), { nil: undefined }),
});
const command = fc.oneof(
  { weight: 8, arbitrary: saved },
  { weight: 2, arbitrary: asked },
  { weight: 1, arbitrary: fc.constant({ what: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.constant({ what: 'broken' as const }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

function play(commands: readonly Command[]): void {
  const path = quickPath();
  let stores = openForTest(path);
  let nowMs = startMs;
  const model: (CheckResult & { host: string; check: string })[] = [];
  for (const one of commands) {
    if (one.what === 'reopen') {
      closeStores(stores);
      stores = openForTest(path);
    } else if (one.what === 'broken') {
      // A transaction that fails in its middle, once with a new day in it.
      const change = changeOf({
        host: 'a',
        check: 'x',
        result: resultOf({ startedAtMs: nowMs + 9 * dayMs }),
      });
      const work = (): void => {
        stores.store.save(change);
        throw new Error('broken');
      };
      expect(() => stores.store.batch(work)).toThrow('broken');
    } else if (one.what === 'save') {
      const { afterMs, host, check, hasExitCode, state, text, longText, perfdata } = one;
      nowMs += afterMs;
      const exitCode = hasExitCode ? { exitCode: 2 } : {};
      const result = { state, text, longText, perfdata, ...exitCode, startedAtMs: nowMs, durationMs: 3 };
      stores.store.save(
        changeOf({ host, check, result, checkStatus: checkStatusOf({ lastResult: result }) }),
      );
      model.unshift({ ...result, host, check });
    } else {
      const { host, check, since, until } = one;
      const sinceMs = since === undefined ? undefined : nowMs + since;
      const untilMs = until === undefined ? undefined : nowMs + until;
      const query = Object.fromEntries(
        Object.entries({ host, check, sinceMs, untilMs }).filter(([, value]) => value !== undefined),
      );
      const isWanted = (result: (typeof model)[number]): boolean =>
        (host ?? result.host) === result.host &&
        (check ?? result.check) === result.check &&
        result.startedAtMs >= (sinceMs ?? -Infinity) &&
        result.startedAtMs <= (untilMs ?? Infinity);
      expect(allResults(stores.store, query)).toEqual(model.filter(isWanted));
    }
  }
  expect(allResults(stores.store)).toEqual(model);
  for (const host of ['a', 'b'])
    expect(allResults(stores.store, { host })).toEqual(model.filter((result) => result.host === host));
  const newest = new Map(
    model.toReversed().map(({ host, check, ...result }) => [`${host} ${check}`, result]),
  );
  const loaded = stores.store
    .loadChecks()
    .map(({ host, check, status }) => [`${host} ${check}`, status.lastResult]);
  expect(new Map(loaded as [string, CheckResult][])).toEqual(newest);
  closeStores(stores);
}

test('whatever is saved, in whatever time, comes back as it was, newest first', () => {
  fc.assert(fc.property(fc.array(command, { minLength: 5, maxLength: 60, size: 'max' }), play), {
    numRuns: 25,
  });
});

test('each day has a table, which goes as a whole when its last result is old', () => {
  const path = storePath();
  const { store } = openForTest(path);
  for (let hour = 0; hour < 96; hour += 1)
    store.save(changeOf({ result: resultOf({ startedAtMs: startMs + hour * hourMs, text: `${hour}` }) }));
  expect(tablesIn(path)).toEqual(['results', 'results_1', 'results_2', 'results_3', 'results_4']);
  expect(prunedWholly(store, startMs + 2 * dayMs - 1)).toBe(2);
  expect(tablesIn(path)).toEqual(['results_2', 'results_3', 'results_4']);
  expect(allResults(store)).toHaveLength(72);
  prunedWholly(store, startMs + 9 * dayMs);
  expect([tablesIn(path), allResults(store)]).toEqual([[], []]);
  const { lastResult } = store.loadChecks()[0]?.status ?? {};
  expect(lastResult).toBeUndefined();
  store.save(changeOf({ result: resultOf({ startedAtMs: startMs + 10 * dayMs, text: 'new' }) }));
  expect(tablesIn(path)).toEqual(['results_5']);
  expect(allResults(store).map(({ text }) => text)).toEqual(['new']);
});

test('results from before and after the clock was set back within a day are found by their times', () => {
  const path = storePath();
  const { store } = openForTest(path);
  for (const hour of [22, 23, 1, 2, 20, 0.5])
    store.save(changeOf({ check: 'x', result: resultOf({ startedAtMs: startMs + hour * hourMs }) }));
  const hours = (since: number, until: number): number[] =>
    allResults(store, {
      host: 'web-1',
      check: 'x',
      sinceMs: startMs + since * hourMs,
      untilMs: startMs + until * hourMs,
    }).map(({ startedAtMs }) => (startedAtMs - startMs) / hourMs);
  expect(hours(22, 24)).toEqual([23, 22]);
  expect(hours(0, 2)).toEqual([0.5, 2, 1]);
  expect(hours(2, 22)).toEqual([20, 2, 22]);
});

test('a large day is emptied in slices before its table goes', () => {
  const path = storePath();
  const { store } = openForTest(path);
  store.batch(() => {
    for (let index = 0; index < 45_000; index += 1)
      store.save(changeOf({ check: `c${index % 50}`, result: resultOf({ startedAtMs: startMs + index }) }));
  });
  store.save(changeOf({ check: 'c1', result: resultOf({ startedAtMs: startMs + dayMs }) }));
  expect(prunedWholly(store, startMs + dayMs)).toBe(10);
  expect(tablesIn(path)).toEqual(['results_2']);
  expect(allResults(store, { host: 'web-1', check: 'c1' })).toHaveLength(1);
});

test('a check is known as it was when its results are gone', () => {
  const path = storePath();
  const first = openForTest(path);
  const lastResult = resultOf({ startedAtMs: startMs + 5 * minuteMs });
  for (const result of [resultOf(), lastResult])
    first.store.save(changeOf({ result, checkStatus: checkStatusOf({ lastResult: result }) }));
  prunedWholly(first.store, startMs + 2 * dayMs);
  closeStores(first);
  const { status } = openForTest(path).store.loadChecks()[0] ?? {};
  expect(status).toEqual(checkStatusOf({ lastResult }));
});

test('a routine result writes neither the status of its check nor that of its host', () => {
  const path = storePath();
  const { store } = openForTest(path);
  const save = (minute: number, attempt: number): void => {
    const result = resultOf({ startedAtMs: startMs + minute * minuteMs });
    const checkStatus = checkStatusOf({ lastResult: result, attempt });
    const hostStatus = hostStatusOf({ lastSeenAtMs: startMs + minute * minuteMs });
    store.save(changeOf({ result, checkStatus, hostStatus }));
  };
  save(0, 1);
  const db = new Database(path);
  const scribble = `UPDATE check_state SET status = json_set(status, '$.note', 1);
    UPDATE host_state SET status = json_set(status, '$.note', 1)`;
  db.exec(scribble);
  save(1, 1);
  const notes = () =>
    db
      .prepare(
        `SELECT json_extract(c.status, '$.note') AS "check", json_extract(h.status, '$.note') AS host
         FROM check_state AS c JOIN series AS s ON s.id = c.series_id JOIN host_state AS h ON h.host = s.host`,
      )
      .get();
  expect(notes()).toEqual({ check: 1, host: 1 });
  expect(store.loadHosts()[0]?.status.lastSeenAtMs).toBe(startMs + minuteMs);
  save(2, 2);
  expect(notes()).toEqual({ check: null, host: 1 });
  db.close();
  store.forget({ hosts: new Set(), checks: new Set() });
  save(3, 2);
  expect(store.loadChecks().map(({ status }) => status.lastResult?.startedAtMs)).toEqual([
    startMs + 3 * minuteMs,
  ]);
  expect(store.loadHosts()).toHaveLength(1);
});

/** A file of the version before, with two checks that have results of two days. */
function oldFile(): { path: string; results: (CheckResult & { host: string; check: string })[] } {
  const path = storePath();
  closeStores(openForTest(path));
  const db = new Database(path);
  for (const { name } of db
    .prepare<[], { name: string }>(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`,
    )
    .all())
    db.exec(`DROP TABLE ${name}`);
  db.pragma('user_version = 0');
  applyMigrations(db, historyKind, migrationsOf(historyKind).slice(0, 2));
  const host = hostStatusOf({ lastSeenAtMs: startMs });
  db.prepare('INSERT INTO host_state VALUES (?, ?)').run('web-1', JSON.stringify(host));
  const known = checkStatusOf({ lastResult: resultOf() });
  db.prepare('INSERT INTO check_state VALUES (?, ?, ?)').run('web-1', 'x', JSON.stringify(known));
  db.exec(`INSERT INTO series VALUES (1, 'web-1', 'x'), (2, 'web-1', 'y')`);
  const insert = db.prepare('INSERT INTO results VALUES (?, ?, ?, 0, 5, 0, ?, NULL, ?)');
  const results = Array.from({ length: 48 }, (_, index) => {
    const startedAtMs = startMs + index * hourMs;
    const perfdata = [{ label: 'n', value: index, uom: '', warn: '', crit: '', min: null, max: null }];
    insert.run(
      index + 1,
      (index % 2) + 1,
      startedAtMs,
      index < 6 || index % 6 < 2 ? `text ${index}` : null,
      JSON.stringify(perfdata),
    );
    const text = `text ${index < 6 ? index : Math.floor(index / 6) * 6 + (index % 2)}`;
    const place = { host: 'web-1', check: index % 2 === 0 ? 'x' : 'y' };
    return { ...resultOf({ startedAtMs, text, perfdata, durationMs: 5 }), ...place };
  });
  db.close();
  return { path, results };
}

test('results of the schema before are read beside new ones, pruned, and their table goes with the last', () => {
  const { path, results } = oldFile();
  const first = openForTest(path);
  const known = checkStatusOf({ lastResult: resultOf() });
  expect(first.store.loadChecks()).toEqual([{ host: 'web-1', check: 'x', status: known }]);
  expect(first.store.loadHosts()[0]?.status).toEqual(hostStatusOf({ lastSeenAtMs: startMs }));
  const later = ['x', 'y', 'z'].map((check, index) => ({
    ...resultOf({ startedAtMs: startMs + 2 * dayMs + index }),
    host: 'web-1',
    check,
  }));
  for (const { host, check, ...result } of later) first.store.save(changeOf({ host, check, result }));
  closeStores(first);
  const { store } = openForTest(path);
  const all = [...results, ...later].toReversed();
  expect(allResults(store)).toEqual(all);
  expect(allResults(store, { host: 'web-1' })).toEqual(all);
  const ofX = all.filter(({ check }) => check === 'x');
  expect(allResults(store, { host: 'web-1', check: 'x' })).toEqual(ofX);
  const span = { sinceMs: startMs + 30 * hourMs, untilMs: startMs + 2 * dayMs };
  expect(allResults(store, { host: 'web-1', check: 'x', ...span })).toEqual(ofX.slice(0, 10));
  prunedWholly(store, startMs + 42 * hourMs);
  expect(allResults(store)).toEqual(all.slice(0, 9));
  expect(tablesIn(path)).toContain('results');
  prunedWholly(store, startMs + 2 * dayMs);
  expect(tablesIn(path)).toEqual(['results_1']);
  expect(allResults(store)).toEqual(all.slice(0, 3));
});

test('a day that lies ahead, since the clock was ahead once, keeps none of the others', () => {
  const path = storePath();
  const { store } = openForTest(path);
  for (const day of [0, 400, 1, 2, 3])
    store.save(changeOf({ result: resultOf({ startedAtMs: startMs + day * dayMs, text: `${day}` }) }));
  prunedWholly(store, startMs + 3 * dayMs);
  expect(tablesIn(path)).toEqual(['results_2', 'results_5']);
  expect(allResults(store).map(({ text }) => text)).toEqual(['3', '400']);
});

test('results of a day that was emptied keep their ids for themselves, also after a start', () => {
  const path = storePath();
  const first = openForTest(path);
  const save = ({ store }: typeof first, hour: number): number => {
    store.save(changeOf({ result: resultOf({ startedAtMs: startMs + hour * hourMs }) }));
    return store.results({ limit: 1 }).items[0]?.id ?? 0;
  };
  const before = [0, 1, 2].map((hour) => save(first, hour));
  prunedWholly(first.store, startMs + 20 * hourMs);
  closeStores(first);
  const after = save(openForTest(path), 22);
  expect(after).toBeGreaterThan(Math.max(...before));
});
