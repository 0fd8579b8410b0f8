/**
 * `kill -9` of the daemon anywhere between decision and outcome, many machines at once so that each kill meets many
 * stages. The judges are the machines' own counters: whatever the daemon remembers, nothing may have run twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { EventType, Run, RunStatus } from '../../core/types.ts';
import { Daemon, requireBuild } from './daemon.ts';
import { type Fleet, upFleet } from './harness.ts';
import type { CountedUnit, Machine } from './machine.ts';

const rebooters = ['r1', 'r2', 'r3'];
const workers = ['w1', 'w2', 'w3', 'w4', 'w5', 'w6', 'w7', 'w8', 'w9'];
/** Runs that were open at a kill. `MENDD_KILL_POINTS=200 npm run test:fleet` takes longer and looks harder. */
const wantedPoints = Number(process.env['MENDD_KILL_POINTS'] ?? 50);
const roundLimit = Math.ceil(wantedPoints / 3);

/** Milliseconds from one machine's trouble to the next one's: together they fill the length of a run. */
const staggerMs = 200;

interface Moment {
  type: EventType;
  action?: string;
  /** How many such events of the round come first, this one included. */
  nth: number;
  /** Milliseconds after it. */
  laterMs: number;
}

/** When the daemon is killed, round by round; after the last one they begin again, each a little later. */
const moments: readonly Moment[] = [
  { type: 'action.intended', nth: 11, laterMs: 0 },
  { type: 'action.started', nth: 9, laterMs: 0 },
  { type: 'action.started', action: 'flaky.reboot', nth: 1, laterMs: 0 },
  { type: 'action.started', action: 'flaky.reboot', nth: 1, laterMs: 700 },
  { type: 'action.started', action: 'flaky.reboot', nth: 2, laterMs: 2_500 },
  { type: 'action.intended', nth: 12, laterMs: 150 },
  { type: 'action.ended', nth: 3, laterMs: 0 },
];
const laterEachTimeMs = 110;

const settings = `remediation:
  mode: auto
  max_runs: 1000 per 1h
  max_runs_per_host: 1000 per 1h
  max_concurrent: 20
  brake: false
  self_doubt: { changed_min: 1000 }`;

/** `before` and slow starts make each stage long enough to be hit. */
const runbooks = [
  `
runbook: worker
hosts: [w*]
every: 500ms
checks:
  running: { systemd_unit: worker, flapping: false }
actions:
  restart:
    when: { check: running, attempts: 2 }
    systemd_restart: worker
    sudo: true
    before: sleep 0.4
    verify: { within: 10s, stays_ok: 1s }
    cooldown: 0s
    max_runs: 1000 per 1h
    chronic: false
    demote: false
`,
  `
runbook: flaky
hosts: [r*]
every: 500ms
checks:
  running: { systemd_unit: flaky, flapping: false }
actions:
  restart:
    when: { check: running, attempts: 2 }
    systemd_restart: flaky
    sudo: true
    before: sleep 0.4
    verify: { within: 10s, stays_ok: 1s }
    cooldown: 0s
    max_runs: 1000 per 1h
    chronic: false
    demote: false
  reboot:
    after: restart
    reboot: { back_within: 20s }
    min_uptime: 0s
    sudo: true
    before: sleep 0.4
    verify: { within: 10s, stays_ok: 1s }
    cooldown: 0s
    max_runs: 1000 per 1h
    chronic: false
    demote: false
`,
];

let fleet: Fleet;
let daemon: Daemon;

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: [...rebooters, ...workers] });
  await Promise.all(fleet.machines.map((machine) => machine.slowStarts(0.5)));
  daemon = await Daemon.start({ fleet, runbooks, settings });
  await daemon.settled(15_000);
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
});

/** One run that was open at the moment of a kill. */
interface KillPoint {
  status: RunStatus;
  run: Wire<Run>;
}

interface Counters {
  boots: number;
  starts: number;
  guardStarts: string[];
}

const unitOf = (machine: Machine): CountedUnit => (workers.includes(machine.name) ? 'worker' : 'flaky');

async function count(machine: Machine): Promise<Counters> {
  return {
    boots: await machine.bootCount(),
    starts: await machine.startCount(unitOf(machine)),
    guardStarts: await machine.guardStarts(),
  };
}

/** Resolves when the daemon is to die in this round; events before now do not count. */
function killMoment(round: number): Promise<void> {
  const moment = moments[round % moments.length];
  if (moment === undefined) throw new Error('no moments');
  const laterMs = moment.laterMs + Math.floor(round / moments.length) * laterEachTimeMs;
  let seen = 0;
  return new Promise((resolve) => {
    const end = daemon.onEvent(({ type, data }) => {
      if (type !== moment.type || (moment.action !== undefined && data.action !== moment.action)) return;
      seen += 1;
      if (seen < moment.nth) return;
      end();
      if (laterMs === 0) resolve();
      else setTimeout(resolve, laterMs);
    });
  });
}

async function breakAll(): Promise<void> {
  for (const machine of fleet.machines) {
    if (unitOf(machine) === 'worker') await machine.crashUnit('worker');
    else await machine.breakFlaky();
    await delay(staggerMs);
  }
}

/** Breaks everything, kills the daemon in the middle, starts it again, and judges what came of it. */
async function playRound(round: number): Promise<KillPoint[]> {
  const fromMs = Date.now();
  const before = await Promise.all(fleet.machines.map(count));
  const killed = killMoment(round).then(() => daemon.kill9());
  await Promise.all([breakAll(), killed.then(() => daemon.start())]);
  const startedAtMs = daemon.lastStartMs;
  await daemon.settled(60_000);
  const listed = (await daemon.runs()).filter((run) => Date.parse(run.decidedAt) >= fromMs);
  const runs = await Promise.all(listed.map((run) => daemon.run(run.id)));
  const points = runs.flatMap((run): KillPoint[] => {
    const status = statusAt(run, startedAtMs);
    return status === undefined || isFinal(status) ? [] : [{ status, run }];
  });
  const wrong = points.flatMap((point) =>
    judgePoint(point).map((what) => `${point.run.id}, killed while ${point.status}: ${what}`),
  );
  for (const [index, machine] of fleet.machines.entries()) {
    const counted = before[index];
    const mine = runs.filter((run) => run.host === machine.name);
    const complaints = counted === undefined ? [] : await judgeMachine(machine, counted, mine);
    wrong.push(...complaints.map((what) => `${machine.name}: ${what}`));
  }
  await daemon.explained(
    wrong.length === 0
      ? Promise.resolve()
      : Promise.reject(new Error(`round ${round}:\n${wrong.join('\n')}`)),
  );
  return points;
}

/** What the dead daemon had written last; undefined for runs of its successor. */
function statusAt(run: Wire<Run>, atMs: number): RunStatus | undefined {
  const told = run.events.filter((event) => Date.parse(event.at) < atMs);
  return told.map((event) => event.status).findLast((status) => status !== 'evidence' && status !== 'step');
}

function isFinal(status: RunStatus): boolean {
  return !['intended', 'dispatched', 'unknown', 'verifying'].includes(status);
}

/** What the machine's own counters say against the daemon. */
async function judgeMachine(
  machine: Machine,
  before: Counters,
  runs: readonly Wire<Run>[],
): Promise<string[]> {
  const now = await count(machine);
  const boots = now.boots - before.boots;
  const starts = now.starts - before.starts;
  if (unitOf(machine) === 'flaky') {
    // The restart that could not help, and the one of the boot.
    return boots === 1 && starts === 2 ? [] : [`${boots} boots and ${starts} starts instead of 1 and 2`];
  }
  const started = now.guardStarts.slice(before.guardStarts.length);
  const sent = runs.filter((run) => run.status !== 'cancelled').map((run) => run.id);
  return [
    ...(boots === 0 && starts === 1 ? [] : [`${boots} boots and ${starts} starts instead of 0 and 1`]),
    ...(started.join() === sent.join()
      ? []
      : [`the guard let start [${started.join()}], the ledger has [${sent.join()}]`]),
  ];
}

/** What is wrong with how the next daemon told of a run that was open when the one before was killed. */
function judgePoint({ status, run }: KillPoint): string[] {
  const story = run.events.map((event) => event.status);
  const told = daemon.events.some((event) => event.type === 'action.ended' && event.runId === run.id);
  const allowed: Partial<Record<RunStatus, RunStatus[]>> = {
    intended: ['cancelled'],
    dispatched: [run.action === 'flaky.restart' ? 'failed' : 'verified', 'cancelled'],
    verifying: ['verified'],
  };
  return [
    ...(allowed[status]?.includes(run.status) === true ? [] : [`it ended ${run.status}`]),
    ...(status === 'intended' && story.includes('dispatched') ? ['it was sent after the restart'] : []),
    ...(status === 'dispatched' && !story.includes('unknown') ? ['it never was unknown'] : []),
    ...(told && run.outcome ? [] : ['it was not reported']),
  ];
}

test(
  `${wantedPoints} kills between decision and outcome: nothing runs twice, everything is told`,
  async () => {
    const points: KillPoint[] = [];
    for (let round = 0; round < roundLimit && points.length < wantedPoints; round += 1)
      points.push(...(await playRound(round)));
    expect(points.length).toBeGreaterThanOrEqual(wantedPoints);
    const stages = new Set(points.map(({ status, run }) => `${run.kind} ${status}`));
    expect([...stages]).toEqual(
      expect.arrayContaining([
        'systemd_restart intended',
        'systemd_restart dispatched',
        'systemd_restart verifying',
        'reboot intended',
        'reboot dispatched',
      ]),
    );
  },
  wantedPoints * 12_000,
);
