/** What the gates about how much at once say, on both sides of each edge. */
import {
  brakeOf,
  type GateCase,
  hourMs,
  minuteMs,
  nowMs,
  openRun,
  other,
  page,
  restart,
  runOf,
  sinceMs,
  unhealthy,
  type World,
} from './gate-world.ts';

const pageRun = runOf({ action: page.id, kind: 'notify', status: 'dispatched' });

function openOn(world: World, ...indexes: number[]): void {
  for (const index of indexes) other(world, index, { runs: [openRun(`web-${index}`)] });
}

/** Ended repairs of other hosts, within the hour. */
function spent(world: World, count: number, agoMs = hourMs - 1): void {
  for (let index = 2; index < 2 + count; index += 1)
    other(world, index, {
      runs: [runOf({ host: `web-${index}`, decidedAtMs: nowMs - agoMs, endedAtMs: sinceMs - 1 })],
    });
}

function young(world: World): void {
  world.check.problemSinceMs = nowMs - 1_000;
}

const lax = { ...restart, guard: { per: 'role' }, chronic: null };

export const limitCases: GateCase[] = [
  {
    gate: 'host_busy',
    given: 'an open repair',
    change: (world) => (world.runs = [openRun('web-1')]),
    reason: 'run_in_progress',
    values: { openRun: 'web-1~app.restart~e~1', status: 'dispatched' },
    opens: 'the end of run web-1~app.restart~e~1',
  },
  {
    gate: 'host_busy',
    given: 'an open message',
    change: (world) => (world.runs = [pageRun]),
    values: { openRun: null },
  },
  {
    gate: 'host_busy',
    given: 'a message beside an open repair',
    change: (world) => {
      world.rung = page;
      world.runs = [openRun('web-1')];
    },
  },
  {
    gate: 'group_lock',
    given: 'as many open in the group as the action allows',
    change: (world) => openOn(world, 2, 3),
    reason: 'group_busy',
    values: { group: 'role=web', open: 2, limit: 2 },
    opens: 'the end of a run in role=web',
  },
  {
    gate: 'group_lock',
    given: 'one fewer',
    change: (world) => openOn(world, 2),
    values: { group: 'fleet', open: 1, limit: 4 },
  },
  {
    gate: 'group_lock',
    given: 'as many open in the group as the daemon allows',
    change: (world) => {
      world.rung = lax;
      openOn(world, 2, 3, 4);
    },
    reason: 'group_busy',
    values: { group: 'role=web', open: 3, limit: 3 },
  },
  {
    gate: 'group_lock',
    given: 'as many open in the fleet as the daemon allows',
    change: (world) => {
      world.rung = lax;
      openOn(world, 2, 3, 4, 5);
    },
    reason: 'fleet_busy',
    values: { group: 'fleet', open: 4, limit: 4 },
    opens: 'the end of a run on another host',
  },
  {
    gate: 'quorum',
    given: 'a healthy host too few: 55% of 10 is 6, rounded up',
    change: (world) => {
      world.remediation.brake = null;
      unhealthy(world, 4);
    },
    reason: 'too_few_healthy',
    values: { group: 'role=web', healthyWithoutIt: 5, needed: 6, hosts: 10 },
    opens: 'one more healthy host in role=web',
  },
  {
    gate: 'quorum',
    given: 'two too few: one that is repaired is not left alone',
    change: (world) => {
      world.remediation.brake = null;
      unhealthy(world, 4);
      openOn(world, 9);
    },
    reason: 'too_few_healthy',
    opens: '2 more healthy hosts in role=web',
  },
  {
    gate: 'quorum',
    given: 'just enough',
    change: (world) => {
      world.remediation.brake = null;
      unhealthy(world, 3);
    },
    values: { group: 'role=web', healthyWithoutIt: 6, needed: 6, hosts: 10 },
  },
  {
    gate: 'brake',
    given: 'one more sick than allowed, and no brake on yet',
    change: (world) => unhealthy(world, 3),
    reason: 'brake_on',
    values: { group: 'fleet', unhealthy: 4, allowed: 3, hosts: 10, cause: 'mass_failure' },
    opens: 'at most 3 unhealthy hosts in fleet',
  },
  {
    gate: 'brake',
    given: 'as many sick as allowed',
    change: (world) => unhealthy(world, 2),
    values: { group: 'role=web', unhealthy: 3, allowed: 3, hosts: 10 },
  },
  {
    gate: 'brake',
    given: 'this host not counted as sick yet: it would be the one too many',
    change: (world) => {
      unhealthy(world, 3);
      world.counted = false;
    },
    reason: 'brake_on',
  },
  {
    gate: 'brake',
    given: 'a brake of the fleet',
    change: (world) => (world.brakes = [brakeOf('fleet', { belowSinceMs: nowMs - minuteMs })]),
    reason: 'brake_on',
    values: { group: 'fleet', unhealthy: 1, allowed: 3, hosts: 10, cause: 'mass_failure', sinceMs },
    opens: '`mendd brake release fleet`, or 10m without the trouble',
    opensAtMs: nowMs + 9 * minuteMs,
  },
  {
    gate: 'brake',
    given: 'a brake of the group, for a person',
    change: (world) => {
      world.brakes = [brakeOf('role=web')];
      world.remediation.brake = {
        unhealthyAbovePercent: 30,
        minUnhealthy: 2,
        label: 'role',
        release: { kind: 'person' },
      };
    },
    reason: 'brake_on',
    opens: '`mendd brake release role=web`',
  },
  {
    gate: 'brake',
    given: 'a brake that a person released, and the trouble lasts',
    change: (world) => {
      unhealthy(world, 3);
      const released = { atMs: nowMs, by: 'ann', reason: 'looked' };
      world.brakes = [brakeOf('fleet', { released }), brakeOf('role=web', { released })];
    },
  },
  {
    gate: 'brake',
    given: 'the first of many: others were not asked since',
    change: (world) => {
      young(world);
      world.askedAtMs = nowMs - 1_001;
    },
    reason: 'round_pending',
    values: { group: 'fleet', notAskedSince: 9, hosts: 10 },
    opens: 'answers of 9 other hosts in fleet',
    opensAtMs: nowMs - 1_000 + 40_000,
  },
  {
    gate: 'brake',
    given: 'all others were asked since, one of them something else',
    change: (world) => {
      young(world);
      const state = world.others.get('web-5');
      const check = state?.checks['app.running'];
      if (check?.lastResult === undefined) throw new Error('no result');
      const lastResult = { ...check.lastResult, startedAtMs: nowMs - 1_001 };
      other(world, 5, { checks: { 'app.running': { ...check, lastResult } } });
    },
    reason: 'round_pending',
    values: { group: 'fleet', notAskedSince: 1, hosts: 10 },
    opensAtMs: nowMs - 1_000 + 40_000,
  },
  {
    gate: 'brake',
    given: 'all others were asked since',
    change: (world) => {
      young(world);
      world.askedAtMs = nowMs - 1_000;
    },
  },
  {
    gate: 'cooldown',
    given: 'a millisecond too early',
    change: (world) =>
      (world.runs = [runOf({ decidedAtMs: nowMs - 2 * hourMs, endedAtMs: nowMs - 5 * minuteMs + 1 })]),
    reason: 'cooldown',
    values: { cooldownMs: 5 * minuteMs, lastRunEndedAtMs: nowMs - 5 * minuteMs + 1, notSent: 0 },
    opens: '5m after the last run',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'cooldown',
    given: 'just late enough',
    change: (world) => (world.runs = [runOf({ endedAtMs: nowMs - 5 * minuteMs })]),
  },
  {
    gate: 'runs_in_window',
    given: 'as many as the window allows',
    change: (world) => {
      world.rung = { ...lax, maxRuns: { runs: 2, perMs: 3 * hourMs } };
      world.runs = [runOf({ attempt: 1, decidedAtMs: nowMs - 3 * hourMs + 1 }), runOf({ attempt: 2 })];
    },
    reason: 'max_runs_reached',
    values: { used: 2, limit: 2, perMs: 3 * hourMs },
    opens: 'the oldest run leaving the window',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'runs_in_window',
    given: 'the oldest just left',
    change: (world) => {
      world.rung = { ...lax, maxRuns: { runs: 2, perMs: 3 * hourMs } };
      world.runs = [runOf({ attempt: 1, decidedAtMs: nowMs - 3 * hourMs }), runOf({ attempt: 2 })];
    },
    values: { used: 1, limit: 2, perMs: 3 * hourMs },
  },
  {
    gate: 'host_budget',
    given: 'as many on this host as the daemon allows',
    change: (world) =>
      (world.runs = ['a', 'b', 'c'].map((name) => runOf({ action: name, decidedAtMs: nowMs - hourMs + 1 }))),
    reason: 'host_budget_spent',
    values: { used: 3, limit: 3, perMs: hourMs },
    opens: 'an older run on web-1 leaving the window',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'host_budget',
    given: 'they just left the window',
    change: (world) =>
      (world.runs = ['a', 'b', 'c'].map((name) => runOf({ action: name, decidedAtMs: nowMs - hourMs }))),
    values: { used: 0, limit: 3, perMs: hourMs },
  },
  {
    gate: 'group_budget',
    given: 'as many in the group as the daemon allows',
    change: (world) => spent(world, 6),
    reason: 'group_budget_spent',
    values: { group: 'role=web', used: 6, limit: 6, perMs: hourMs },
    opens: 'an older run in role=web leaving the window',
  },
  { gate: 'group_budget', given: 'one fewer', change: (world) => spent(world, 5), values: { limits: 1 } },
  { gate: 'group_budget', given: 'they just left the window', change: (world) => spent(world, 6, hourMs) },
  {
    gate: 'fleet_budget',
    given: 'as many in the fleet as the daemon allows',
    change: (world) => {
      world.remediation.groups = [];
      spent(world, 8);
    },
    reason: 'fleet_budget_spent',
    values: { used: 8, limit: 8, perMs: hourMs },
    opens: 'an older run of the fleet leaving the window',
  },
  {
    gate: 'fleet_budget',
    given: 'one fewer',
    change: (world) => {
      world.remediation.groups = [];
      spent(world, 7);
    },
    values: { used: 7, limit: 8, perMs: hourMs },
  },
  {
    gate: 'fleet_budget',
    given: 'a message when all is spent',
    change: (world) => {
      world.rung = page;
      spent(world, 9);
    },
  },
];
