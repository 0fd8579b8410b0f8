/**
 * `kill -9` of the daemon anywhere between decision and outcome, again and again, while machine after machine breaks and is
 * mended. The judges are the machines' own counters: whatever the daemon remembers, nothing may have run twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { EventType } from '../../core/event-types.ts';
import type { Page } from '../../core/ports.ts';
import type { RebootStep, Run, RunStatus } from '../../core/types.ts';
import { Daemon, requireBuild } from './daemon.ts';
import type { ApiEvent } from './daemon-api.ts';
import { type Fleet, until, upFleet } from './harness.ts';
import { complaintsOf, type KillPoint, pointsOf, stages, storyOf, undrainOf } from './kill-points.ts';
import type { CountedUnit, Machine } from './machine.ts';
import { freely, restarts, unlimited } from './runbooks.ts';

const rebooters = ['r1', 'r2', 'r3', 'r4', 'r5'];
const workers = ['w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'w8', 'w9', 'w10'];
/** Runs that are open at a kill: each counts once for each kill. */
const wantedPoints = Number(process.env['MENDD_KILL_POINTS'] ?? 200);
const wantedOfEachStage = 3;

/** Milliseconds from one machine's first trouble to the next one's: their runs are at different stages. */
const staggerMs = 250;
/** Milliseconds from mended to broken, longer than a check takes: only then it is another trouble. */
const restMs = 700;
/** A rung that could not be sent is tried again after 10, 20, 40, 80, 160 s. */
const mendedWithinMs = 360_000;

const drainingAction = 'flaky.reboot';

interface Moment {
  comes: () => Promise<void>;
  /** Nobody waits after it: the next stage would begin. */
  isShort?: boolean;
}

/** When the daemon is killed, one after the other; after the last one they begin again, each a little later. */
const moments: readonly Moment[] = [
  { comes: () => told(3, ofType('action.intended')), isShort: true },
  { comes: () => told(5, ofType('action.started')), isShort: true },
  // For some tenths of a second, until the machine was asked.
  { comes: () => told(1, isUnknownRestart), isShort: true },
  { comes: () => told(5, ofType('action.started')) },
  { comes: () => told(1, ofType('action.started', drainingAction)) },
  // Drained, and on its way: the next daemon does not know what became of it.
  { comes: () => isSome('dispatched', drainingAction, 'reboot'), isShort: true },
  { comes: () => isSome('unknown', drainingAction), isShort: true },
  // What was open is looked up, or begins anew.
  { comes: () => Promise.resolve() },
  { comes: () => isSome('verifying', drainingAction) },
  { comes: () => told(1, ofType('action.ended', drainingAction)) },
  { comes: () => told(1, ofType('action.intended', drainingAction)), isShort: true },
];
const laterEachTimeMs = 110;
/** When a stage was not met enough by then, the machine is too slow to aim. */
const mostKills = 60;
/** A moment that does not come is not waited for. */
const longestLifeMs = 6_000;

const undrained = 'undrain: exit code 0';
const pool = '/var/lib/fleet/pool';
/** A reboot that was interrupted while it drained is not sent: the next rung does it. */
const reboots = `
  reboot:
    after: restart
    reboot:
      back_within: 20s
      drain: { run: 'echo "drain $MENDD_RUN" >>${pool}; sleep 0.4', timeout: 10s }
      undrain: { run: 'echo "undrain $MENDD_RUN" >>${pool}; sleep 0.4', timeout: 10s }
    min_uptime: 0s
    sudo: true${freely}
  reboot_undrained:
    after: reboot
    reboot: { back_within: 20s }
    min_uptime: 0s
    sudo: true${freely}
`;

let fleet: Fleet;
let daemon: Daemon;
const over = new AbortController();

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: [...rebooters, ...workers] });
  await Promise.all(fleet.machines.map((machine) => machine.slowStarts(0.5)));
  // Long enough that the next daemon finds reboots under way.
  await Promise.all(fleet.machines.map((machine) => machine.slowBoots(2)));
  daemon = await Daemon.start({
    fleet,
    runbooks: [restarts('worker', 'w*'), restarts('flaky', 'r*', { unit: 'flaky' }) + reboots],
    settings: `remediation: { ${unlimited}, max_concurrent: 20, brake: false, self_doubt: { changed_min: 1000 } }`,
  });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
});

const unitOf = (machine: Machine): CountedUnit => (workers.includes(machine.name) ? 'worker' : 'flaky');

/** Breaks the machine and waits until it is mended, over and over; returns how often. */
async function breakOften(machine: Machine, index: number): Promise<number> {
  await delay(index * staggerMs);
  let times = 0;
  while (!over.signal.aborted) {
    const { id: afterId = 0 } = daemon.events.at(-1) ?? {};
    if (unitOf(machine) === 'worker') await machine.crashUnit('worker');
    else await machine.breakFlaky();
    await daemon.waitFor(
      `${machine.name} is mended`,
      ({ type, host, data }) =>
        type === 'action.ended' && host === machine.name && data.status === 'verified',
      mendedWithinMs,
      afterId,
    );
    times += 1;
    await expectCounts(machine, times);
    await delay(restMs);
  }
  return times;
}

/** Each trouble takes one start; of a flaky unit one restart that could not help, one boot, and the start at that. */
async function expectCounts(machine: Machine, times: number): Promise<void> {
  const counted = { boots: await machine.bootCount(), starts: await machine.startCount(unitOf(machine)) };
  const isWorker = unitOf(machine) === 'worker';
  expect(counted, `${machine.name} after ${times} troubles`).toEqual({
    boots: isWorker ? 1 : 1 + times,
    starts: isWorker ? 1 + times : 1 + 2 * times,
  });
}

/** Waits until the daemon is to die for the n-th time. */
async function killMoment(nth: number): Promise<void> {
  const moment = moments[nth % moments.length];
  await moment?.comes();
  if (moment?.isShort !== true) await delay(Math.floor(nth / moments.length) * laterEachTimeMs);
}

type EventFilter = (event: ApiEvent) => boolean;

/** Returns within milliseconds of the n-th such event of this daemon. */
function told(nth: number, fits: EventFilter): Promise<void> {
  const bornMs = daemon.lastStartMs;
  let seen = 0;
  return new Promise((resolve) => {
    const come = (): void => {
      stop();
      clearTimeout(tooLong);
      resolve();
    };
    const tooLong = setTimeout(come, longestLifeMs);
    const stop = daemon.onEvent((event) => {
      // Some are told late, of the daemon before.
      if (Date.parse(event.at) >= bornMs && fits(event)) seen += 1;
      if (seen === nth) come();
    });
  });
}

/** That it is unknown what became of a run is told as an end that may change. */
const isUnknown: EventFilter = ({ data }) => data.status === 'unknown';

const isUnknownRestart: EventFilter = (event) => isUnknown(event) && event.data.action !== drainingAction;

/** Of the action, or of any. */
const ofType =
  (type: EventType, action?: string): EventFilter =>
  (event) =>
    event.type === type && !isUnknown(event) && (action === undefined || event.data.action === action);

async function isSome(status: RunStatus, action: string, step?: RebootStep): Promise<void> {
  const path = `/api/v1/runs?limit=20&status=${status}&action=${action}`;
  const some = async () => {
    const { items } = await daemon.get<Page<Run>>(path);
    return items.some((run) => step === undefined || run.step === step) ? true : undefined;
  };
  await until(`${action} is ${status}`, some, longestLifeMs).catch(() => undefined);
}

/** Kills until enough runs were open, at every stage; returns when the next daemon was started each time. Wall time. */
async function killOften(): Promise<number[]> {
  const startsMs: number[] = [];
  let met = 0;
  while (!over.signal.aborted && startsMs.length < mostKills) {
    if (met >= wantedPoints && (await seldomMet(startsMs)).length === 0) break;
    await killMoment(startsMs.length);
    met += openRuns();
    await daemon.kill9();
    await daemon.start();
    startsMs.push(daemon.lastStartMs);
  }
  return startsMs;
}

/** Stages, with how often they were met. */
async function seldomMet(startsMs: readonly number[]): Promise<string[]> {
  const runs = await Promise.all(fleet.machines.map(storiesOf));
  const points = pointsOf(runs.flat(), startsMs);
  return stages
    .map((stage) => ({ stage, met: points.filter((point) => point.stage === stage).length }))
    .filter(({ met }) => met < wantedOfEachStage)
    .map(({ stage, met }) => `${stage}: ${met}`);
}

/** As far as events tell. */
function openRuns(): number {
  const runs = new Set<string | undefined>();
  for (const event of daemon.events) {
    if (event.type === 'action.intended') runs.add(event.runId);
    if (event.type === 'action.ended' && !isUnknown(event)) runs.delete(event.runId);
  }
  return runs.size;
}

/** Every run with its story, oldest first. */
async function storiesOf(machine: Machine): Promise<Wire<Run>[]> {
  const runs = (await daemon.runs(machine.name)).toReversed();
  return Promise.all(runs.map((run) => daemon.run(run.id)));
}

/** The machine's guard and pool against the ledger. */
async function expectOnce(machine: Machine, runs: readonly Wire<Run>[]): Promise<void> {
  if (unitOf(machine) === 'worker') {
    const sent = runs.filter((run) => run.status !== 'cancelled').map((run) => run.id);
    expect(await machine.guardStarts(), `what the guard of ${machine.name} let start`).toEqual(sent);
    return;
  }
  const drained = runs.filter((run) => run.step !== undefined && run.action === drainingAction);
  const ended = async () => {
    const stories = await Promise.all(drained.map((run) => daemon.run(run.id)));
    return stories.every((run) => undrainOf(run) !== undefined) ? stories : undefined;
  };
  const stories = await daemon.explained(until(`every undrain of ${machine.name} ended`, ended, 60_000));
  const lines = (await machine.must(`cat ${pool}`)).split('\n');
  expect(lines, `${machine.name}: no hook runs twice`).toEqual([...new Set(lines)]);
  const isUndrained = (run: Wire<Run>): boolean => lines.includes(`undrain ${run.id}`);
  const isWrong = (run: Wire<Run>): boolean => (undrainOf(run) === undrained) !== isUndrained(run);
  expect(stories.filter(isWrong).map(storyOf), `what is told of the undrains of ${machine.name}`).toEqual([]);
  // Where nothing was rebooted, the next reboot may take the undrain with it; then a person is told.
  const left = stories.filter((run) => run.status === 'verified' && !isUndrained(run));
  expect(left.map(storyOf), `${machine.name} was left drained`).toEqual([]);
}

test(
  `${wantedPoints} kills between decision and outcome: nothing runs twice, everything is told`,
  async () => {
    const killing = killOften();
    const breaking = fleet.machines.map(breakOften);
    try {
      await Promise.race([killing, Promise.all(breaking)]);
      over.abort();
      await Promise.all(breaking);
    } finally {
      over.abort();
      await Promise.allSettled([killing, ...breaking]);
    }
    await daemon.settled();
    const points: KillPoint[] = [];
    for (const [index, machine] of fleet.machines.entries()) {
      const runs = await storiesOf(machine);
      await expectCounts(machine, (await breaking[index]) ?? 0);
      await expectOnce(machine, runs);
      points.push(...pointsOf(runs, await killing));
    }
    const ends = new Set(
      daemon.events
        .filter(({ type }) => type === 'action.ended')
        .map(({ runId, data }) => `${runId} ${String(data.status)}`),
    );
    const isTold = ({ run }: KillPoint): boolean => ends.has(`${run.id} ${run.status}`);
    expect(points.flatMap((point) => complaintsOf(point, isTold(point)))).toEqual([]);
    expect(points.length).toBeGreaterThanOrEqual(wantedPoints);
    expect(await seldomMet(await killing), 'stages that were seldom met').toEqual([]);
  },
  wantedPoints * 4_000,
);
