import { expect, test } from 'vitest';
import { gateNames } from '../../core/decisions.ts';
import { explainLadder } from '../../core/explain.ts';
import { checkOf, ladderOf, page, planOf, reboot, restart } from '../support/definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

const running = checkOf('running');
const ladder = ladderOf([restart, reboot, page]);
const started = 'app.restart act act';

function hostWith(...rungs: Parameters<typeof ladderOf>[0]): SimulatedHost {
  return new SimulatedHost(planOf([running], [ladderOf(rungs)])).results('ok');
}

test('a problem that reached its attempts is acted on, once', () => {
  const host = hostWith(restart).results('critical', 'critical', 'critical');
  expect(host.trace).toEqual([
    'app.restart held attempts_not_reached',
    started,
    'app.restart held run_in_progress',
  ]);
  expect(host.ledger.size).toBe(1);
});

test('warning and critical in turn still reach the attempts', () => {
  const host = new SimulatedHost(
    planOf([checkOf('running', { maxAttempts: 4 })], [ladderOf([restart], { attempts: 4 })]),
  );
  host.results('warning', 'critical', 'warning', 'critical');
  expect(host.trace.at(-1)).toBe(started);
});

test('a healthy sibling check cancels nothing', () => {
  const plan = planOf([running, checkOf('sibling')], [ladderOf([restart])]);
  const host = new SimulatedHost(plan).results('critical');
  host.result('ok', 'app.sibling').pass(10_000).result('critical');
  expect(host.trace.at(-1)).toBe(started);
});

test('healed: verified only when the check is OK and stayed OK', () => {
  const host = hostWith(restart).results('critical', 'critical');
  host.move('dispatched').move('verifying').results('ok', 'ok');
  expect(host.openRun?.status).toBe('verifying');
  host.results('ok');
  expect(host.trace.at(-1)).toBe('app.restart verified');
  expect(host.openRun).toBeUndefined();
});

test('an OK that began before the action ended is no evidence', () => {
  const host = hostWith(restart).results('critical', 'critical');
  host.move('dispatched').pass(60_000).move('verifying');
  const early = {
    state: 'ok' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs: host.nowMs - 5_000,
    durationMs: 5_000,
  };
  host.apply({ kind: 'result', check: 'app.running', result: early, viaHost: true });
  expect(host.openRun?.verifyOkSinceMs).toBeUndefined();
});

test('the ladder climbs: failed verification, then the next rung, then a page, then it gave up', () => {
  const host = hostWith(restart, reboot, page).results('critical', 'critical');
  host.move('dispatched').move('verifying').results('critical', 'critical', 'critical');
  expect(host.trace).toContain('app.restart not_verified');
  host.results('critical');
  expect(host.trace.at(-1)).toBe('app.reboot act act');
  host.move('dispatched').move('failed').results('critical');
  expect(host.trace.at(-1)).toBe('app.page act act');
  host.move('dispatched').move('done').results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.page gave_up gave_up');
  expect([...host.ledger.values()].map((run) => run.action)).toEqual([
    'app.restart',
    'app.reboot',
    'app.page',
  ]);
});

test('a check that is OK for a moment and breaks again is the same trouble: the ladder climbs', () => {
  const host = hostWith(restart, reboot).results('critical', 'critical');
  host.move('dispatched').move('verifying').results('ok', 'critical');
  expect(host.trace).toContain('app.restart not_verified');
  host.results('critical');
  expect(host.trace.at(-1)).toBe('app.reboot act act');
});

test('after recovery the ladder is armed again, from its first rung', () => {
  const host = hostWith(restart, reboot, page).results('critical', 'critical');
  host.move('dispatched').move('failed').results('critical').move('dispatched').move('failed');
  host.results('critical').move('dispatched').move('done').results('critical');
  expect(host.trace.at(-1)).toBe('app.page gave_up gave_up');
  host.results('ok', ...Array.from({ length: 40 }, () => 'ok' as const));
  expect(host.effects.filter((effect) => effect.kind === 'recovered')).toHaveLength(1);
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe(started);
});

test('cooldown holds after a failure too, and says until when', () => {
  const host = hostWith({ ...restart, maxRuns: { runs: 9, perMs: 3_600_000 } }).results(
    'critical',
    'critical',
  );
  host.move('dispatched').move('verifying').results('ok', 'ok', 'ok');
  const endedMs = host.nowMs;
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held cooldown');
  const gate = host.decisions.at(-1)?.gates.find((each) => each.gate === 'cooldown');
  expect(gate?.opensAtMs).toBe(endedMs + restart.cooldownMs);
});

test('more runs than the window allows use the rung up', () => {
  const eager = { ...restart, cooldownMs: 0, maxRuns: { runs: 2, perMs: 3_600_000 } };
  const plan = planOf([checkOf('running', { flapping: null })], [ladderOf([eager, page])]);
  const host = new SimulatedHost(plan).results('ok');
  for (let round = 0; round < 2; round += 1) {
    host.results('critical', 'critical').move('dispatched').move('verifying').results('ok', 'ok', 'ok', 'ok');
  }
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.page act act');
  expect([...host.ledger.values()].filter((run) => run.action === eager.id)).toHaveLength(2);
});

test('a run that never reached the target spends nothing', () => {
  const host = hostWith({ ...restart, maxRuns: { runs: 1, perMs: 3_600_000 } }).results(
    'critical',
    'critical',
  );
  host.move('cancelled').results('critical');
  expect(host.trace.at(-1)).toBe(started);
  expect([...host.ledger.keys()].map((id) => id.split('~').at(-1))).toEqual(['1', '2']);
});

test('an unreachable host is never acted on, and its checks keep their state', () => {
  const host = hostWith(restart).results('critical');
  host.cutOff().cutOff().cutOff();
  expect(host.state.checks['app.running']?.problemResults).toBe(1);
  expect(host.state.host).toMatchObject({ state: 'unreachable', failure: { stage: 'connect' } });
  const local = {
    state: 'critical' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs: host.nowMs,
    durationMs: 1,
  };
  host.apply({ kind: 'result', check: 'app.running', result: local, viaHost: false });
  expect(host.trace.at(-1)).toBe('app.restart held host_unreachable');
});

test('ten failures in one second are one attempt of the host', () => {
  const host = hostWith(restart);
  for (let i = 0; i < 10; i += 1) host.pass(100).cutOff();
  expect(host.state.host).toMatchObject({ type: 'soft', attempt: 1 });
  host.pass(10_000).cutOff().pass(10_000).cutOff();
  expect(host.state.host).toMatchObject({ type: 'hard', attempt: 3 });
});

test('flapping holds the repair, and people are told once', () => {
  const host = hostWith(restart, page);
  const wild = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? 'critical' : 'ok'));
  const plan = planOf([checkOf('running', { maxAttempts: 1 })], [ladderOf([restart, page], { attempts: 3 })]);
  const flapper = new SimulatedHost(plan)
    .results(...wild)
    .results('critical', 'critical', 'critical', 'critical');
  expect(host.ledger.size).toBe(0);
  expect(flapper.trace).toContain('app.restart held flapping');
  expect([...flapper.ledger.values()].map((run) => run.action)).toEqual(['app.page']);
});

test('changes that our own action caused do not count as flapping', () => {
  const host = hostWith(restart).results('critical', 'critical');
  host.move('dispatched').move('verifying').results('ok');
  const flap = host.state.checks['app.running']?.flap;
  expect(flap?.percentWithoutActions).toBeLessThan(flap?.percent ?? 0);
  expect(host.transitions.at(-1)).toMatchObject({ to: 'ok', afterAction: true });
});

test('paused: nothing is repaired, and people are still told', () => {
  const host = hostWith(restart, page);
  host.fleet = { ...host.fleet, paused: { sinceMs: host.nowMs, by: 'ann', reason: 'maintenance' } };
  host.results('critical', 'critical');
  expect(host.trace).toEqual(['app.restart held paused', 'app.restart held paused', 'app.page act paused']);
  expect([...host.ledger.values()].map((run) => run.kind)).toEqual(['notify']);
});

test('observe: what would act is told apart from what would not, and nothing acts', () => {
  const host = hostWith(restart, page);
  host.fleet = { ...host.fleet, mode: 'observe' };
  host.results('critical', 'critical', 'critical');
  expect(host.trace).toEqual([
    'app.restart held attempts_not_reached',
    'app.restart would_act observe_mode',
    'app.restart would_act observe_mode',
  ]);
  expect(host.ledger.size).toBe(0);
});

test('a dependency that is down suppresses the action and names the root', () => {
  const checks = [
    checkOf('base'),
    checkOf('middle', { dependsOn: ['app.base'] }),
    checkOf('running', { dependsOn: ['app.middle'] }),
  ];
  const host = new SimulatedHost(planOf(checks, [ladderOf([restart])]));
  host.result('critical', 'app.base').result('critical', 'app.middle').results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held dependency_down');
  expect(host.state.checks['app.running']?.suppressedBy).toBe('app.base');
});

test('after a crash nothing acts before a fresh result, and what was sent is not sent again', () => {
  const host = hostWith(restart).results('critical', 'critical').move('dispatched').crash();
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held run_in_progress');
  expect(host.ledger.size).toBe(1);
  expect(host.openRun?.status).toBe('unknown');
});

test('after a crash a stored problem alone does not act', () => {
  const host = hostWith(restart).results('critical', 'critical').crash();
  const [ladderNow] = host.plan.ladders;
  const check = host.state.checks['app.running'];
  if (ladderNow === undefined || check === undefined) throw new Error('no ladder');
  const { host: hostStatus, runs: hostRuns } = host.state;
  const context = {
    host: 'web-1',
    plan: host.plan,
    ladder: ladderNow,
    check,
    hostStatus,
    hostRuns,
    approvals: [],
    facts: {},
    fleet: { ...host.fleet, freshSinceMs: host.nowMs + 1 },
    nowMs: host.nowMs,
  };
  const { gates } = explainLadder(context);
  expect(gates.find((gate) => gate.gate === 'fresh_result')?.passed).toBe(false);
});

test('a run whose definition went away ends as inconclusive and frees its host', () => {
  const host = hostWith(restart).results('critical', 'critical').move('dispatched').move('verifying');
  const bare = new SimulatedHost(planOf([running], []));
  bare.state = { ...host.state };
  for (const [id, run] of host.ledger) bare.ledger.set(id, run);
  bare.nowMs = host.nowMs;
  bare.apply({ kind: 'tick' });
  expect(bare.openRun).toBeUndefined();
  expect([...bare.ledger.values()][0]?.status).toBe('inconclusive');
});

test('no result in the whole verification window is inconclusive, not a failure', () => {
  const host = hostWith(restart, reboot)
    .results('critical', 'critical')
    .move('dispatched')
    .pass(1)
    .move('verifying');
  host.cutOff().pass(31_000).apply({ kind: 'tick' });
  expect(host.trace.at(-1)).toBe('app.restart inconclusive');
});

test('explain names every gate, what it saw and the earliest time', () => {
  const host = hostWith(restart)
    .results('critical', 'critical')
    .move('dispatched')
    .move('verifying')
    .results('ok', 'ok', 'ok');
  host.results('critical', 'critical');
  const check = host.state.checks['app.running'];
  if (check === undefined) throw new Error('no check');
  const { host: hostStatus, runs: hostRuns } = host.state;
  const told = explainLadder({
    host: 'web-1',
    plan: host.plan,
    ladder: ladderOf([restart]),
    check,
    hostStatus,
    hostRuns,
    approvals: [],
    facts: {},
    fleet: host.fleet,
    nowMs: host.nowMs,
  });
  expect(told).toMatchObject({ verdict: 'held', reason: 'cooldown' });
  expect(told.gates.map(({ gate }) => gate)).toEqual(gateNames);
  expect(told.earliestMs).toBeGreaterThan(host.nowMs);
  expect(ladder.rungs).toHaveLength(3);
});
