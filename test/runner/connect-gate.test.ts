import { expect, test } from 'vitest';
import { warmUpDue } from '../../core/schedule.ts';
import { ConnectGate, type Pass, type Visit } from '../../runner/connect-gate.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const wide = { ratePerSec: 1_000_000, maxOpen: 1_000_000 };

/** A gate, and who was let in, in order. */
function make(limits = wide, makeRoom: () => boolean = () => false) {
  const clock = new FakeClock();
  const gate: ConnectGate = new ConnectGate(limits, clock, makeRoom);
  const started: string[] = [];
  const passes = new Map<string, Pass>();
  const enter = (name: string, visit: Partial<Visit> = {}): void => {
    void gate.enter({ address: name, troubled: false, ...visit }).then((pass) => {
      started.push(name);
      passes.set(name, pass);
    });
  };
  const done = async (name: string, end: Parameters<Pass['done']>[0]): Promise<void> => {
    passes.get(name)?.done(end);
    if (end !== 'arrived') gate.leave();
    await clock.pass(1);
  };
  return { clock, gate, started, passes, enter, done };
}

const names = (count: number, prefix = 'h'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

test('it lets attempts through at its rate, up to its number, in order', async () => {
  let room = 0;
  const { clock, gate, started, enter } = make({ ratePerSec: 10, maxOpen: 3 }, () => {
    if (room === 0) return false;
    room -= 1;
    gate.leave();
    return true;
  });
  for (const name of ['0', '1', '2', '3', '4']) enter(name);
  await settle();
  expect(started).toEqual(['0']);
  await clock.pass(99);
  expect(started).toEqual(['0']);
  await clock.pass(1);
  expect(started).toEqual(['0', '1']);
  await clock.pass(1_000);
  expect(started).toEqual(['0', '1', '2']);
  expect(gate.waiting).toBe(2);
  gate.leave();
  await clock.pass(100);
  expect(started).toEqual(['0', '1', '2', '3']);
  room = 1;
  gate.limits = { ratePerSec: 10, maxOpen: 3 };
  await clock.pass(100);
  expect(started).toEqual(['0', '1', '2', '3', '4']);
});

test('at one address fewer than ten are under way, and others go past those who wait', async () => {
  const { clock, started, enter, done } = make();
  for (const name of names(20)) enter(name, { address: 'one:22' });
  enter('other');
  await clock.pass(10);
  expect(started).toEqual([...names(7), 'other']);
  await clock.pass(60_000);
  expect(started).toHaveLength(8);
  await done('h0', 'failed');
  expect(started.at(-1)).toBe('h7');
});

test('an address that turns people away gets no more at once than it took, and slowly more again', async () => {
  const { clock, started, enter, done, passes } = make();
  const all = names(200);
  for (const name of all) enter(name, { address: 'one:22' });
  await clock.pass(10);
  const inside = (): string[] => started.filter((name) => !ended.has(name));
  const ended = new Set<string>();
  const end = async (how: Parameters<Pass['done']>[0]): Promise<void> => {
    const [name] = inside();
    if (name === undefined) throw new Error('nobody is under way');
    ended.add(name);
    await done(name, how);
  };
  expect(inside()).toHaveLength(7);
  for (let count = 0; count < 4; count += 1) await end('turned_away');
  expect(inside()).toHaveLength(3);
  for (let count = 0; count < 9; count += 1) await end('arrived');
  expect(inside()).toHaveLength(3);
  for (let count = 0; count < 2; count += 1) await end('arrived');
  expect(inside()).toHaveLength(4);
  for (let count = 0; count < 100; count += 1) await end('arrived');
  expect(inside()).toHaveLength(7);
  expect(passes.get(inside()[0] ?? '')?.known).toBe(true);
  for (let count = 0; count < 20; count += 1) await end('turned_away');
  expect(inside()).toHaveLength(1);
  expect(passes.get(inside()[0] ?? '')?.known).toBe(false);
});

test('through one jump host there are 32 at once, and one that hangs counts for a second', async () => {
  const { clock, started, enter } = make();
  for (const name of names(100)) enter(name, { through: 'bastion' });
  enter('direct');
  await clock.pass(10);
  expect(started).toEqual([...names(32), 'direct']);
  await clock.pass(1_000);
  expect(started).toHaveLength(65);
});

test('hosts that were not reached go last, but not never', async () => {
  const { clock, started, enter } = make({ ratePerSec: 1_000, maxOpen: 100 });
  enter('first');
  for (const name of names(8, 'down')) enter(name, { troubled: true });
  for (const name of names(12, 'up')) enter(name);
  await clock.pass(100);
  const downs = started.map((name) => (name.startsWith('down') ? 'x' : '.')).join('');
  expect(downs).toBe(`${'...x'.repeat(4)}.xxxx`);
});

test('when a network comes back, handshakes begin at the rate and sixteen at once, however many wait', async () => {
  const { clock, passes, enter, done } = make({ ratePerSec: 50, maxOpen: 1_000 });
  const all = names(300);
  for (const name of all) enter(name);
  // Nothing answers while they start: they hold no handshake.
  await clock.pass(6_000);
  expect(passes.size).toBe(300);
  const began = new Map<string, number>();
  for (const [name, pass] of passes) void pass.turn().then(() => began.set(name, clock.monotonicMs()));
  const comeBackMs = clock.monotonicMs();
  await clock.pass(500);
  expect(began.size).toBe(16);
  const first = [...began.keys()];
  for (const name of first) await done(name, 'arrived');
  // Those that hang give up their place after a second.
  await clock.pass(20_000);
  expect(began.size).toBe(300);
  const times = [...began.values()].toSorted((a, b) => a - b);
  for (const [index, timeMs] of times.entries()) {
    const secondLater = times.filter((each) => each >= timeMs && each < timeMs + 1_000).length;
    expect(secondLater, `from number ${index}`).toBeLessThanOrEqual(50);
  }
  expect((times.at(-1) ?? 0) - comeBackMs).toBeLessThan((300 / 16) * 1_000 + 1_000);
});

test('an attempt that ends before its turn takes no turn from others', async () => {
  const { clock, passes, enter, done } = make({ ratePerSec: 10, maxOpen: 1_000 });
  for (const name of names(4)) enter(name);
  await clock.pass(1_000);
  const began: string[] = [];
  for (const [name, pass] of passes) void pass.turn().then(() => began.push(name));
  await done('h1', 'failed');
  await done('h2', 'failed');
  await clock.pass(100);
  expect(began).toEqual(['h0', 'h3']);
});

test('a start of a thousand hosts is no burst: each connects near its own time, never above the rate', async () => {
  const { clock, gate, enter, started } = make({ ratePerSec: 50, maxOpen: 5_000 });
  const startedAtMs = new Map<string, number>();
  const dueMs = new Map(names(1_000).map((name) => [name, warmUpDue(name, 'a', 60_000, 0)]));
  for (const [name, due] of dueMs) clock.after(due, () => enter(name));
  for (let tick = 0; tick < 620; tick += 1) {
    await clock.pass(100);
    for (const name of started.splice(0)) startedAtMs.set(name, clock.monotonicMs());
  }
  expect(gate.waiting).toBe(0);
  expect(startedAtMs.size).toBe(1_000);
  const perSecond = new Map<number, number>();
  for (const timeMs of startedAtMs.values()) {
    const second = Math.floor(timeMs / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(51);
  for (const [name, due] of dueMs)
    expect((startedAtMs.get(name) ?? Infinity) - due, name).toBeLessThan(2_000);
});

test('at the end everybody is let through, those who come later too', async () => {
  const { gate, started, enter, passes } = make({ ratePerSec: 1, maxOpen: 1 });
  for (const name of names(3)) enter(name);
  await settle();
  gate.flush();
  enter('late');
  await settle();
  expect(started).toEqual([...names(3), 'late']);
  for (const pass of passes.values()) pass.done('failed');
  expect(gate.waiting).toBe(0);
});
