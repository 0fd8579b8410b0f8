/** What the gates about people say, on both sides of each edge. */
import type { ActiveSuppression } from '../../core/safety.ts';
import { type GateCase, minuteMs, nowMs, restart, sinceMs, type World } from './gate-world.ts';

function suppress(world: World, ...active: Partial<ActiveSuppression>[]): void {
  const all = active.map((each, index) => ({
    id: `s${index + 1}`,
    kind: 'downtime' as const,
    by: 'ann',
    reason: 'move',
    ...each,
  }));
  world.fleet.suppressions = new Map([['web-1', all]]);
}

const values = { id: 's1', by: 'ann', because: 'move' };
const problem = { sinceMs, state: 'critical' as const, sticky: false };
const known = { bootId: 'b', uptimeSec: 3600, people: [], atMs: nowMs };

export const peopleCases: GateCase[] = [
  {
    gate: 'downtime',
    given: 'a downtime of the whole host',
    change: (world) => suppress(world, { untilMs: nowMs + 1 }),
    reason: 'in_downtime',
    values,
    opens: 'the end of the downtime',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'downtime',
    given: 'a downtime of another check',
    change: (world) => suppress(world, { checks: new Set(['app.other']) }),
    values: { by: null },
  },
  {
    gate: 'downtime',
    given: 'two downtimes: the longer counts',
    change: (world) => suppress(world, { untilMs: nowMs + 1 }, { untilMs: nowMs + 2 }),
    reason: 'in_downtime',
    values: { ...values, id: 's2' },
    opensAtMs: nowMs + 2,
  },
  {
    gate: 'downtime',
    given: 'a flexible downtime whose window the problem began at the first moment of',
    change: (world) => suppress(world, { flexible: { fromMs: sinceMs, toMs: nowMs, lastsMs: minuteMs + 1 } }),
    reason: 'in_downtime',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'downtime',
    given: 'a flexible downtime that began and is over',
    change: (world) => suppress(world, { flexible: { fromMs: sinceMs, toMs: nowMs, lastsMs: minuteMs } }),
  },
  {
    gate: 'downtime',
    given: 'a flexible downtime that began after the problem',
    change: (world) =>
      suppress(world, { flexible: { fromMs: sinceMs + 1, toMs: nowMs, lastsMs: 2 * minuteMs } }),
  },
  {
    gate: 'downtime',
    given: 'a flexible downtime whose window ended when the problem began',
    change: (world) => suppress(world, { flexible: { fromMs: 0, toMs: sinceMs, lastsMs: 2 * minuteMs } }),
  },
  {
    gate: 'acknowledgement',
    given: 'this problem in this state',
    change: (world) =>
      suppress(world, { kind: 'acknowledgement', checks: new Set(['app.running']), problem }),
    reason: 'acknowledged',
    values,
    opens: 'another problem, or the acknowledgement taken back',
  },
  {
    gate: 'acknowledgement',
    given: 'this problem in another state',
    change: (world) =>
      suppress(world, { kind: 'acknowledgement', problem: { ...problem, state: 'warning' } }),
  },
  {
    gate: 'acknowledgement',
    given: 'this problem in another state, sticky',
    change: (world) =>
      suppress(world, {
        kind: 'acknowledgement',
        problem: { ...problem, state: 'warning', sticky: true },
        untilMs: nowMs + 5,
      }),
    reason: 'acknowledged',
    opensAtMs: nowMs + 5,
  },
  {
    gate: 'acknowledgement',
    given: 'an earlier problem, sticky',
    change: (world) =>
      suppress(world, {
        kind: 'acknowledgement',
        problem: { ...problem, sinceMs: sinceMs - 1, sticky: true },
      }),
  },
  {
    gate: 'silence',
    given: 'a silence',
    change: (world) => suppress(world, { kind: 'silence', untilMs: nowMs + 1 }),
    reason: 'silenced',
    values,
    opens: 'the end of the silence',
    opensAtMs: nowMs + 1,
  },
  {
    gate: 'human_intent',
    given: 'people at work',
    change: (world) =>
      (world.facts = {
        [restart.id]: {
          ...known,
          people: [
            { kind: 'unit_masked', text: 'worker is masked' },
            { kind: 'login', text: 'bob on pts/0' },
          ],
        },
      }),
    reason: 'human_intent',
    values: { signs: 2, sign: 'unit_masked', seen: 'worker is masked; bob on pts/0' },
    opens: 'the end of what a person does there: worker is masked',
  },
  { gate: 'human_intent', given: 'nobody at work', change: () => {}, values: { signs: 0 } },
  {
    gate: 'human_intent',
    given: 'facts not asked for yet',
    change: (world) => {
      world.facts = {};
      world.rung = { ...restart, minUptimeMs: 0 };
    },
    reason: 'facts_pending',
    values: { known: false },
    opens: 'an answer of the target',
  },
  {
    gate: 'human_intent',
    given: 'facts as old as may be',
    change: (world) => (world.facts = { [restart.id]: { ...known, atMs: nowMs - 5_000 } }),
  },
  {
    gate: 'human_intent',
    given: 'facts a millisecond too old',
    change: (world) => {
      world.facts = { [restart.id]: { ...known, atMs: nowMs - 5_001 } };
      world.rung = { ...restart, minUptimeMs: 0 };
    },
    reason: 'facts_pending',
  },
  {
    gate: 'human_intent',
    given: 'facts from before the problem',
    change: (world) => {
      world.check = { ...world.check, problemSinceMs: nowMs - 1_000 };
      world.facts = { [restart.id]: { ...known, atMs: nowMs - 1_001 } };
      world.rung = { ...restart, minUptimeMs: 0 };
    },
    reason: 'facts_pending',
  },
  {
    gate: 'human_intent',
    given: 'facts from before the clock was set back',
    change: (world) => {
      world.facts = { [restart.id]: { ...known, atMs: nowMs + 1 } };
      world.rung = { ...restart, minUptimeMs: 0 };
    },
    reason: 'facts_pending',
  },
  {
    gate: 'human_intent',
    given: 'an action that does not care',
    change: (world) => {
      world.facts = {};
      world.rung = { ...restart, humanIntent: false, minUptimeMs: 0 };
    },
    values: { asked: false },
  },
  {
    gate: 'min_uptime',
    given: 'a second too young',
    change: (world) => (world.facts = { [restart.id]: { ...known, uptimeSec: 599, atMs: nowMs - 100 } }),
    reason: 'booted_lately',
    values: { upMs: 599_000, neededMs: 600_000 },
    opens: '1s more of uptime',
    opensAtMs: nowMs - 100 + 1_000,
  },
  {
    gate: 'min_uptime',
    given: 'just old enough',
    change: (world) => (world.facts = { [restart.id]: { ...known, uptimeSec: 600 } }),
    values: { upMs: 600_000, neededMs: 600_000 },
  },
  {
    gate: 'min_uptime',
    given: 'facts not asked for yet',
    change: (world) => {
      world.facts = {};
      world.rung = { ...restart, humanIntent: false };
    },
    reason: 'facts_pending',
  },
];
