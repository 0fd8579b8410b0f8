import { expect, test } from 'vitest';
import type { HistoryQuery, Page, Store } from '../../core/ports.ts';
import {
  changeOf,
  checkStatusOf,
  closeStores,
  decisionOf,
  eventOf,
  hostStatusOf,
  hourMs,
  minuteMs,
  openForTest,
  resultOf,
  startMs,
  storePath,
  transitionOf,
} from './support/samples.ts';

function allPages<T>(read: (query: HistoryQuery) => Page<T>, query: HistoryQuery): T[] {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = read({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}

function addResults(store: Store, host: string, check: string, count: number, everyMs: number): void {
  for (let index = 0; index < count; index += 1) {
    const startedAtMs = startMs + index * everyMs;
    store.save(
      changeOf({ host, check, result: resultOf({ startedAtMs, text: `text ${Math.floor(index / 3)}` }) }),
    );
  }
}

test('what is known at present is the same after a reopen', () => {
  const path = storePath();
  const first = openForTest(path);
  const failure = { stage: 'auth', message: 'denied', hint: 'add the key', sent: false } as const;
  first.store.save(changeOf({ checkStatus: checkStatusOf({ attempt: 1 }) }));
  first.store.save(changeOf({ checkStatus: checkStatusOf() }));
  first.store.save(changeOf({ host: 'web-2', hostStatus: hostStatusOf({ state: 'unreachable', failure }) }));
  const checks = first.store.loadChecks();
  const hosts = first.store.loadHosts();
  expect(checks).toEqual([{ host: 'web-1', check: 'queue.running', status: checkStatusOf() }]);
  expect(hosts).toEqual([{ host: 'web-2', status: hostStatusOf({ state: 'unreachable', failure }) }]);
  closeStores(first);
  const second = openForTest(path);
  expect(second.store.loadChecks()).toEqual(checks);
  expect(second.store.loadHosts()).toEqual(hosts);
});

test('forgets the state of what is gone and keeps its history', () => {
  const { store } = openForTest();
  for (const [host, check] of [
    ['a', 'x'],
    ['a', 'y'],
    ['b', 'x'],
  ] as const) {
    const transitions = [transitionOf({ host, check })];
    store.save(
      changeOf({ host, check, checkStatus: checkStatusOf(), hostStatus: hostStatusOf(), transitions }),
    );
  }
  store.forget({ hosts: new Set(['a']), checks: new Set(['a\nx', 'b\nx']) });
  expect(store.loadChecks().map(({ host, check }) => [host, check])).toEqual([['a', 'x']]);
  expect(store.loadHosts().map(({ host }) => host)).toEqual(['a']);
  expect(store.transitions({ limit: 10 }).items).toHaveLength(3);
});

test('one change is written whole or not at all', () => {
  const { store } = openForTest();
  const whole = changeOf({
    checkStatus: checkStatusOf(),
    hostStatus: hostStatusOf(),
    result: resultOf(),
    transitions: [transitionOf()],
    events: [eventOf(), eventOf({ type: 'host.changed' })],
  });
  const { check: _check, ...withoutCheck } = whole;
  expect(() => store.save(withoutCheck)).toThrow('names no check');
  const broken = { ...whole, transitions: [transitionOf({ attempt: 0.5 })] };
  expect(() => store.save(broken)).toThrow('cannot store REAL value');
  expect(store.loadChecks()).toEqual([]);
  expect(store.loadHosts()).toEqual([]);
  expect(store.lastEventId()).toBe(0);
  expect(store.results({ limit: 1 }).items).toEqual([]);
  const events = store.save(whole);
  expect(events).toEqual([
    { ...eventOf(), id: 1 },
    { ...eventOf({ type: 'host.changed' }), id: 2 },
  ]);
  expect(store.eventsAfter(0, 10)).toEqual(events);
  expect(store.results({ limit: 1 }).items).toEqual([
    { ...resultOf(), id: expect.any(Number), host: 'web-1', check: 'queue.running' },
  ]);
});

test('no transition is lost and pages come newest first', () => {
  const { store } = openForTest();
  const given = Array.from({ length: 23 }, (_, index) =>
    transitionOf({
      atMs: startMs + index,
      host: `h${index % 2}`,
      attempt: index,
      afterAction: index % 2 === 0,
    }),
  );
  for (const transition of given) store.save(changeOf({ transitions: [transition] }));
  const { check: _check, ...ofHost } = transitionOf({ host: 'h0', atMs: startMs + 99 });
  store.save({ host: 'h0', transitions: [ofHost], events: [] });
  const expected = [...given, ofHost]
    .map((transition, index) => ({ ...transition, id: index + 1 }))
    .toReversed();
  expect(allPages((query) => store.transitions(query), { limit: 5 })).toEqual(expected);
  const some = store.transitions({
    host: 'h1',
    check: 'queue.running',
    sinceMs: startMs + 3,
    untilMs: startMs + 7,
    limit: 9,
  });
  expect(some.items.map(({ attempt }) => attempt)).toEqual([7, 5, 3]);
  expect(some).not.toHaveProperty('next');
  expect(store.transitions({ limit: 24 })).not.toHaveProperty('next');
  expect(store.transitions({ limit: 23 })).toHaveProperty('next');
});

test('results keep their text whether or not it was stored again', () => {
  const path = storePath();
  const first = openForTest(path);
  const given = ['a', 'a', 'b', 'b', 'a', '', ''].map((text, index) =>
    resultOf({ text, longText: index < 4 ? 'more\nlines' : '', startedAtMs: startMs + index * minuteMs }),
  );
  for (const result of given.slice(0, 4)) first.store.save(changeOf({ result }));
  closeStores(first);
  const { store } = openForTest(path);
  for (const result of given.slice(4)) store.save(changeOf({ result }));
  const read = allPages((query) => store.results(query), { limit: 2 }).map(
    ({ id: _id, ...result }) => result,
  );
  expect(read).toEqual(
    given.map((result) => ({ ...result, host: 'web-1', check: 'queue.running' })).toReversed(),
  );
});

test('a result without exit code and one with perfdata come back as they were', () => {
  const { store } = openForTest();
  const { exitCode: _none, ...timedOut } = resultOf({ state: 'unknown', durationMs: 10.4 });
  const perfdata = [{ label: "it's", value: null, uom: '%', warn: '@1:2', crit: '', min: 0, max: 1e300 }];
  store.save(changeOf({ result: timedOut }));
  store.save(changeOf({ result: resultOf({ state: 'warning', exitCode: 1, perfdata }) }));
  const [second, first] = store.results({ limit: 2 }).items;
  expect(second).toMatchObject({ state: 'warning', exitCode: 1, perfdata });
  expect(first).toMatchObject({ state: 'unknown', durationMs: 10, perfdata: [] });
  expect(first).not.toHaveProperty('exitCode');
});

test('results are found by host, by check and by time', () => {
  const { store } = openForTest();
  for (let index = 0; index < 12; index += 1) {
    const place = { host: `h${index % 2}`, check: `c${index % 3}` };
    store.save(changeOf({ ...place, result: resultOf({ startedAtMs: startMs + index }) }));
  }
  const ids = (given: object): number[] =>
    allPages((query) => store.results(query), { limit: 2, ...given }).map(
      ({ startedAtMs }) => startedAtMs - startMs + 1,
    );
  expect(ids({})).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(ids({ host: 'h0' })).toEqual([11, 9, 7, 5, 3, 1]);
  expect(ids({ check: 'c1' })).toEqual([11, 8, 5, 2]);
  expect(ids({ host: 'h0', check: 'c1' })).toEqual([11, 5]);
  expect(ids({ host: 'h0', sinceMs: startMs + 4, untilMs: startMs + 8 })).toEqual([9, 7, 5]);
  expect(ids({ host: 'nobody' })).toEqual([]);
});

test('pruning leaves every remaining result its text', () => {
  const { store } = openForTest();
  for (let index = 0; index < 150; index += 1) {
    const result = resultOf({ startedAtMs: startMs + index * minuteMs, text: 'always the same' });
    store.save(changeOf({ result }));
    store.save(changeOf({ check: 'other', result: { ...result, text: `text ${Math.floor(index / 40)}` } }));
  }
  const before = allPages((query) => store.results(query), { limit: 500 });
  store.prune({ resultsBeforeMs: startMs + 75 * minuteMs, historyBeforeMs: 0, rollupsBeforeMs: 0 });
  const after = allPages((query) => store.results(query), { limit: 500 });
  expect(after).toEqual(before.filter(({ startedAtMs }) => startedAtMs >= startMs + hourMs));
});

test('pruning goes in batches and stops at the retention of each kind', () => {
  const { store } = openForTest();
  addResults(store, 'a', 'x', 5_200, 1);
  for (const atMs of [startMs - 1, startMs]) {
    store.save(changeOf({ transitions: [transitionOf({ atMs })], events: [eventOf({ atMs })] }));
    store.saveDecision(decisionOf({ atMs, action: `action-${atMs}` }));
  }
  const past = { resultsBeforeMs: startMs + hourMs, historyBeforeMs: startMs, rollupsBeforeMs: 0 };
  expect([store.prune(past), store.prune(past), store.prune(past)]).toEqual([true, true, false]);
  // The last one tells which number is next; it goes with its day.
  expect(store.results({ limit: 10 }).items.map(({ startedAtMs }) => startedAtMs - startMs)).toEqual([5_199]);
  expect(store.prune({ ...past, resultsBeforeMs: startMs + 48 * hourMs })).toBe(true);
  expect(store.results({ limit: 10 }).items).toEqual([]);
  expect(store.transitions({ limit: 10 }).items.map(({ atMs }) => atMs)).toEqual([startMs]);
  expect(store.decisions({ limit: 10 }).items.map(({ atMs }) => atMs)).toEqual([startMs]);
  expect(store.eventsAfter(0, 10).map(({ id }) => id)).toEqual([2]);
});

test('an event id is never given twice, also when all events were pruned', () => {
  const path = storePath();
  const first = openForTest(path);
  expect(first.store.addEvent(eventOf()).id).toBe(1);
  const bare = { atMs: startMs, type: 'daemon.started' as const, data: {} };
  expect(first.store.addEvent(bare)).toEqual({ ...bare, id: 2 });
  first.store.prune({ resultsBeforeMs: 0, historyBeforeMs: startMs + 1, rollupsBeforeMs: 0 });
  closeStores(first);
  const { store } = openForTest(path);
  expect(store.lastEventId()).toBe(2);
  store.addEvent(bare);
  store.addEvent(eventOf({ runId: 'r' }));
  expect(store.eventsAfter(2, 1)).toEqual([{ ...bare, id: 3 }]);
  expect(store.eventsAfter(3, 100)).toEqual([{ ...eventOf({ runId: 'r' }), id: 4 }]);
});

test('a repeated decision is counted; another reason, action or run is a new one', () => {
  const { store } = openForTest();
  const save = (given: object): [number, number] => {
    const { id, count } = store.saveDecision(decisionOf(given));
    return [id, count];
  };
  expect(save({})).toEqual([1, 1]);
  expect(save({ atMs: startMs + 1, gates: [] })).toEqual([1, 2]);
  expect(save({ action: 'queue.reboot' })).toEqual([2, 1]);
  expect(save({ atMs: startMs + 2 })).toEqual([1, 3]);
  expect(save({ atMs: startMs + 3, reason: 'flapping' })).toEqual([3, 1]);
  expect(save({ atMs: startMs + 4 })).toEqual([4, 1]);
  expect(save({ atMs: startMs + 5, verdict: 'act', reason: 'act', runId: 'r1' })).toEqual([5, 1]);
  expect(save({ atMs: startMs + 6, verdict: 'act', reason: 'act', runId: 'r2' })).toEqual([6, 1]);
  expect(save({ host: 'web-2' })).toEqual([7, 1]);
  const first = store.decisions({ limit: 10 }).items.find(({ id }) => id === 1);
  expect(first).toEqual({ ...decisionOf(), id: 1, count: 3, lastAtMs: startMs + 2 });
});

test('tells which decisions were in force at a moment', () => {
  const { store } = openForTest();
  store.saveDecision(decisionOf({ atMs: startMs }));
  store.saveDecision(decisionOf({ atMs: startMs + 10, action: 'queue.reboot' }));
  store.saveDecision(decisionOf({ atMs: startMs + 20, reason: 'flapping' }));
  store.saveDecision(decisionOf({ atMs: startMs + 20, host: 'web-2' }));
  const at = (atMs: number, given: object = {}): string[] =>
    store
      .decisions({ atMs, limit: 10, ...given })
      .items.map(({ host, action, reason }) => `${host} ${action} ${reason}`);
  expect(at(startMs - 1)).toEqual([]);
  expect(at(startMs + 19)).toEqual(['web-1 queue.reboot cooldown', 'web-1 queue.restart cooldown']);
  expect(at(startMs + 20, { host: 'web-1' })).toEqual([
    'web-1 queue.restart flapping',
    'web-1 queue.reboot cooldown',
  ]);
  expect(at(startMs + 20, { action: 'queue.reboot' })).toEqual(['web-1 queue.reboot cooldown']);
  expect(at(startMs + 20, { check: 'other' })).toEqual([]);
});

test('a page holds 1 to 500 items', () => {
  const { store } = openForTest();
  addResults(store, 'a', 'x', 502, 1);
  expect(store.results({ limit: 100_000 }).items).toHaveLength(500);
  expect(store.results({ host: 'a', limit: 100_000 }).items).toHaveLength(500);
  expect(store.results({ limit: -1 }).items).toHaveLength(1);
});
