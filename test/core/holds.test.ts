/** One host through the reducer: what holds a repair, what people are asked, what follows a recovery. */
import { expect, test } from 'vitest';
import type { ActionDefinition, TriggerDefinition } from '../../core/definitions.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import type { ActiveSuppression } from '../../core/safety.ts';
import { checkOf, ladderOf, page, planOf, reboot, restart } from '../support/definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

const steady = checkOf('running', { flapping: null });
const approved: ActionDefinition = { ...restart, mode: 'approve', approveWithinMs: 600_000 };
const proposed: ActionDefinition = { ...restart, mode: 'propose' };
const acted = 'app.restart act act';

function hostWith(rungs: ActionDefinition[], trigger: Partial<TriggerDefinition> = {}): SimulatedHost {
  return new SimulatedHost(planOf([steady], [ladderOf(rungs, trigger)])).results('ok');
}

function look(host: SimulatedHost, more: Partial<FleetView>): SimulatedHost {
  host.fleet = { ...host.fleet, ...more };
  return host;
}

function suppress(host: SimulatedHost, ...active: Partial<ActiveSuppression>[]): SimulatedHost {
  const all = active.map((each) => ({
    id: 's',
    kind: 'downtime' as const,
    by: 'ann',
    reason: 'move',
    ...each,
  }));
  return look(host, { suppressions: new Map([['web-1', all]]) });
}

function heal(host: SimulatedHost): SimulatedHost {
  return host.move('dispatched').move('verifying').results('ok', 'ok', 'ok', 'ok');
}

const sent = (host: SimulatedHost, action = restart.id): number =>
  [...host.ledger.values()].filter((run) => run.action === action).length;

test('downtime holds, and what is still broken at its end is healed', () => {
  const host = suppress(hostWith([restart, page]), { untilMs: 1 }).results(
    'critical',
    'critical',
    'critical',
  );
  expect(host.trace.at(-1)).toBe('app.restart held in_downtime');
  expect(host.ledger.size, 'people are left alone as well').toBe(0);
  look(host, { suppressions: new Map() }).results('critical');
  expect(host.trace.at(-1)).toBe(acted);
});

test('flexible downtime begins with the problem and covers only one that begins in its window', () => {
  const host = hostWith([restart]);
  const fromMs = host.nowMs;
  suppress(host, { flexible: { fromMs, toMs: fromMs + 20_000, lastsMs: 40_000 } });
  host.results('critical', 'critical', 'critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held in_downtime');
  host.results('critical');
  expect(host.trace.at(-1), '40 s after the problem began').toBe(acted);
  const late = hostWith([restart]);
  suppress(late, { flexible: { fromMs, toMs: fromMs + 20_000, lastsMs: 40_000 } });
  late.pass(20_000).results('critical', 'critical');
  expect(late.trace.at(-1)).toBe(acted);
});

test('an acknowledgement covers one problem, and without sticky one state of it', () => {
  for (const sticky of [false, true]) {
    const host = hostWith([restart]).results('warning');
    const problem = { sinceMs: host.nowMs, state: 'warning' as const, sticky };
    suppress(host, { kind: 'acknowledgement', checks: new Set(['app.running']), problem });
    host.results('warning', 'warning');
    expect(host.trace.at(-1)).toBe('app.restart held acknowledged');
    host.results('critical');
    expect(host.trace.at(-1)).toBe(sticky ? 'app.restart held acknowledged' : acted);
    if (!sticky) continue;
    host.results('ok', 'warning', 'warning');
    expect(host.trace.at(-1), 'another problem').toBe(acted);
  }
});

test('a silence holds what it matches', () => {
  const host = suppress(hostWith([restart]), { kind: 'silence', checks: new Set(['app.running']) });
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held silenced');
  suppress(host, { kind: 'silence', checks: new Set(['app.other']) }).results('critical');
  expect(host.trace.at(-1)).toBe(acted);
});

test('times within: results that alternate with OK count; old ones do not', () => {
  const often = { attempts: 1, times: { count: 3, withinMs: 60_000 } };
  const host = hostWith([restart], often).results('critical', 'ok', 'critical', 'ok');
  expect(host.trace.at(-1)).toBe('app.restart held too_few_in_window');
  host.results('critical');
  expect(host.trace.at(-1)).toBe(acted);
  const seldom = hostWith([restart], often);
  for (let i = 0; i < 20; i += 1) seldom.results('critical', 'ok').pass(20_000);
  expect(seldom.ledger.size).toBe(0);
});

test('for: a restart of the daemon does not count time in which nobody looked', () => {
  const host = hostWith([restart], { forMs: 30_000 }).results('critical', 'critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held too_short');
  host.pass(3_600_000).crash().results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held too_short');
  host.results('critical');
  expect(host.trace.at(-1)).toBe(acted);
});

test('approve: asked once, and a yes acts at once', () => {
  const host = hostWith([approved, page]).results('critical', 'critical', 'critical', 'critical');
  expect(host.count('ask')).toBe(1);
  expect(host.ledger.size).toBe(0);
  host.pass(1_000).answer('approved');
  expect(host.trace.at(-1)).toBe(acted);
  expect(host.ledger.size).toBe(1);
});

test('approve: no, or no answer, leads to the next rung', () => {
  for (const answer of ['rejected', 'expired'] as const) {
    const host = hostWith([approved, page]).results('critical', 'critical').answer(answer);
    expect(host.trace.at(-1), answer).toBe('app.page act act');
    expect(sent(host)).toBe(0);
  }
});

test('approve: the time for an answer passes even if nobody writes that down', () => {
  const host = hostWith([approved, page]).results('critical', 'critical').pass(600_000).results('critical');
  expect(host.trace.at(-1)).toBe('app.page act act');
  const held = hostWith([approved, reboot]).results('critical', 'critical');
  look(held, { paused: { sinceMs: held.nowMs, by: 'ann', reason: 'move' } }).answer('approved');
  const { paused: _over, ...fleet } = held.fleet;
  held.fleet = fleet;
  held.pass(600_000).results('critical');
  expect(held.trace.at(-1), 'a yes that could not be used in time').toBe('app.reboot act act');
});

test('approve: a yes that was used is not held against the next run', () => {
  const host = hostWith([{ ...approved, cooldownMs: 0 }, page])
    .results('critical', 'critical')
    .answer('approved');
  host.pass(1).move('dispatched').move('verifying').cutOff().pass(60_000).apply({ kind: 'tick' });
  expect(host.trace.at(-1)).toBe('app.restart inconclusive');
  host.pass(700_000).results('critical');
  expect(host.trace.at(-1)).toBe('app.restart held approval_wanted');
  expect(host.count('ask')).toBe(2);
});

test('approve: a yes after the trouble is gone does nothing, and counts for no later problem', () => {
  const host = hostWith([approved]).results('critical', 'critical', 'ok').answer('approved');
  expect(host.ledger.size).toBe(0);
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held approval_wanted');
  expect(host.count('ask')).toBe(2);
});

test('propose: told, never done', () => {
  const host = hostWith([proposed, page]).results('critical', 'critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart would_act propose_mode');
  expect(host.count('propose')).toBeGreaterThan(0);
  expect(host.ledger.size).toBe(0);
});

test('an action that lost trust asks, and of all modes the tightest holds', () => {
  const cap = { action: restart.id, sinceMs: 0, by: 'rule', reason: 'failed' };
  const host = hostWith([restart]);
  look(host, { caps: new Map([[restart.id, { ...cap, mode: 'approve' }]]) }).results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held approval_wanted');
  const loose = look(hostWith([proposed]), { caps: new Map([[restart.id, { ...cap, mode: 'auto' }]]) });
  loose.results('critical', 'critical');
  expect(loose.trace.at(-1)).toBe('app.restart would_act propose_mode');
});

const careful: ActionDefinition = { ...restart, humanIntent: true, minUptimeMs: 600_000 };

test('facts: the target is asked only when all else is open, and acts upon the answer at once', () => {
  const host = hostWith([careful]).results('critical');
  expect(host.count('probe')).toBe(0);
  host.results('critical');
  expect(host.count('probe')).toBe(1);
  expect(host.trace.at(-1)).toBe(acted);
});

test('facts: no answer, no action; it is asked again at the next result', () => {
  const host = hostWith([careful]);
  host.facts = undefined;
  host.results('critical', 'critical', 'critical');
  expect(host.count('probe')).toBe(2);
  expect(host.ledger.size).toBe(0);
});

test('facts: a person at work and a young boot hold, and old answers are asked again', () => {
  const host = hostWith([careful]);
  const people = [{ kind: 'lock_file' as const, text: '/run/mendd/hold' }];
  host.facts = { bootId: 'b', uptimeSec: 86_400, people };
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held human_intent');
  host.facts = { bootId: 'b', uptimeSec: 60, people: [] };
  host.results('critical');
  expect(host.trace.at(-1)).toBe('app.restart held booted_lately');
  host.facts = { bootId: 'b', uptimeSec: 700, people: [] };
  host.results('critical');
  expect(host.trace.at(-1)).toBe(acted);
  expect(host.count('probe')).toBe(3);
});

test('chronic: told instead of restarted, and told again no more than every hour', () => {
  const chronic = {
    ...restart,
    cooldownMs: 0,
    maxRuns: { runs: 100, perMs: 3_600_000 },
    chronic: { runs: 2, perMs: 86_400_000 },
  };
  const host = hostWith([chronic, page]);
  for (let i = 0; i < 2; i += 1) heal(host.results('critical', 'critical'));
  host.results('critical', 'critical');
  expect(host.trace.slice(-2)).toEqual(['app.restart held chronic', 'app.page act chronic']);
  host.move('dispatched').move('done').results('critical', 'critical');
  for (let i = 0; i < 60; i += 1) {
    host.results('ok', 'critical', 'critical');
    if (host.openRun?.status === 'intended') host.move('dispatched').move('done');
  }
  expect(sent(host)).toBe(2);
  expect(sent(host, page.id), 'in half an hour').toBe(1);
});

test('a budget that holds for long, a ledger that is not trusted: people are told meanwhile', () => {
  const spent = hostWith([restart, page]);
  look(spent, { limits: { ...spent.fleet.limits, maxRunsPerHost: { runs: 1, perMs: 3_600_000 } } });
  heal(spent.results('critical', 'critical')).pass(300_000).results('critical', 'critical');
  expect(spent.trace.slice(-2)).toEqual([
    'app.restart held host_budget_spent',
    'app.page act host_budget_spent',
  ]);
  const quarantine = { cause: 'restored' as const, sinceMs: 0, text: 'old' };
  const restored = look(hostWith([restart, page]), { quarantine }).results('critical', 'critical');
  expect(restored.trace.slice(-2)).toEqual([
    'app.restart held ledger_not_trusted',
    'app.page act ledger_not_trusted',
  ]);
});

test('a check that flaps for a day: few actions, few messages', () => {
  const plan = planOf([checkOf('running')], [ladderOf([restart, reboot, page])]);
  const host = new SimulatedHost(plan).results('ok');
  for (let second = 0; second < 86_400; second += 10) {
    host.results(second % 60 < 20 ? 'critical' : 'ok');
    const { openRun } = host;
    if (openRun?.status !== 'intended') continue;
    host.move('dispatched').move(openRun.kind === 'notify' ? 'done' : 'verifying');
  }
  const runs = [...host.ledger.values()];
  expect(runs.filter(({ kind }) => kind !== 'notify').length).toBeLessThanOrEqual(10);
  expect(runs.filter(({ kind }) => kind === 'notify').length).toBeLessThanOrEqual(26);
});

function askedSoon(host: SimulatedHost, check: string): number {
  return host.effects.filter((effect) => effect.kind === 'check_soon' && effect.check === check).length;
}

test('what a check depends on is asked before anything acts, at once, however seldom that is done else', () => {
  const base = checkOf('base', { timing: { kind: 'interval', everyMs: 3_600_000 } });
  const checks = [base, { ...steady, dependsOn: ['app.base'] }];
  for (const state of ['critical', 'ok'] as const) {
    const host = new SimulatedHost(planOf(checks, [ladderOf([restart])]))
      .result('ok', 'app.base')
      .results('ok');
    expect(askedSoon(host, 'app.base')).toBe(0);
    host.results('critical');
    expect(host.trace.at(-1)).toBe('app.restart held no_fresh_result');
    expect(askedSoon(host, 'app.base')).toBe(1);
    host.pass(1_000).result(state, 'app.base').results('critical');
    expect(host.trace.at(-1)).toBe(state === 'ok' ? acted : 'app.restart held dependency_down');
    expect(askedSoon(host, 'app.base')).toBe(1);
  }
});
