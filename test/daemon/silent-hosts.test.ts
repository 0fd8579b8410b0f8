/** Hosts that do not answer, one and thousands, and what the others notice of them: the scheduler alone. */
import { expect, test } from 'vitest';
import type { CheckDefinition, HostPlan } from '../../core/definitions.ts';
import { type Job, Scheduler } from '../../daemon/scheduler.ts';
import { BusyClock } from '../support/busy-clock.ts';
import { checkOf, planOf } from '../support/definitions.ts';

const minuteMs = 60_000;
const checksPerHost = 10;
const answerMs = 100;
/** `ssh.connect_timeout`. */
const silenceMs = 10_000;
/** As shipped. */
const limits = { maxConcurrent: 500, maxPerHost: 4, queueLimit: 10_000 };

const everyMinute = { timing: { kind: 'interval', everyMs: minuteMs } } as const;
const tenChecks = Array.from({ length: checksPerHost }, (_, i) => checkOf(`c${i}`, everyMinute));

interface Run {
  host: string;
  check: string;
  atMs: number;
  lateMs: number;
  parallel: number | undefined;
}

/** Those of `silent` are known to be: each was asked before. */
class Fleet {
  readonly clock = new BusyClock();
  readonly silent: Set<string>;
  /** As the daemon knows them. */
  readonly troubled: Set<string>;
  readonly shed: string[] = [];
  onRun: (run: Run) => void = () => undefined;
  /** Checks that were asked while they still ran. */
  overlaps = 0;
  readonly scheduler: Scheduler;
  readonly #running = new Set<Job>();
  #lateMs = 0;
  #answer: { host: string; atMs: number; given: Promise<void> } | undefined;

  constructor(plans: readonly HostPlan[], silent: readonly string[], changes: Partial<typeof limits> = {}) {
    this.silent = new Set(silent);
    this.troubled = new Set(silent);
    this.scheduler = new Scheduler({
      clock: this.clock,
      limits: { ...limits, ...changes },
      run: (job, parallel) => this.#run(job, parallel),
      shares: ({ check }) => check.batch && check.runOn.kind === 'target',
      troubled: (host) => this.troubled.has(host),
      onStart: (lateMs) => void (this.#lateMs = lateMs),
      onShed: ({ host }, reason) =>
        void this.shed.push(`${this.silent.has(host) ? 'silent' : 'sound'} ${reason}`),
      retryInMs: () => undefined,
    });
    this.scheduler.update(new Map(plans.map((plan) => [plan.host.name, plan])));
  }

  isAsked(host: string): boolean {
    return [...this.#running].some((job) => job.host === host);
  }

  /** Silent hosts' checks under way. */
  silentRunning(): number {
    return [...this.#running].filter(({ host }) => this.silent.has(host)).length;
  }

  #run(job: Job, parallel: number | undefined): Promise<void> {
    const { host, check } = job;
    const atMs = this.clock.monotonicMs();
    if (this.#running.has(job)) this.overlaps += 1;
    this.#running.add(job);
    this.onRun({ host, check: check.name, atMs, lateMs: this.#lateMs, parallel });
    // One connection for all that begin together.
    if (this.#answer?.host !== host || this.#answer.atMs !== atMs)
      this.#answer = { host, atMs, given: this.#ask(host, check) };
    return this.#answer.given.then(() => void this.#running.delete(job));
  }

  #ask(host: string, check: CheckDefinition): Promise<void> {
    const isSilent = this.silent.has(host) && check.runOn.kind === 'target';
    return new Promise((resolve) => {
      this.clock.after(isSilent ? silenceMs : answerMs, () => {
        if (check.runOn.kind === 'target') this.troubled[isSilent ? 'add' : 'delete'](host);
        resolve();
      });
    });
  }
}

/** `size`: a whole fleet at the limits as shipped, or a tenth of both. */
async function watch(size: 1 | 0.1, silentPart: number, forMs: number) {
  const names = Array.from({ length: 10_000 * size }, (_, i) => `h-${i}`);
  const silent = names.slice(0, names.length * silentPart);
  const changes = { maxConcurrent: limits.maxConcurrent * size, queueLimit: limits.queueLimit * size };
  const fleet = new Fleet(hostsOf(names), silent, changes);
  const lateMs: number[] = [];
  const askedAtMs = new Map(silent.map((name) => [name, 0]));
  let longestMs = 0;
  fleet.onRun = (run) => {
    const before = askedAtMs.get(run.host);
    if (before === undefined) lateMs.push(run.lateMs);
    else {
      longestMs = Math.max(longestMs, run.atMs - before);
      askedAtMs.set(run.host, run.atMs);
    }
  };
  await fleet.clock.pass(forMs);
  for (const atMs of askedAtMs.values()) longestMs = Math.max(longestMs, forMs - atMs);
  const { shed, overlaps } = fleet;
  return { lateMs: lateMs.toSorted((a, b) => a - b), longestMs, shed, overlaps };
}

test.each([0.3, 0.6])(
  'of 10,000 hosts with ten checks a minute a part (%d) is silent: the others are on time, and none is shed or runs twice',
  { timeout: 120_000 },
  async (silentPart) => {
    const { lateMs, shed, overlaps } = await watch(1, silentPart, 2 * minuteMs);
    expect(lateMs).toHaveLength(10_000 * (1 - silentPart) * checksPerHost * 2);
    expect(lateMs[Math.floor(lateMs.length * 0.99)]).toBeLessThan(1_000);
    expect(shed.length).toBeGreaterThan(1_000);
    expect(shed.filter((line) => line.startsWith('sound'))).toEqual([]);
    expect(overlaps).toBe(0);
  },
);

test.each([0.3, 0.6])(
  'where a part of the fleet (%d) is silent, each of them has its turn',
  async (silentPart) => {
    // Half of the slots, each held for as long as a host is waited for; until it is due, and once more where it was shed.
    const turnsMs = (10_000 * silentPart * silenceMs) / (limits.maxConcurrent / 2);
    const againWithinMs = turnsMs + 2 * minuteMs;
    const { longestMs, overlaps } = await watch(0.1, silentPart, againWithinMs);
    expect(longestMs).toBeGreaterThan(turnsMs);
    expect(longestMs).toBeLessThan(againWithinMs);
    expect(overlaps).toBe(0);
  },
);

/** More than are asked one after the other within a minute. */
const bad = Array.from({ length: 8 }, (_, i) => `bad-${i}`);

function hostsOf(names: readonly string[], checks: readonly CheckDefinition[] = tenChecks): HostPlan[] {
  return names.map((name) => planOf([...checks], [], name));
}

test('a silent host holds one slot, all of them half; its verification goes before what others have in routine', async () => {
  const alone = tenChecks.map((check) => ({ ...check, batch: false }));
  const fleet = new Fleet([...hostsOf(bad, alone), ...hostsOf(['good-1'])], bad, { maxConcurrent: 4 });
  let most = 0;
  const asked: string[] = [];
  fleet.onRun = ({ host }) => {
    asked.push(host);
    most = Math.max(most, fleet.silentRunning());
  };
  // All of them wait for a turn by now.
  await fleet.clock.pass(2 * minuteMs);
  expect(most).toBe(2);
  expect(asked.filter((host) => host === 'good-1')).toHaveLength(2 * checksPerHost);
  const round = (bad.length / 2) * silenceMs;
  asked.length = 0;
  await fleet.clock.pass(round);
  expect(asked.filter((host) => bad.includes(host)).toSorted()).toEqual(bad);
  const verified = bad.findLast((host) => !fleet.isAsked(host)) ?? '';
  asked.length = 0;
  fleet.scheduler.soon(verified, 'app.c7');
  await fleet.clock.pass(silenceMs);
  expect(asked.find((host) => bad.includes(host))).toBe(verified);
});

test('with one slot alone, silent and sound hosts take turns', async () => {
  const everySecond = { timing: { kind: 'interval', everyMs: 1_000 }, batch: false } as const;
  const sound = hostsOf(
    ['good-1', 'good-2'],
    tenChecks.map((check) => ({ ...check, ...everySecond })),
  );
  const fleet = new Fleet([...hostsOf(bad), ...sound], bad, { maxConcurrent: 1 });
  const asked = new Map<string, number>();
  fleet.onRun = ({ host }) => void asked.set(host, (asked.get(host) ?? 0) + 1);
  await fleet.clock.pass(5 * minuteMs);
  for (const host of [...bad, 'good-1', 'good-2']) expect(asked.get(host), host).toBeGreaterThan(0);
});

test('a silent host that answers again has all its slots at once', async () => {
  const fleet = new Fleet(hostsOf(['bad-1']), ['bad-1']);
  const parallel: (number | undefined)[] = [];
  fleet.onRun = (run) => void parallel.push(run.parallel);
  await fleet.clock.pass(minuteMs);
  expect(new Set(parallel)).toEqual(new Set([1]));
  fleet.silent.clear();
  await fleet.clock.pass(minuteMs);
  parallel.length = 0;
  await fleet.clock.pass(minuteMs);
  expect(parallel).toEqual(Array.from({ length: checksPerHost }, () => limits.maxPerHost));
});

test('a host that was reached by something else no longer waits with those that stay silent', async () => {
  const fleet = new Fleet(hostsOf(bad), bad, { maxConcurrent: 2 });
  const turns: string[] = [];
  fleet.onRun = ({ host }) => void turns.push(host);
  await fleet.clock.pass(3 * minuteMs);
  // Asked longest ago.
  const waiting = bad.toSorted((a, b) => turns.lastIndexOf(a) - turns.lastIndexOf(b))[0] ?? '';
  fleet.silent.delete(waiting);
  fleet.troubled.delete(waiting);
  const asked: string[] = [];
  fleet.onRun = ({ host }) => void asked.push(host);
  fleet.scheduler.soon(waiting, 'app.c0');
  expect(asked).toEqual(Array.from({ length: checksPerHost }, () => waiting));
});

test('what others ask about a silent host does not wait for it', async () => {
  const outside = checkOf('outside', { ...everyMinute, runOn: { kind: 'local' } });
  const fleet = new Fleet(hostsOf(bad, [...tenChecks, outside]), bad, { maxConcurrent: 8 });
  const lateMs: number[] = [];
  fleet.onRun = (run) => void (run.check === 'outside' && lateMs.push(run.lateMs));
  await fleet.clock.pass(3 * minuteMs);
  expect(lateMs).toHaveLength(3 * bad.length);
  expect(Math.max(...lateMs)).toBe(0);
});

test('what waits on a host that turns out silent is shed before what waits on others', async () => {
  const alone = tenChecks.map((check) => ({ ...check, batch: false }));
  const names = Array.from({ length: 20 }, (_, i) => `h-${i}`);
  const { scheduler } = new Fleet(hostsOf(names), []);
  const dueMs = (name: string): number => scheduler.nextDueAtMs(name, 'app.c0') ?? 0;
  const first = names.toSorted((a, b) => dueMs(a) - dueMs(b))[0] ?? '';
  const later = names.find((name) => dueMs(name) > dueMs(first) + 1.5 * silenceMs) ?? '';
  const fleet = new Fleet(hostsOf([first, later], alone), [first], { maxConcurrent: 1, queueLimit: 12 });
  fleet.troubled.clear();
  await fleet.clock.pass(dueMs(later) - fleet.clock.nowMs());
  expect(fleet.scheduler.stats().queued).toBe(12);
  expect(new Set(fleet.shed)).toEqual(new Set(['silent queue_full']));
});
