import { expect, test, vi } from 'vitest';
import type { FoundHost, InventorySource } from '../../core/sources.ts';
import { Inventories } from '../../daemon/inventories.ts';
import type { Asked } from '../../daemon/inventory-ask.ts';
import type { Log } from '../../daemon/log.ts';
import { openStores } from '../../store/open.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

const minute = 60_000;
const hour = 60 * minute;

function sourceOf(over: Partial<InventorySource> = {}): InventorySource {
  return {
    name: 'cmdb',
    from: { kind: 'exec', path: '/bin/true', args: [] },
    format: 'auto',
    everyMs: 5 * minute,
    timeoutMs: 30_000,
    expireMs: hour,
    vanishPercent: 20,
    labels: {},
    vars: {},
    source: { file: 'hosts.yaml', line: 1, column: 1 },
    ...over,
  };
}

function hosts(count: number, from = 1): FoundHost[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `web-${String(from + at).padStart(2, '0')}`,
    labels: {},
    vars: {},
  }));
}

const silent = () => undefined;

function answer(told: readonly FoundHost[]): Asked {
  return { ok: true, hosts: told, warnings: [] };
}

function begin(source = sourceOf(), root = temporaryTree({})) {
  const clock = new FakeClock();
  const { store, coordinator } = openStores({
    path: `${root}/mendd.db`,
    nowMs: clock.nowMs(),
    warn: () => undefined,
  });
  const events: string[] = [];
  let next: Asked | (() => Promise<Asked>) = answer(hosts(10));
  const ask = vi.fn<() => Promise<Asked>>(async () => (typeof next === 'function' ? next() : next));
  const onChange = vi.fn<() => void>();
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const inventories = new Inventories({
    clock,
    log: log as unknown as Log,
    random: () => 0.5,
    store,
    history: { add: (type) => void events.push(type), failed: silent },
    onChange,
    ask,
  });
  inventories.update([source], root);
  inventories.start();
  const names = () =>
    inventories
      .states()
      .get(source.name)
      ?.hosts.map(({ name }) => name);
  return {
    clock,
    inventories,
    events,
    ask,
    onChange,
    names,
    store,
    root,
    say: (said: typeof next) => {
      next = said;
    },
    end: async () => {
      await inventories.stop();
      store.close();
      coordinator.close();
    },
  };
}

test('a source is asked at once, then on its schedule, and only changes are told', async () => {
  const { clock, ask, onChange, names, events, say } = begin();
  await clock.pass(1_000);
  expect(names()).toHaveLength(10);
  expect([ask.mock.calls.length, onChange.mock.calls.length]).toEqual([1, 1]);
  await clock.pass(5 * minute);
  expect([ask.mock.calls.length, onChange.mock.calls.length]).toEqual([2, 1]);
  say(answer(hosts(11)));
  await clock.pass(5 * minute);
  expect(names()).toHaveLength(11);
  expect(onChange.mock.calls.length).toBe(2);
  expect(events).toEqual(['inventory.changed', 'inventory.changed']);
});

test('a failing source keeps what it told, is asked again sooner, and its recovery is told', async () => {
  const { clock, ask, names, inventories, events, say } = begin();
  await clock.pass(1_000);
  say({ ok: false, problem: 'it ended with exit code 3' });
  await clock.pass(5 * minute);
  expect(names()).toHaveLength(10);
  expect(inventories.views()[0]?.problem).toBe('it ended with exit code 3');
  const asked = ask.mock.calls.length;
  await clock.pass(3 * minute);
  expect(ask.mock.calls.length).toBe(asked + 3);
  // However long it lasts.
  await clock.pass(10 * hour);
  expect(names()).toHaveLength(10);
  say(answer(hosts(10)));
  await clock.pass(2 * minute);
  expect(inventories.views()[0]).not.toHaveProperty('problem');
  expect(events).toEqual(['inventory.changed', 'inventory.failed', 'inventory.recovered']);
});

test('a host that is no longer told stays until it expires, marked', async () => {
  const { clock, names, inventories, say } = begin();
  await clock.pass(1_000);
  say(answer(hosts(9)));
  await clock.pass(5 * minute);
  expect(names()).toHaveLength(10);
  expect(inventories.views()[0]?.gone.map(({ host }) => host)).toEqual(['web-10']);
  await clock.pass(50 * minute);
  expect(names()).toHaveLength(10);
  await clock.pass(15 * minute);
  expect(names()).toHaveLength(9);
  expect(inventories.views()[0]?.gone).toEqual([]);
});

test('a host that comes back before it expires was never away', async () => {
  const { clock, inventories, onChange, say } = begin();
  await clock.pass(1_000);
  say(answer(hosts(9)));
  await clock.pass(30 * minute);
  say(answer(hosts(10)));
  await clock.pass(5 * minute);
  expect(inventories.views()[0]?.gone).toEqual([]);
  await clock.pass(2 * hour);
  expect(onChange.mock.calls.length).toBe(1);
});

test('too many that vanish at once stay until a person lets them go', async () => {
  const { clock, names, inventories, events, say } = begin();
  await clock.pass(1_000);
  say(answer(hosts(7)));
  await clock.pass(5 * hour);
  expect(names()).toHaveLength(10);
  const held = inventories.views()[0]?.held;
  expect(held).toMatchObject({ vanished: ['web-08', 'web-09', 'web-10'], of: 10 });
  expect(inventories.held()).toEqual([{ name: 'cmdb', sinceMs: held?.sinceMs, vanished: 3, of: 10 }]);
  expect(inventories.views()[0]?.problem).toContain('3 of 10 hosts vanished at once');
  expect(events.filter((type) => type === 'inventory.held')).toHaveLength(1);
  expect(inventories.accept('cmdb', 'another')).toBeUndefined();
  expect(names()).toHaveLength(10);
  expect(inventories.accept('cmdb', held?.tag ?? '')).not.toHaveProperty('held');
  expect(names()).toHaveLength(7);
  await clock.pass(5 * minute);
  expect(names()).toHaveLength(7);
  expect(inventories.views()[0]).not.toHaveProperty('problem');
});

test('the bound cannot be passed in small steps', async () => {
  const { clock, names, inventories, say } = begin();
  await clock.pass(1_000);
  for (const count of [9, 8, 7, 6, 5]) {
    say(answer(hosts(count)));
    await clock.pass(5 * minute);
  }
  expect(names()).toHaveLength(10);
  expect(inventories.views()[0]?.held?.vanished).toHaveLength(5);
  await clock.pass(5 * hour);
  expect(names()).toHaveLength(10);
});

test('an empty answer empties nothing', async () => {
  const { clock, names, say } = begin();
  await clock.pass(1_000);
  say(answer([]));
  await clock.pass(10 * hour);
  expect(names()).toHaveLength(10);
});

test('what was told before a restart holds until the source answers', async () => {
  const first = begin();
  await first.clock.pass(1_000);
  await first.end();
  const second = begin(sourceOf(), first.root);
  second.say({ ok: false, problem: 'down' });
  expect(second.names()).toHaveLength(10);
  await second.clock.pass(hour);
  expect(second.names()).toHaveLength(10);
});

test('how long a host is gone survives a restart', async () => {
  const first = begin();
  await first.clock.pass(1_000);
  first.say(answer(hosts(9)));
  await first.clock.pass(5 * minute);
  await first.end();
  const second = begin(sourceOf(), first.root);
  second.say(answer(hosts(9)));
  second.clock.setWall(second.clock.nowMs() + 30 * minute);
  await second.clock.pass(1_000);
  expect(second.inventories.views()[0]?.gone).toHaveLength(1);
  await second.clock.pass(35 * minute);
  expect(second.names()).toHaveLength(9);
});

test('a source that is taken out of the definitions is forgotten, also when it is being asked', async () => {
  const { clock, inventories, say, store, onChange } = begin();
  await clock.pass(1_000);
  let finish: ((asked: Asked) => void) | undefined;
  say(() => new Promise((resolve) => (finish = resolve)));
  await clock.pass(5 * minute);
  inventories.update([], '/');
  finish?.(answer(hosts(12)));
  await settle();
  expect([...inventories.states()]).toEqual([]);
  expect(store.loadHeard('inventory')).toEqual([]);
  expect(onChange.mock.calls.length).toBe(1);
});

test('one answer at a time: a slow source is not asked again meanwhile', async () => {
  const { clock, ask, say } = begin();
  await clock.pass(1_000);
  say(() => new Promise(() => undefined));
  await clock.pass(5 * hour);
  expect(ask.mock.calls.length).toBe(2);
});

test('a file is read before an update returns, and when a person reloads', async () => {
  const root = temporaryTree({ 'hosts.ini': 'web-1\nweb-2\n' });
  const { inventories, names, onChange, clock } = begin(
    sourceOf({ from: { kind: 'file', path: `${root}/hosts.ini` } }),
    root,
  );
  expect(names()).toEqual(['web-1', 'web-2']);
  writeInto(root, 'hosts.ini', 'web-1\nweb-2\nweb-3\n');
  inventories.refreshFiles();
  expect(names()).toEqual(['web-1', 'web-2', 'web-3']);
  writeInto(root, 'hosts.ini', 'web-1\n[also:broken:what]\n');
  inventories.refreshFiles();
  expect(names()).toEqual(['web-1', 'web-2', 'web-3']);
  expect(inventories.views()[0]?.problem).toContain('line 2');
  await clock.pass(1_000);
  expect(onChange.mock.calls.length).toBe(1);
});
