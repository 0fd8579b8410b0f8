/** What waits in memory, what is written at once, and what a kill or a store that fails leaves of it. */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import type { Store, StoreChange } from '../../core/ports.ts';
import { initialCheckStatus } from '../../core/transition.ts';
import type { CheckStatus, StoredEvent } from '../../core/types.ts';
import { History } from '../../daemon/history.ts';
import { createLog } from '../../daemon/log.ts';
import { openStores } from '../../store/open.ts';
import { FakeClock } from '../support/fake-clock.ts';

const waitMs = 500;

function temporary(): string {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mendd-history-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function open(directory: string, clock = new FakeClock()) {
  const stores = openStores({ path: join(directory, 'mendd.db'), nowMs: clock.nowMs() });
  const close = (): void => {
    stores.store.close();
    stores.coordinator.close();
  };
  onTestFinished(close);
  return { ...stores, close };
}

/** As kill -9 leaves the files at this moment. */
function killed(directory: string): string {
  const remains = temporary();
  cpSync(directory, remains, { recursive: true, filter: (name) => !/-shm$|\.lock/.test(name) });
  return remains;
}

class Disk {
  isFull = false;
  writes = 0;

  /** The same store; each commit of it is counted, and fails while the disk is full. */
  under(store: Store): Store {
    const batch: Store['batch'] = (work) => {
      this.writes += 1;
      if (this.isFull) throw new MenddError('STORE_UNUSABLE', 'the disk is full');
      return store.batch(work);
    };
    return { ...store, batch };
  }
}

function start(directory = temporary()) {
  const clock = new FakeClock();
  const disk = new Disk();
  const { store, close } = open(directory, clock);
  const history = new History(disk.under(store), clock, createLog('silent'));
  return { directory, clock, disk, store, history, close };
}

/** The number of a change is in its text and its times. */
function changeOf(number: number, isTold = false, check = 'app.running'): StoreChange {
  const startedAtMs = 1_700_000_000_000 + number * 1_000;
  const place = { host: 'web-1', check };
  const result = {
    state: 'ok' as const,
    text: `${number}`,
    longText: '',
    perfdata: [],
    startedAtMs,
    durationMs: 1,
  };
  const flap = { flapping: false, percent: 0, percentWithoutActions: 0, afterAction: false };
  const to = { from: 'critical', to: 'ok', type: 'hard' as const, attempt: 1, text: `${number}`, ...flap };
  return {
    ...place,
    result,
    checkStatus: { ...initialCheckStatus(0), state: 'ok', attempt: number, lastResult: result },
    hostStatus: { state: 'up', type: 'hard', attempt: 0, sinceMs: 1, lastSeenAtMs: startedAtMs },
    transitions: isTold ? [{ ...place, atMs: startedAtMs, ...to }] : [],
    events: isTold ? [{ ...place, atMs: startedAtMs, type: 'state.changed', data: { number } }] : [],
  };
}

function numbersIn(store: Pick<Store, 'results'>): number[] {
  const { items } = store.results({ limit: 500 });
  return items.map(({ text }) => Number(text)).toReversed();
}

test('routine results wait half a second and are one commit', async () => {
  const { clock, disk, store, history } = start();
  for (let number = 0; number < 9; number += 1) history.save(changeOf(number));
  await clock.pass(waitMs - 1);
  expect([numbersIn(store), disk.writes]).toEqual([[], 0]);
  await clock.pass(1);
  expect([numbersIn(store), disk.writes]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8], 1]);
  await clock.pass(10 * waitMs);
  expect(disk.writes).toBe(1);
});

test('many routine results do not wait for the time', () => {
  const { store, history } = start();
  for (let number = 0; number < 499; number += 1) history.save(changeOf(number));
  expect(numbersIn(store)).toHaveLength(0);
  history.save(changeOf(499));
  expect(numbersIn(store)).toHaveLength(500);
});

test('a change that is told is on the disk when it is told, after all that came before it', () => {
  const { directory, disk, history } = start();
  const told: number[] = [];
  history.onEvent((event: StoredEvent) => {
    const after = open(killed(directory));
    told.push(after.store.transitions({ limit: 9 }).items.length, ...numbersIn(after.store));
    expect(after.store.lastEventId()).toBe(event.id);
  });
  for (const number of [0, 1]) history.save(changeOf(number));
  history.save(changeOf(2, true));
  expect([told, disk.writes]).toEqual([[1, 0, 1, 2], 1]);
});

test('changes that nothing is done about are one commit a moment later; what is done about one takes them along', async () => {
  const { clock, disk, history, store } = start();
  const told: string[] = [];
  history.onEvent(({ type }) => told.push(type));
  history.save(changeOf(1));
  for (const number of [2, 3]) history.save(changeOf(number, true), false);
  expect([disk.writes, told.length]).toEqual([0, 0]);
  await clock.pass(20);
  expect([disk.writes, told.length]).toEqual([1, 2]);
  expect(numbersIn(store)).toEqual([1, 2, 3]);
  history.save(changeOf(4, true), false);
  history.save(changeOf(5, true));
  expect([disk.writes, told.length]).toEqual([2, 4]);
  await clock.pass(waitMs);
  expect(disk.writes).toBe(2);
});

test('a reader sees what waits', () => {
  const { history } = start();
  history.save(changeOf(7));
  expect(numbersIn(history.reader)).toEqual([7]);
});

test('a stop writes what waits', () => {
  const { directory, history, close } = start();
  history.save(changeOf(3));
  history.close();
  close();
  expect(numbersIn(open(directory).store)).toEqual([3]);
});

test('what comes in after a stop is not written, and no timer meets the closed store', async () => {
  const { clock, store, history, close } = start();
  history.save(changeOf(1));
  history.close();
  expect(numbersIn(store)).toEqual([1]);
  close();
  history.save(changeOf(2));
  history.save(changeOf(3, true));
  await clock.pass(10 * waitMs);
});

test('a full queue drops routine results first and says how many; the order of the rest stays', () => {
  const { disk, store, history } = start();
  const events: StoredEvent[] = [];
  history.onEvent((event) => events.push(event));
  disk.isFull = true;
  // 50 that are told among 10,100, and the event of the failure.
  for (let number = 0; number < 10_100; number += 1) history.save(changeOf(number, number % 202 === 0));
  expect(history.problem).toBe('the disk is full');
  expect(disk.writes).toBeLessThan(100);
  disk.isFull = false;
  expect(history.flush()).toBe(true);
  expect(history.problem).toBeUndefined();
  const told = store.transitions({ limit: 500 }).items.map(({ text }) => Number(text));
  expect(told.toReversed()).toEqual(Array.from({ length: 50 }, (_, index) => index * 202));
  expect(numbersIn(store)).toEqual(Array.from({ length: 500 }, (_, index) => 9_600 + index));
  expect(events.at(-1)).toMatchObject({ type: 'store.recovered', data: { dropped: 101 } });
});

test('a change that cannot be written at all takes no other with it', () => {
  const { store, history } = start();
  const bad = changeOf(2);
  for (const change of [
    changeOf(1),
    { ...bad, result: { ...bad.result, durationMs: Number.NaN } },
    changeOf(3),
  ])
    history.save(change as StoreChange);
  expect(() => history.flush()).toThrow('NOT NULL');
  history.flush();
  expect(numbersIn(store)).toEqual([1, 3]);
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('routine' as const) },
  { weight: 2, arbitrary: fc.constant('told' as const) },
  { weight: 2, arbitrary: fc.constant('time' as const) },
  { weight: 1, arbitrary: fc.constant('flush' as const) },
  { weight: 1, arbitrary: fc.constant('disk' as const) },
  { weight: 1, arbitrary: fc.constant('reload' as const) },
  { weight: 1, arbitrary: fc.constant('kill' as const) },
);

async function play(steps: readonly string[]): Promise<void> {
  const { directory, clock, disk, history, close } = start();
  const saved: StoreChange[] = [];
  const told: number[] = [];
  history.onEvent(({ data }) => typeof data['number'] === 'number' && told.push(data['number']));
  for (const what of [...steps, 'kill']) {
    if (what === 'routine' || what === 'told') {
      const change = changeOf(saved.length, what === 'told', `c${saved.length % 3}`);
      saved.push(change);
      history.save(change);
    } else if (what === 'time') await clock.pass(300);
    else if (what === 'flush') history.flush();
    else if (what === 'reload')
      history.forget({ hosts: new Set(['web-1']), checks: new Set(['web-1\nc0', 'web-1\nc1', 'web-1\nc2']) });
    else if (what === 'disk') disk.isFull = !disk.isFull;
    else expectPrefix(killed(directory), saved, told);
  }
  close();
}

test('after a kill at any moment the store holds a prefix of what was saved, with all that was told', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), play), { numRuns: 30 });
});

function expectPrefix(directory: string, saved: readonly StoreChange[], told: readonly number[]): void {
  const { store, close } = open(directory);
  const numbers = numbersIn(store);
  const prefix = saved.slice(0, numbers.length);
  expect(numbers).toEqual(prefix.map((_, number) => number));
  const transitions = store.transitions({ limit: 500 }).items.map(({ text }) => Number(text));
  expect(transitions.toReversed()).toEqual(
    prefix.flatMap(({ transitions: some }, number) => (some.length > 0 ? [number] : [])),
  );
  expect(transitions).toEqual(expect.arrayContaining([...told]));
  const state = new Map<string, CheckStatus | undefined>(
    prefix.map(({ check = '', checkStatus }) => [check, checkStatus]),
  );
  expect(new Map(store.loadChecks().map(({ check, status }) => [check, status]))).toEqual(state);
  expect(store.loadHosts().map(({ status }) => status)).toEqual(
    prefix.slice(-1).map(({ hostStatus }) => hostStatus),
  );
  close();
}
