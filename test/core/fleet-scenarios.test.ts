/** Whole fleets through the reducer: what one host alone cannot show. */
import { expect, test } from 'vitest';
import type { CheckDefinition, HostPlan } from '../../core/definitions.ts';
import type { RemediationConfig } from '../../core/remediation-config.ts';
import { isOpen } from '../../core/types.ts';
import { actionOf, checkOf, ladderOf, page, planOf, reboot, restart } from '../support/definitions.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

const minuteMs = 60_000;
const brake: RemediationConfig['brake'] = {
  unhealthyAbovePercent: 30,
  minUnhealthy: 2,
  label: 'role',
  release: { kind: 'auto', afterMs: 10 * minuteMs },
};
const powerCycle = actionOf('cycle', { kind: 'command', run: 'ipmitool' }, { runOn: { kind: 'local' } });

function web(index: number, plan: Pick<HostPlan, 'checks' | 'ladders'>, parents: string[] = []): HostPlan {
  const made = planOf([...plan.checks], [...plan.ladders], `web-${index}`);
  return { ...made, host: { ...made.host, labels: { role: 'web' }, parents } };
}

function fleetOf(
  count: number,
  plan: Pick<HostPlan, 'checks' | 'ladders'>,
  remediation: Partial<RemediationConfig> = { brake },
): SimulatedFleet {
  const plans = Array.from({ length: count }, (_, index) => web(index + 1, plan));
  return new SimulatedFleet(plans, remediation).pass(10 * minuteMs);
}

const everies = [10_000, 60_000, 300_000];
const kinds: [name: string, check: Partial<CheckDefinition>][] = [
  ['attempts 1', { maxAttempts: 1 }],
  ['attempts 3', { maxAttempts: 3 }],
  ['attempts 3, retried faster than every', { maxAttempts: 3, retryEveryMs: 2_000 }],
  ['attempts 3, retried faster than every for long', { maxAttempts: 100, retryEveryMs: 2_000 }],
];

for (const everyMs of everies) {
  for (const [name, check] of kinds) {
    test(`40% of a group fails at once: nothing acts (${name}, every ${everyMs / 1_000} s)`, () => {
      const steady = { ...check, timing: { kind: 'interval' as const, everyMs }, flapping: null };
      // Another check that is asked often must not stand for the one that failed.
      const often = checkOf('often', { timing: { kind: 'interval', everyMs: 5_000 } });
      const attempts = Math.min(check.maxAttempts ?? 1, 3);
      const fleet = fleetOf(10, {
        checks: [checkOf('running', steady), often],
        ladders: [ladderOf([restart, page], { attempts })],
      });
      const sick = new Set(['web-2', 'web-5', 'web-6', 'web-9']);
      fleet.truth = (host, id) => (sick.has(host) && id === 'app.running' ? 'critical' : 'ok');
      fleet.pass(30 * minuteMs);
      expect(fleet.sent).toEqual([]);
      expect(fleet.brakes.map((each) => each.split('@')[0])).toEqual(['+fleet', '+role=web']);
      sick.clear();
      fleet.pass(20 * minuteMs);
      expect(fleet.brakes.map((each) => each.split('@')[0])).toEqual([
        '+fleet',
        '+role=web',
        '-fleet',
        '-role=web',
      ]);
      sick.add('web-3');
      fleet.pass(30 * minuteMs);
      expect(
        fleet.sent.map(({ host }) => host),
        'released by rule',
      ).toContain('web-3');
    });
  }
}

test('30% of a group, which is allowed, is healed', () => {
  const fleet = fleetOf(10, { checks: [checkOf('running')], ladders: [ladderOf([restart])] });
  const sick = new Set(['web-2', 'web-5', 'web-6']);
  fleet.truth = (host) => (sick.has(host) ? 'critical' : 'ok');
  fleet.pass(5 * minuteMs);
  expect(new Set(fleet.sent.map(({ host }) => host))).toEqual(sick);
  expect(fleet.brakes).toEqual([]);
});

test('a host that is sick alone is healed as soon as the others were asked', () => {
  const fleet = fleetOf(10, {
    checks: [checkOf('running', { maxAttempts: 1 })],
    ladders: [ladderOf([restart], { attempts: 1 })],
  });
  fleet.truth = (host) => (host === 'web-4' ? 'critical' : 'ok');
  const beganMs = fleet.nowMs;
  fleet.pass(minuteMs);
  expect(fleet.sent.map(({ host }) => host)).toEqual(['web-4']);
  expect((fleet.sent[0]?.decidedAtMs ?? 0) - beganMs).toBeLessThanOrEqual(30_000);
  expect(fleet.host('web-4').trace).toContain('app.restart held round_pending');
});

test('a host that hangs and is never asked again holds the others up for a bounded time only', () => {
  const fleet = fleetOf(5, { checks: [checkOf('running')], ladders: [ladderOf([restart])] }, { brake });
  const hung = fleet.host('web-5');
  fleet.hosts.delete('web-5');
  fleet.truth = (host) => (host === 'web-1' ? 'critical' : 'ok');
  fleet.pass(2 * minuteMs);
  expect(fleet.sent.map(({ host }) => host)).toEqual(['web-1']);
  expect(hung.ledger.size).toBe(0);
});

test('two hosts of one group want a reboot at once: one', () => {
  const guarded = { ...reboot, guard: { per: 'role', maxConcurrent: 1 } };
  const fleet = fleetOf(6, { checks: [checkOf('running')], ladders: [ladderOf([guarded])] }, { brake: null });
  fleet.truth = (host) => (host === 'web-1' || host === 'web-2' ? 'critical' : 'ok');
  for (let second = 0; second < 120; second += 1) {
    fleet.pass(1_000);
    expect(fleet.runs.filter(isOpen).length).toBeLessThanOrEqual(1);
  }
  expect(fleet.sent.length, 'the second after the first').toBe(2);
});

test('quorum: no action takes the group below its share of hosts that are healthy and left alone', () => {
  const guarded = { ...reboot, guard: { per: 'role', minHealthyPercent: 75 } };
  const fleet = fleetOf(4, { checks: [checkOf('running')], ladders: [ladderOf([guarded])] }, { brake: null });
  const sick = new Set(['web-1', 'web-2']);
  fleet.truth = (host) => (sick.has(host) ? 'critical' : 'ok');
  fleet.pass(5 * minuteMs);
  expect(fleet.sent).toEqual([]);
  expect(fleet.host('web-1').trace.at(-1)).toBe('app.reboot held too_few_healthy');
  sick.delete('web-2');
  fleet.pass(minuteMs);
  expect(fleet.sent.map(({ host }) => host)).toEqual(['web-1']);
});

const downPlan = {
  checks: [checkOf('running')],
  ladders: [
    ladderOf([powerCycle, page], { check: 'host', states: ['critical'], attempts: 1, forMs: minuteMs }),
  ],
};

test('a host that is down: acted on from elsewhere, after `for`, when others can be reached', () => {
  const fleet = fleetOf(4, downPlan);
  fleet.truth = (host) => (host === 'web-3' ? 'cut' : 'ok');
  const beganMs = fleet.nowMs;
  fleet.pass(3 * minuteMs);
  const [first] = fleet.sent;
  expect(first?.host).toBe('web-3');
  expect((first?.decidedAtMs ?? 0) - beganMs).toBeGreaterThanOrEqual(minuteMs);
  expect(fleet.host('web-3').trace).toContain('app.cycle held too_short');
});

test('the ops box cut off: nothing acts, with a brake or without', () => {
  for (const rule of [brake, null]) {
    const fleet = fleetOf(6, downPlan, { brake: rule });
    fleet.truth = () => 'cut';
    fleet.pass(60 * minuteMs);
    expect(fleet.sent).toEqual([]);
    // One host that comes back shows that it was not the network, as far as can be known.
    fleet.truth = (host) => (host === 'web-1' ? 'ok' : 'cut');
    fleet.pass(10 * minuteMs);
    expect(fleet.sent.length > 0).toBe(rule === null);
  }
});

test('the only host of a fleet is down: it is not power-cycled, and people are told', () => {
  const toldOnly = {
    ...downPlan,
    ladders: [ladderOf([page], { check: 'host', states: ['critical'], attempts: 1 })],
  };
  const fleet = fleetOf(1, toldOnly);
  fleet.truth = () => 'cut';
  fleet.pass(4 * minuteMs);
  expect(fleet.runs).toEqual([]);
  fleet.pass(30 * minuteMs);
  expect(fleet.runs.map(({ action }) => action)).toEqual(['app.page']);
});

test('a host behind a parent that is down is nobody to act on; when the parent is back, it is', () => {
  const slow = checkOf('running', { timing: { kind: 'interval', everyMs: 120_000 } });
  const plans = [
    web(1, { ...downPlan, checks: [slow], ladders: [] }),
    web(2, downPlan, ['web-1']),
    web(3, downPlan),
    web(4, downPlan),
  ];
  const quick = plans.map((plan) => ({
    ...plan,
    ladders: plan.ladders.map((ladder) => ({ ...ladder, trigger: { ...ladder.trigger, forMs: 0 } })),
  }));
  const fleet = new SimulatedFleet(quick, { brake: null }).pass(10 * minuteMs);
  const cut = new Set(['web-1', 'web-2']);
  fleet.truth = (host) => (cut.has(host) ? 'cut' : 'ok');
  fleet.pass(20 * minuteMs);
  expect(fleet.sent, 'the parent is asked later than the host behind it').toEqual([]);
  expect(fleet.host('web-2').state.host.behind).toBe('web-1');
  expect(fleet.host('web-2').trace.at(-1)).toBe('app.cycle held parent_down');
  cut.delete('web-1');
  fleet.pass(5 * minuteMs);
  expect(fleet.sent.map(({ host }) => host)).toEqual(['web-2']);
});

test('another host key, a refused login, an unknown name: never acted on', () => {
  for (const stage of ['host_key', 'auth', 'dns', 'channel'] as const) {
    const fleet = fleetOf(3, downPlan);
    const host = fleet.host('web-2');
    for (let i = 0; i < 30; i += 1) {
      fleet.pass(10_000);
      host.nowMs = fleet.nowMs;
      host.cutOff(stage);
    }
    expect(host.ledger.size, stage).toBe(0);
  }
});

test('as many failures in a row as `attempts` says, also more than make a host down', () => {
  const five = {
    ...downPlan,
    ladders: [ladderOf([powerCycle], { check: 'host', states: ['critical'], attempts: 5 })],
  };
  const fleet = fleetOf(3, five);
  fleet.truth = (host) => (host === 'web-2' ? 'cut' : 'ok');
  fleet.pass(5 * minuteMs);
  expect(fleet.sent.map(({ host }) => host)).toEqual(['web-2']);
  expect(fleet.host('web-2').decisions.find(({ verdict }) => verdict === 'act')?.gates).toContainEqual(
    expect.objectContaining({ gate: 'attempts', values: { seen: 5, needed: 5 } }),
  );
});

test('a host that goes down and comes back all day: few actions, few messages', () => {
  const fleet = fleetOf(3, {
    ...downPlan,
    ladders: [ladderOf([powerCycle, page], { check: 'host', states: ['critical'], attempts: 1 })],
  });
  fleet.truth = (host) => (host === 'web-2' && fleet.second % 120 < 60 ? 'cut' : 'ok');
  fleet.pass(24 * 60 * minuteMs);
  expect(fleet.sent.length).toBeLessThanOrEqual(24 * 3);
  expect(fleet.runs.filter(({ kind }) => kind === 'notify').length).toBeLessThanOrEqual(24 * 4);
});
