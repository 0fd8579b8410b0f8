import { afterEach, expect, test } from 'vitest';
import type { CheckDefinition, HostPlan } from '../../core/definitions.ts';
import { type Job, Scheduler } from '../../daemon/scheduler.ts';
import { checkOf, planOf } from '../support/definitions.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

interface Bench {
  clock: FakeClock;
  scheduler: Scheduler;
  started: { key: string; atMs: number; parallel: number | undefined }[];
  lateMs: number[];
  shed: string[];
  /** Ends the oldest run of a check that is under way. */
  end: (key: string) => Promise<void>;
  retryMs: Map<string, number>;
}

const benches: Bench[] = [];
const keyOf = ({ host, check }: Job): string => `${host}/${check.name}`;

function bench(plans: HostPlan[], limits = {}, auto = true): Bench {
  const clock = new FakeClock();
  const started: Bench['started'] = [];
  const shed: string[] = [];
  const lateMs: number[] = [];
  const open = new Map<string, () => void>();
  const retryMs = new Map<string, number>();
  const scheduler = new Scheduler({
    clock,
    limits: { maxConcurrent: 10, maxPerHost: 10, queueLimit: 100, ...limits },
    run: (job, parallel) => {
      started.push({ key: keyOf(job), atMs: clock.monotonicMs(), parallel });
      if (auto) return Promise.resolve();
      return new Promise((resolve) => open.set(keyOf(job), resolve));
    },
    shares: (job) => job.check.batch,
    troubled: () => false,
    onStart: (latenessMs) => lateMs.push(latenessMs),
    onShed: (job, reason) => shed.push(`${keyOf(job)} ${reason}`),
    retryInMs: (job) => retryMs.get(keyOf(job)),
  });
  scheduler.update(planMap(plans));
  const end = async (key: string): Promise<void> => {
    open.get(key)?.();
    open.delete(key);
    await settle();
  };
  const made = { clock, scheduler, started, shed, lateMs, end, retryMs };
  benches.push(made);
  return made;
}

function planMap(plans: HostPlan[]): Map<string, HostPlan> {
  return new Map(plans.map((plan) => [plan.host.name, plan]));
}

function every(name: string, everyMs: number, more: Partial<CheckDefinition> = {}): CheckDefinition {
  return checkOf(name, { timing: { kind: 'interval', everyMs }, ...more });
}

function alone(name: string, everyMs: number): CheckDefinition {
  return every(name, everyMs, { batch: false });
}

afterEach(async () => {
  for (const each of benches.splice(0)) {
    for (const { key } of each.started) await each.end(key);
    await each.scheduler.stop();
  }
});

test('a check fires once an interval, never twice', async () => {
  const { clock, started } = bench([planOf([every('a', 10_000)], [])]);
  await clock.pass(600_000);
  expect(started).toHaveLength(60);
  const gaps = started.slice(1).map(({ atMs }, i) => atMs - (started[i]?.atMs ?? 0));
  expect(new Set(gaps.map((gap) => Math.round(gap / 100) * 100))).toEqual(new Set([10_000]));
});

test('checks of one host with one interval fall on one tick', async () => {
  const { clock, started } = bench([planOf([every('a', 30_000), every('b', 30_000)], [])]);
  await clock.pass(120_000);
  const times = (key: string): number[] =>
    started.filter((each) => each.key === key).map((each) => each.atMs);
  expect(times('web-1/a')).toEqual(times('web-1/b'));
});

test('the wall clock jumping a day either way fires nothing twice and stops nothing', async () => {
  const { clock, started } = bench([planOf([every('a', 10_000)], [])]);
  await clock.pass(100_000);
  clock.setWall(clock.nowMs() + 86_400_000);
  await clock.pass(100_000);
  clock.setWall(clock.nowMs() - 172_800_000);
  await clock.pass(100_000);
  expect(started.length).toBeGreaterThanOrEqual(29);
  expect(started.length).toBeLessThanOrEqual(31);
});

test('one check never overlaps itself: the tick is shed and counted', async () => {
  const { clock, started, shed, end } = bench([planOf([every('a', 10_000)], [])], {}, false);
  await clock.pass(35_000);
  expect(started).toHaveLength(1);
  expect(shed.length).toBeGreaterThanOrEqual(2);
  expect(shed[0]).toBe('web-1/a still_running');
  await end('web-1/a');
  await clock.pass(10_000);
  expect(started).toHaveLength(2);
});

test('a slow host does not take the turn of another', async () => {
  const slow = planOf([alone('a', 10_000), alone('b', 10_000), alone('c', 10_000)], [], 'slow-1');
  const quick = planOf([every('a', 10_000)], [], 'quick-1');
  const { clock, started, end } = bench([slow, quick], { maxConcurrent: 3, maxPerHost: 2 }, false);
  for (let i = 0; i < 4; i += 1) {
    await clock.pass(10_000);
    await end('quick-1/a');
  }
  expect(started.filter(({ key }) => key.startsWith('slow-1'))).toHaveLength(2);
  expect(started.filter(({ key }) => key === 'quick-1/a').length).toBeGreaterThanOrEqual(3);
});

test('a full queue sheds with a reason and does not grow', async () => {
  const plans = Array.from({ length: 20 }, (_, i) => planOf([every('a', 10_000)], [], `h-${i}`));
  const { clock, scheduler, shed } = bench(plans, { maxConcurrent: 1, queueLimit: 5 }, false);
  await clock.pass(30_000);
  expect(scheduler.stats()).toMatchObject({ running: 1, queued: 5 });
  expect(shed.some((line) => line.endsWith('queue_full'))).toBe(true);
});

test('a check asked for soon goes ahead of routine ones, and again when it is running', async () => {
  const plans = ['h-1', 'h-2', 'h-3'].map((name) => planOf([every('a', 10_000)], [], name));
  const { clock, scheduler, started, end } = bench(plans, { maxConcurrent: 1 }, false);
  await clock.pass(10_000);
  const [first] = started;
  const waiting = ['h-1/a', 'h-2/a', 'h-3/a'].filter((key) => key !== first?.key);
  const last = waiting.at(-1) ?? '';
  scheduler.soon(last.split('/')[0] ?? '', 'app.a');
  scheduler.soon(first?.key.split('/')[0] ?? '', 'app.a');
  await end(first?.key ?? '');
  expect(started[1]?.key).toBe(last);
  await end(last);
  expect(started.slice(2).map(({ key }) => key)).toContain(first?.key);
});

test('while a problem is soft the retry interval rules', async () => {
  const { clock, started, retryMs } = bench([planOf([every('a', 60_000)], [])]);
  await clock.pass(60_000);
  const before = started.length;
  retryMs.set('web-1/a', 5_000);
  await clock.pass(120_000);
  expect(started.length - before).toBeGreaterThan(12);
});

test('a change of definitions keeps the place in time of what did not change', async () => {
  const { clock, scheduler, started } = bench([planOf([every('a', 60_000), every('b', 60_000)], [])]);
  await clock.pass(90_000);
  const due = scheduler.nextDueAtMs('web-1', 'app.a');
  scheduler.update(planMap([planOf([every('a', 60_000), every('c', 60_000)], [])]));
  expect(scheduler.nextDueAtMs('web-1', 'app.a')).toBe(due);
  expect(scheduler.nextDueAtMs('web-1', 'app.b')).toBeUndefined();
  await clock.pass(60_000);
  expect(started.filter(({ key }) => key === 'web-1/c').length).toBeGreaterThan(0);
});

test('runNow resolves when the check has run once from now on', async () => {
  const { scheduler, started } = bench([planOf([every('a', 60_000)], [])]);
  expect(await scheduler.runNow('web-1', 'app.a')).toBe(true);
  expect(started).toHaveLength(1);
  expect(await scheduler.runNow('web-1', 'app.nothing')).toBe(false);
});

test('after stop nothing starts, and stop waits for what runs', async () => {
  const { clock, scheduler, started, end } = bench([planOf([every('a', 10_000)], [])], {}, false);
  await clock.pass(10_000);
  let stopped = false;
  const stopping = scheduler.stop().then(() => {
    stopped = true;
  });
  await settle();
  expect(stopped).toBe(false);
  await end('web-1/a');
  await stopping;
  await clock.pass(60_000);
  expect(started).toHaveLength(1);
});

test('a calendar schedule fires on the wall clock, follows it when it is set, and is retried in between', async () => {
  const calendar = checkOf('nightly', {
    timing: { kind: 'calendar', cron: '*/30 * * * *', timezone: 'UTC' },
  });
  const { clock, started, retryMs } = bench([planOf([calendar], [])]);
  clock.setWall(Date.parse('2026-06-01T00:10:00Z'));
  await clock.pass(3_600_000);
  expect(started).toHaveLength(3);
  retryMs.set('web-1/nightly', 60_000);
  await clock.pass(1_800_000);
  expect(started.length).toBeGreaterThan(10);
  retryMs.clear();
  await clock.pass(60_000);
  const before = started.length;
  await clock.pass(1_800_000);
  expect(started.length - before).toBe(1);
});

test('a calendar schedule has its next time in its own zone', () => {
  const calendar = checkOf('nightly', {
    timing: { kind: 'calendar', cron: '30 2 * * *', timezone: 'Europe/Berlin' },
  });
  const { scheduler } = bench([planOf([calendar], [])]);
  const next = new Date(scheduler.nextDueAtMs('web-1', 'app.nightly') ?? 0);
  const berlin = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/Berlin',
    hour: '2-digit',
    minute: '2-digit',
  });
  expect(berlin.format(next)).toBe('02:30');
});

test('a check that is re-timed, or goes and comes back, while it runs is asked again', async () => {
  for (const between of [[], [planOf([], [])]]) {
    const { clock, scheduler, started, end } = bench([planOf([every('a', 10_000)], [])], {}, false);
    await clock.pass(10_000);
    expect(started).toHaveLength(1);
    for (const plan of between) scheduler.update(planMap([plan]));
    scheduler.update(planMap([planOf([every('a', 20_000)], [])]));
    await end('web-1/a');
    await clock.pass(40_000);
    expect(started.length).toBeGreaterThan(1);
    await end('web-1/a');
    await scheduler.stop();
  }
});

test('a reload that comes while it stops starts nothing and leaves no timer', async () => {
  const { clock, scheduler, started } = bench([]);
  await scheduler.stop();
  const nightly = checkOf('b', { timing: { kind: 'calendar', cron: '0 3 * * *', timezone: 'UTC' } });
  scheduler.update(planMap([planOf([every('a', 10_000), nightly], [])]));
  await clock.pass(60_000);
  expect(started).toEqual([]);
  expect(scheduler.nextDueAtMs('web-1', nightly.id)).toBeUndefined();
});

test('checks that hold every slot and never end make it overdue', async () => {
  const { clock, scheduler, started, end } = bench(
    [planOf([alone('a', 10_000), alone('b', 10_000)], [])],
    { maxConcurrent: 1 },
    false,
  );
  await clock.pass(60_000);
  expect(started).toHaveLength(1);
  expect(scheduler.overdueMs()).toBe(0);
  await clock.pass(60_000);
  expect(scheduler.overdueMs()).toBeGreaterThan(0);
  for (const { key } of started) await end(key);
  expect(scheduler.overdueMs()).toBe(0);
});

test('what is due on one host together starts together, and gives its slots back as it ends', async () => {
  const together = ['a', 'b', 'c', 'd', 'e'].map((name) => every(name, 10_000));
  const plan = planOf([...together, alone('x', 10_000), alone('y', 10_000)], []);
  const { clock, scheduler, started, end } = bench([plan], { maxPerHost: 3 }, false);
  await clock.pass(10_000);
  const keys = (): string[] => started.map(({ key }) => key);
  // One slot for each that is alone; the five share what is left.
  expect(new Map(started.map(({ key, parallel }) => [key, parallel]))).toEqual(
    new Map([
      ['web-1/x', undefined],
      ['web-1/y', undefined],
      ...together.map(({ name }): [string, number] => [`web-1/${name}`, 1]),
    ]),
  );
  scheduler.update(planMap([planOf([...plan.checks, alone('z', 10_000)], [])]));
  scheduler.soon('web-1', 'app.z');
  for (const name of ['a', 'b', 'c', 'd']) await end(`web-1/${name}`);
  expect(keys()).not.toContain('web-1/z');
  await end('web-1/e');
  expect(keys()).toContain('web-1/z');
});

test('those that share take the slots that are free, and one that is left of them keeps one', async () => {
  const together = ['a', 'b', 'c', 'd', 'e'].map((name) => every(name, 10_000));
  const { clock, scheduler, started, end } = bench(
    [planOf([...together, alone('x', 600_000)], [])],
    { maxPerHost: 3 },
    false,
  );
  await clock.pass(10_000);
  expect(started.map(({ parallel }) => parallel)).toEqual([3, 3, 3, 3, 3]);
  scheduler.soon('web-1', 'app.x');
  await end('web-1/a');
  await end('web-1/b');
  expect(started).toHaveLength(5);
  await end('web-1/c');
  expect(started.at(-1)).toMatchObject({ key: 'web-1/x', parallel: undefined });
});

test('a verification goes first, then what is soft, then the rest', async () => {
  const plans = ['h-1', 'h-2', 'h-3', 'h-4'].map((name) => planOf([every('a', 10_000)], [], name));
  const { clock, scheduler, started, retryMs, end } = bench(plans, { maxConcurrent: 1 }, false);
  await clock.pass(10_000);
  const [first] = started.map(({ key }) => key);
  const others = ['h-1/a', 'h-2/a', 'h-3/a', 'h-4/a'].filter((key) => key !== first);
  const [soft = '', verified = ''] = others.slice(1);
  retryMs.set(soft, 5_000);
  scheduler.soon(verified.slice(0, 3), 'app.a', 1);
  // All but the first wait; they are taken anew as what they are now.
  const order: string[] = [];
  for (let left = 3; left > 0; left -= 1) {
    await clock.pass(10_000);
    await end(started.at(-1)?.key ?? '');
    order.push(started.at(-1)?.key ?? '');
  }
  expect(order.indexOf(verified)).toBe(0);
  expect(order).toContain(soft);
});

test('in overload every check has its turn, and the lateness tells of it', async () => {
  const plans = Array.from({ length: 12 }, (_, i) => planOf([every('a', 10_000)], [], `h-${i}`));
  const { clock, started, shed, lateMs, end } = bench(plans, { maxConcurrent: 1, queueLimit: 3 }, false);
  const turns = new Map<string, number>();
  for (let second = 0; second < 240; second += 2) {
    await clock.pass(2_000);
    const key = started.at(-1)?.key ?? '';
    turns.set(key, (turns.get(key) ?? 0) + 1);
    await end(key);
  }
  expect(shed.length).toBeGreaterThan(50);
  expect(turns.size).toBe(12);
  expect(Math.max(...turns.values()) / Math.min(...turns.values())).toBeLessThanOrEqual(2);
  expect(Math.max(...lateMs)).toBeGreaterThan(5_000);
});

test('a check that still waits at its next turn keeps its place and is counted', async () => {
  const plans = ['h-1', 'h-2'].map((name) => planOf([every('a', 10_000)], [], name));
  const { clock, scheduler, started, shed, end } = bench(plans, { maxConcurrent: 1 }, false);
  await clock.pass(40_000);
  expect(scheduler.stats()).toMatchObject({ running: 1, queued: 1 });
  expect(shed.filter((line) => line.endsWith('still_waiting')).length).toBeGreaterThanOrEqual(2);
  await end(started[0]?.key ?? '');
  expect(new Set(started.map(({ key }) => key)).size).toBe(2);
});
