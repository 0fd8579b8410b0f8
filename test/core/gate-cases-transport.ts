/** What the gates about who can be reached, and what is fresh, say on both sides of each edge. */
import { type GateCase, hourMs, nowMs, other, restart, runOf, sinceMs, type World } from './gate-world.ts';

function unreachable(world: World, stage: 'connect' | 'host_key'): void {
  const failure = { stage, message: 'no', hint: '', sent: false };
  world.hostStatus = { state: 'unreachable', type: 'hard', attempt: 3, sinceMs, attemptAtMs: nowMs, failure };
}

/** The trouble is that the host is down, and what acts runs elsewhere. */
export function down(world: World): void {
  unreachable(world, 'connect');
  world.trigger = { ...world.trigger, check: 'host', states: ['critical'], attempts: 1 };
  world.rung = { ...restart, runOn: { kind: 'local' }, humanIntent: false, minUptimeMs: 0 };
}

/** Whom nothing is heard of since the host went away. */
function silent(world: World): void {
  for (let index = 2; index <= 10; index += 1)
    other(world, index, {
      host: { state: 'up', type: 'hard', attempt: 0, sinceMs: 0, lastSeenAtMs: sinceMs - 1 },
    });
}

export const transportCases: GateCase[] = [
  {
    gate: 'self_doubt',
    given: 'a host that is down, and no other seen since',
    change: (world) => {
      down(world);
      silent(world);
    },
    reason: 'self_doubt',
    opens: 'an answer of another host or of a canary (`remediation.self_doubt.canaries`)',
  },
  {
    gate: 'self_doubt',
    given: 'a host that is down, and another seen at that very moment',
    change: (world) => {
      down(world);
      silent(world);
      other(world, 7, { host: { state: 'up', type: 'hard', attempt: 0, sinceMs: 0, lastSeenAtMs: sinceMs } });
    },
    values: { doubt: null, networkShownBy: 'web-7' },
  },
  {
    gate: 'self_doubt',
    given: 'a host that is down, and a canary that answered',
    change: (world) => {
      down(world);
      silent(world);
      world.fleet.canaryAtMs = sinceMs;
    },
    values: { doubt: null, networkShownBy: 'a canary' },
  },
  {
    gate: 'self_doubt',
    given: 'a proof from before the clock was set back',
    change: (world) => {
      down(world);
      silent(world);
      world.fleet.canaryAtMs = nowMs + 1;
      other(world, 7, {
        host: { state: 'up', type: 'hard', attempt: 0, sinceMs: 0, lastSeenAtMs: nowMs + 1 },
      });
    },
    reason: 'self_doubt',
  },
  {
    gate: 'self_doubt',
    given: 'a proof by a host that is gone as well',
    change: (world) => {
      down(world);
      silent(world);
      const failure = { stage: 'connect' as const, message: 'no', hint: '', sent: false };
      other(world, 7, {
        host: {
          state: 'unreachable',
          type: 'soft',
          attempt: 1,
          sinceMs: nowMs - 1,
          attemptAtMs: nowMs - 1,
          lastSeenAtMs: nowMs - 2,
          failure,
        },
      });
    },
    reason: 'self_doubt',
  },
  {
    gate: 'transport',
    given: 'a host that cannot be reached',
    change: (world) => unreachable(world, 'connect'),
    reason: 'host_unreachable',
    values: { host: 'unreachable', stage: 'connect' },
    opens: 'a successful contact over SSH',
  },
  {
    gate: 'transport',
    given: 'another host key, even for what runs elsewhere',
    change: (world) => {
      down(world);
      unreachable(world, 'host_key');
    },
    reason: 'host_key_changed',
    values: { host: 'unreachable', stage: 'host_key' },
    opens: 'a host key that known_hosts knows',
  },
  { gate: 'transport', given: 'a host that is down and an action that runs elsewhere', change: down },
  {
    gate: 'transport',
    given: 'a host that is down and an action that needs it',
    change: (world) => {
      down(world);
      world.rung = { ...world.rung, runOn: { kind: 'target' } };
    },
    reason: 'host_unreachable',
  },
  {
    gate: 'fresh_result',
    given: 'a result from before the daemon started',
    change: (world) => (world.fleet.freshSinceMs = nowMs - 4),
    reason: 'no_fresh_result',
    values: { resultAtMs: nowMs - 5, neededFromMs: nowMs - 4, dependsOn: null },
    opens: 'the next result of the check',
  },
  {
    gate: 'fresh_result',
    given: 'a result that began at that very moment',
    change: (world) => (world.fleet.freshSinceMs = nowMs - 5),
    values: { resultAtMs: nowMs - 5, neededFromMs: nowMs - 5, dependsOn: null },
  },
  {
    gate: 'fresh_result',
    given: 'a result from before the clock was set back',
    change: (world) => {
      const { lastResult } = world.check;
      if (lastResult !== undefined) world.check.lastResult = { ...lastResult, startedAtMs: nowMs + 1 };
    },
    reason: 'no_fresh_result',
    opens: 'the next result of the check',
  },
  {
    gate: 'fresh_result',
    given: 'a run that ended when the result began',
    change: (world) => (world.runs = [runOf({ action: 'app.other', endedAtMs: nowMs - 5 })]),
    reason: 'no_fresh_result',
  },
  {
    gate: 'fresh_result',
    given: 'a run that ended before the result began',
    change: (world) => (world.runs = [runOf({ action: 'app.other', endedAtMs: nowMs - 6 })]),
  },
  {
    gate: 'fresh_result',
    given: 'a cause that was not asked',
    change: (world) => (world.unasked = 'app.base'),
    reason: 'no_fresh_result',
    values: { resultAtMs: nowMs - 5, neededFromMs: nowMs - hourMs, dependsOn: 'app.base' },
    opens: 'the next result of app.base, which may be the cause',
  },
];
