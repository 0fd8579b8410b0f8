/** The counts that are kept up step by step are those that a look at everything gives. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Census } from '../../core/census.ts';
import type { HostPlan } from '../../core/definitions.ts';
import { initialHostState } from '../../core/engine.ts';
import type { HostEngineState } from '../../core/reduction.ts';
import { judgeChange } from '../../core/self-doubt.ts';
import type {
  CheckState,
  CheckStatus,
  HostState,
  HostStatus,
  RunStatus,
  RunSummary,
} from '../../core/types.ts';
import { checkOf, ladderOf, planOf, remediationOf, restart } from '../support/definitions.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';

const names = ['a', 'b', 'c', 'd'];
const roles = ['web', 'db', undefined];
const statuses: RunStatus[] = ['intended', 'dispatched', 'verified', 'failed', 'cancelled', 'refused'];

/** Acts on critical and unknown of one check; the other check has no ladder. */
function planFor(name: string, role: string | undefined): HostPlan {
  const plan = planOf(
    [checkOf('running'), checkOf('other')],
    [ladderOf([restart], { states: ['unknown'] })],
    name,
  );
  return { ...plan, host: { ...plan.host, labels: role === undefined ? {} : { role } } };
}

const hostOf = fc.constantFrom(...names);
const step = fc.oneof(
  fc.record({
    do: fc.constant('check' as const),
    host: hostOf,
    check: fc.constantFrom('app.running', 'app.other'),
    state: fc.constantFrom<CheckState>('ok', 'warning', 'critical', 'unknown'),
  }),
  fc.record({
    do: fc.constant('host' as const),
    host: hostOf,
    state: fc.constantFrom<HostState>('up', 'unreachable'),
  }),
  fc.record({
    do: fc.constant('run' as const),
    host: hostOf,
    id: fc.constantFrom('1', '2', '3'),
    kind: fc.constantFrom('command' as const, 'notify' as const),
    status: fc.constantFrom(...statuses),
    ageMs: fc.constantFrom(0, 5_000, 20_000),
  }),
  fc.record({ do: fc.constant('label' as const), host: hostOf, role: fc.constantFrom(...roles) }),
  fc.record({ do: fc.constant('reset' as const), hosts: fc.subarray(names) }),
);

interface Counts {
  hosts: string[];
  unhealthy: string[];
  openRepairs: number;
  repairs: number;
}

/** From scratch, in other words than the census has. */
function recount(
  plans: ReadonlyMap<string, HostPlan>,
  states: ReadonlyMap<string, HostEngineState>,
  sinceMs: number,
): Map<string, Counts> {
  const counts = new Map<string, Counts>([
    ['fleet', { hosts: [], unhealthy: [], openRepairs: 0, repairs: 0 }],
  ]);
  for (const [name, plan] of plans) {
    const state = states.get(name);
    if (state === undefined) continue;
    const { role } = plan.host.labels;
    const sick =
      state.host.state === 'unreachable' ||
      state.checks['app.running']?.state === 'unknown' ||
      Object.values(state.checks).some((check) => check.state === 'critical');
    const repairs = state.runs.filter((run) => run.kind !== 'notify');
    for (const key of role === undefined ? ['fleet'] : ['fleet', `role=${role}`]) {
      const group = counts.get(key) ?? { hosts: [], unhealthy: [], openRepairs: 0, repairs: 0 };
      counts.set(key, group);
      group.hosts.push(name);
      if (sick) group.unhealthy.push(name);
      group.openRepairs += repairs.filter(
        ({ status }) => status === 'intended' || status === 'dispatched',
      ).length;
      group.repairs += repairs.filter(
        ({ status, decidedAtMs }) => status !== 'cancelled' && status !== 'refused' && decidedAtMs > sinceMs,
      ).length;
    }
  }
  return counts;
}

function countsOf(census: Census, sinceMs: number): Map<string, Counts> {
  const groups = [...census.groups.values()].filter(
    ({ key, members }) => key === 'fleet' || members.size > 0,
  );
  return new Map(
    groups.map((group) => {
      const hosts = [...group.members.keys()].toSorted();
      const unhealthy = hosts.filter((host) => group.members.get(host)?.unhealthy === true);
      expect(group.unhealthy).toBe(unhealthy.length);
      return [
        group.key,
        { hosts, unhealthy, openRepairs: group.openRepairs, repairs: group.repairsSince(sinceMs) },
      ];
    }),
  );
}

test('after any sequence of states, runs, labels and definitions the counts equal a recount', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let nowMs = 1_000_000;
      const census = new Census();
      const remediation = remediationOf({ groups: [{ label: 'role', maxConcurrent: 1 }] });
      let plans = new Map(names.map((name) => [name, planFor(name, 'web')]));
      const states = new Map([...plans].map(([name, plan]) => [name, initialHostState(plan, nowMs)]));
      const reset = (): void => census.reset(wholeDefinitions(plans.values(), remediation), states, nowMs);
      reset();
      for (const each of steps) {
        nowMs += 1_000;
        if (each.do === 'reset') {
          const kept = each.hosts.map((name) => [name, plans.get(name) ?? planFor(name, 'db')] as const);
          plans = new Map(kept);
          reset();
        } else {
          const plan = plans.get(each.host);
          const state = states.get(each.host);
          if (plan === undefined || state === undefined) continue;
          if (each.do === 'label') plans.set(each.host, planFor(each.host, each.role));
          else states.set(each.host, changed(state, each, nowMs));
          census.update(plans.get(each.host) ?? plan, states.get(each.host) ?? state, nowMs, nowMs);
        }
        expect(countsOf(census, nowMs - 10_000)).toEqual(
          sorted(recount(plans, states, nowMs - 10_000), census),
        );
      }
    }),
    { numRuns: 300 },
  );
});

/** In the order of the census, hosts by name. */
function sorted(counts: Map<string, Counts>, census: Census): Map<string, Counts> {
  const keys = [...census.groups.keys()].filter((key) => counts.has(key));
  expect(keys.length).toBe(counts.size);
  return new Map(
    keys.map((key) => {
      const { hosts = [], unhealthy = [], openRepairs = 0, repairs = 0 } = counts.get(key) ?? {};
      return [key, { hosts: hosts.toSorted(), unhealthy: unhealthy.toSorted(), openRepairs, repairs }];
    }),
  );
}

function changed(state: HostEngineState, each: HostChange, nowMs: number): HostEngineState {
  if (each.do === 'host') return { ...state, host: { ...state.host, state: each.state } };
  if (each.do === 'check') {
    const check = state.checks[each.check];
    return check === undefined
      ? state
      : { ...state, checks: { ...state.checks, [each.check]: { ...check, state: each.state } } };
  }
  const run: RunSummary = {
    id: each.id,
    host: each.host,
    ladder: restart.id,
    action: restart.id,
    kind: each.kind,
    episode: 'e',
    attempt: 1,
    status: each.status,
    decidedAtMs: nowMs - each.ageMs,
  };
  return { ...state, runs: [...state.runs.filter(({ id }) => id !== run.id), run] };
}

type HostChange =
  | { do: 'check'; host: string; check: string; state: CheckState }
  | { do: 'host'; host: string; state: HostState }
  | { do: 'run'; host: string; id: string; kind: 'command' | 'notify'; status: RunStatus; ageMs: number };

test('since when a host is unhealthy, and when it was asked last, survive other definitions', () => {
  const plan = planFor('a', 'web');
  const healthy = initialHostState(plan, 0);
  const sick: HostEngineState = { ...healthy, host: { ...healthy.host, state: 'unreachable' } };
  const census = new Census();
  const definitions = wholeDefinitions([plan], remediationOf());
  census.reset(definitions, new Map([['a', healthy]]), 1);
  census.update(plan, sick, 100, 90);
  census.update(plan, sick, 200);
  census.reset(definitions, new Map([['a', sick]]), 300);
  expect(census.groups.get('fleet')?.members.get('a')).toMatchObject({
    unhealthySinceMs: 100,
    askedAtMs: 90,
  });
  census.update(plan, healthy, 400, 400);
  expect(census.groups.get('fleet')?.members.get('a')).toMatchObject({ unhealthySinceMs: 0, askedAtMs: 400 });
});

function stateWith(
  plan: HostPlan,
  change: Partial<CheckStatus>,
  host: Partial<HostStatus> = {},
): HostEngineState {
  const healthy = initialHostState(plan, 0);
  const running = { ...healthy.checks['app.running'], ...change } as CheckStatus;
  return {
    ...healthy,
    host: { ...healthy.host, ...host },
    checks: { ...healthy.checks, 'app.running': running },
  };
}

test('a start does not make hosts turn bad that were bad before it', () => {
  const plans = names.map((name) => planFor(name, 'web'));
  const [nowMs, hourMs] = [10 * 3_600_000, 3_600_000];
  const sick = { state: 'critical', sinceMs: nowMs - 30_000, problemSinceMs: nowMs - hourMs } as const;
  const lately = { ...sick, problemSinceMs: nowMs - 30_000 };
  const [a, b, c, d] = plans as [HostPlan, HostPlan, HostPlan, HostPlan];
  const census = new Census();
  const states = new Map<string, HostEngineState>([
    ['a', stateWith(a, sick)],
    ['b', stateWith(b, sick)],
    ['c', stateWith(c, lately, { state: 'unreachable', sinceMs: nowMs - 2 * hourMs })],
    ['d', stateWith(d, { ...sick, problemSinceMs: nowMs + hourMs })],
  ]);
  census.reset(wholeDefinitions(plans, remediationOf()), states, nowMs);
  const fleet = census.groups.get('fleet');
  expect([...(fleet?.members.values() ?? [])].map((member) => member.unhealthySinceMs)).toEqual([
    nowMs - hourMs,
    nowMs - hourMs,
    nowMs - 2 * hourMs,
    nowMs,
  ]);
  const rule = { ...remediationOf().selfDoubt, changedAbovePercent: 0, changedMin: 2 };
  const found = (): number | undefined =>
    fleet && (judgeChange(fleet, rule, nowMs)?.values['changed'] as number | undefined);
  expect(found()).toBeUndefined();
  census.update(a, stateWith(a, { state: 'ok' }), nowMs);
  census.update(a, stateWith(a, { ...sick, problemSinceMs: nowMs }), nowMs);
  expect(found()).toBe(2);
});

test('an answer from before the clock was set back is none', () => {
  const plan = planFor('a', 'web');
  const census = new Census();
  census.update(plan, initialHostState(plan, 0), 1_000, 1_000);
  census.update(plan, initialHostState(plan, 0), 500);
  expect(census.groups.get('fleet')?.members.get('a')?.askedAtMs).toBe(0);
});

test('a brake survives other definitions; one of a group that is empty now can still be seen and released', () => {
  const plans = [planFor('a', 'web')];
  const remediation = remediationOf({ groups: [{ label: 'role', maxConcurrent: 1 }] });
  const census = new Census();
  const states = new Map(plans.map((plan) => [plan.host.name, initialHostState(plan, 0)]));
  census.reset(wholeDefinitions(plans, remediation), states, 1);
  const brake = { cause: 'mass_failure' as const, sinceMs: 1, unhealthy: 1, hosts: 1, allowed: 0 };
  census.setBrake('role=web', { scope: 'role=web', ...brake });
  census.reset(wholeDefinitions([planFor('a', 'db')], remediation), states, 2);
  expect(census.groups.get('role=web')).toMatchObject({ unhealthy: 0, brake: { scope: 'role=web' } });
  census.setBrake('role=web', undefined);
  expect(census.groups.get('role=web')?.brake).toBeUndefined();
});

function waitedEveryMs(...checks: HostPlan['checks'][number][]): number | undefined {
  const plan = planOf(checks, [], 'a');
  const census = new Census();
  census.update(plan, initialHostState(plan, 0), 1);
  return census.groups.get('fleet')?.members.get('a')?.askedEveryMs;
}

test('a host that is asked seldom is not waited for', () => {
  const rare = checkOf('rare', { timing: { kind: 'interval', everyMs: 300_001 } });
  const nightly = checkOf('nightly', { timing: { kind: 'calendar', cron: '0 3 * * *', timezone: 'UTC' } });
  const often = checkOf('often', { timing: { kind: 'interval', everyMs: 300_000 } });
  expect(waitedEveryMs(rare, nightly)).toBeUndefined();
  expect(waitedEveryMs(rare, often, checkOf('running'))).toBe(10_000);
  expect(waitedEveryMs(rare, often)).toBe(300_000);
});
