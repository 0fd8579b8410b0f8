/** What the gates about the trouble itself say, on both sides of each edge. */
import { down } from './gate-cases-transport.ts';
import {
  type GateCase,
  hourMs,
  label,
  minuteMs,
  nowMs,
  other,
  restart,
  runOf,
  sinceMs,
  type World,
} from './gate-world.ts';

function parentsOf(world: World, parents: string[]): void {
  world.plan = { ...world.plan, host: { ...world.plan.host, parents } };
}

function gone(world: World, index: number): void {
  const failure = { stage: 'connect' as const, message: 'no', hint: '', sent: false };
  other(world, index, {
    host: { state: 'unreachable', type: 'hard', attempt: 3, sinceMs, attemptAtMs: nowMs - 1, failure },
  });
}

const healed = [
  runOf({ episode: 'a', decidedAtMs: nowMs - 24 * hourMs + 1, endedAtMs: nowMs - 23 * hourMs }),
  runOf({ episode: 'b', decidedAtMs: nowMs - 20 * hourMs, endedAtMs: nowMs - 19 * hourMs }),
];

export const troubleCases: GateCase[] = [
  {
    gate: 'state',
    given: 'a check that is OK',
    change: (world) => (world.check.state = 'ok'),
    reason: 'no_problem',
    values: { state: 'ok', acts: 'warning critical unknown' },
    opens: 'a problem',
  },
  {
    gate: 'state',
    given: 'a check that never answered',
    change: (world) => (world.check.state = 'pending'),
    reason: 'no_problem',
  },
  {
    gate: 'state',
    given: 'a state that is not listed',
    change: (world) => (world.trigger = { ...world.trigger, states: ['unknown'] }),
    reason: 'state_not_listed',
    values: { state: 'critical', acts: 'unknown' },
    opens: 'a state of `when.state`: unknown',
  },
  {
    gate: 'state',
    given: 'a recovery that is over',
    change: (world) => (world.trigger = { ...world.trigger, on: 'recovery', states: [] }),
    reason: 'problem_again',
    opens: 'the next recovery',
  },
  {
    gate: 'state',
    given: 'a recovery',
    change: (world) => {
      world.trigger = { ...world.trigger, on: 'recovery', states: [], attempts: 0 };
      const { problemSinceMs: _over, ...check } = world.check;
      world.check = { ...check, state: 'ok', problemResults: 0, sinceMs: nowMs };
      world.runs = [runOf({ action: 'app.other', endedAtMs: nowMs })];
      world.askedAtMs = nowMs - hourMs;
    },
    values: { state: 'ok', acts: 'ok' },
  },
  {
    gate: 'attempts',
    given: 'a result too few',
    change: (world) => (world.check.problemResults = 1),
    reason: 'attempts_not_reached',
    values: { seen: 1, needed: 2 },
    opens: 'one more result that is not OK',
  },
  {
    gate: 'attempts',
    given: 'two results too few',
    change: (world) => (world.check.problemResults = 0),
    reason: 'attempts_not_reached',
    opens: '2 more results that are not OK',
  },
  { gate: 'attempts', given: 'just enough results', change: () => {}, values: { seen: 2, needed: 2 } },
  {
    gate: 'attempts',
    given: 'three within the window, one of them a millisecond too old',
    change: (world) => {
      world.trigger = { ...world.trigger, times: { count: 3, withinMs: minuteMs } };
      world.check.problemTimesMs = [nowMs - minuteMs, nowMs - 10, nowMs];
    },
    reason: 'too_few_in_window',
    values: { seen: 2, needed: 3, withinMs: minuteMs },
    opens: 'one more result that is not OK within 1m',
  },
  {
    gate: 'attempts',
    given: 'three within the window',
    change: (world) => {
      world.trigger = { ...world.trigger, times: { count: 3, withinMs: minuteMs } };
      world.check.problemTimesMs = [nowMs - minuteMs + 1, nowMs - 10, nowMs];
    },
    values: { seen: 3, needed: 3, withinMs: minuteMs },
  },
  {
    gate: 'duration',
    given: 'a millisecond too short',
    change: (world) => (world.trigger = { ...world.trigger, forMs: minuteMs + 1 }),
    reason: 'too_short',
    values: { lastedMs: minuteMs, neededMs: minuteMs + 1 },
    opens: '1ms more of the same problem',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'duration',
    given: 'just long enough',
    change: (world) => (world.trigger = { ...world.trigger, forMs: minuteMs }),
    values: { lastedMs: minuteMs, neededMs: minuteMs },
  },
  {
    gate: 'duration',
    given: 'a start in between',
    change: (world) => {
      world.trigger = { ...world.trigger, forMs: minuteMs };
      world.fleet.freshSinceMs = nowMs - 10_000;
    },
    reason: 'too_short',
    values: { lastedMs: 10_000, neededMs: minuteMs },
    opensAtMs: nowMs + 50_000,
  },
  {
    gate: 'dependency',
    given: 'a cause that is known',
    change: (world) => (world.check.suppressedBy = 'app.base'),
    reason: 'dependency_down',
    values: { suppressedBy: 'app.base' },
    opens: 'app.base turning OK',
  },
  {
    gate: 'parent',
    given: 'all parents down',
    change: (world) => {
      parentsOf(world, ['web-2', 'web-3']);
      gone(world, 2);
      gone(world, 3);
    },
    reason: 'parent_down',
    values: { parents: 'web-2 web-3', downParent: 'web-2' },
    opens: 'web-2 being reached again',
  },
  {
    gate: 'parent',
    given: 'one parent up',
    change: (world) => {
      parentsOf(world, ['web-2', 'web-3']);
      gone(world, 2);
    },
    values: { parents: 'web-2 web-3', downParent: null },
  },
  {
    gate: 'parent',
    given: 'a host that went down, and its parent not asked since',
    change: (world) => {
      down(world);
      parentsOf(world, ['web-2']);
      world.askedAtMs = sinceMs - 1;
      world.remediation.brake = null;
    },
    reason: 'no_fresh_result',
    opens: 'the next answer of web-2, which may be the cause',
  },
  {
    gate: 'flapping',
    given: 'a check that flaps',
    change: (world) =>
      (world.check.flap = {
        ...world.check.flap,
        flappingWithoutActions: true,
        percentWithoutActions: 25,
        percent: 30,
      }),
    reason: 'flapping',
    values: { percentWithoutActions: 25, percent: 30, flapping: true },
    opens: 'steadier results for a while',
  },
  {
    gate: 'flapping',
    given: 'a check that flaps by our own actions alone',
    change: (world) => (world.check.flap = { ...world.check.flap, flapping: true, percent: 30 }),
    values: { percentWithoutActions: 0, percent: 30, flapping: false },
  },
  {
    gate: 'flapping',
    given: 'a host that was down for the fourth time within the hour',
    change: (world) => {
      down(world);
      world.runs = ['a', 'b', 'c'].map((episode, index) =>
        runOf({
          episode,
          action: 'app.page',
          kind: 'notify',
          decidedAtMs: nowMs - hourMs + 1 + index,
          endedAtMs: sinceMs - 1,
        }),
      );
    },
    reason: 'flapping',
    values: { problems: 3, limit: 3, perMs: hourMs },
    opens: 'fewer times down within the hour',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'flapping',
    given: 'the first of them just left the window',
    change: (world) => {
      down(world);
      world.runs = ['a', 'b', 'c'].map((episode, index) =>
        runOf({
          episode,
          action: 'app.page',
          kind: 'notify',
          decidedAtMs: nowMs - hourMs + index,
          endedAtMs: sinceMs - 1,
        }),
      );
    },
    values: { problems: 2, limit: 3, perMs: hourMs },
  },
  {
    gate: 'chronic',
    given: 'healed as often as the limit',
    change: (world) => (world.runs = healed),
    reason: 'chronic',
    values: { healed: 2, limit: 2, perMs: 24 * hourMs },
    opens: 'a person who ends what keeps coming back on web-1',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'chronic',
    given: 'the first of them just left the window',
    change: (world) => (world.runs = healed.map((run) => ({ ...run, decidedAtMs: run.decidedAtMs - 1 }))),
    values: { healed: 1, limit: 2, perMs: 24 * hourMs },
  },
  {
    gate: 'chronic',
    given: 'twice in one problem',
    change: (world) => (world.runs = healed.map((run, index) => ({ ...run, episode: 'a', attempt: index }))),
    values: { healed: 1, limit: 2, perMs: 24 * hourMs },
  },
  {
    gate: 'group_lock',
    given: 'no label to lock by',
    change: (world) => {
      label(world, {});
      world.rung = { ...restart, guard: { per: 'role', maxConcurrent: 1 } };
    },
    reason: 'group_unknown',
    values: { label: 'role' },
    opens: 'the label `role` on web-1',
  },
];
