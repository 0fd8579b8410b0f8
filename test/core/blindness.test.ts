/** What was not seen is no evidence, neither for acting nor for climbing. */
import { expect, test } from 'vitest';
import { initialHostState } from '../../core/engine.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import { spends } from '../../core/ladder.ts';
import { contextOf } from '../../core/ladder-context.ts';
import { judgeResult, judgeTime } from '../../core/verification.ts';
import { checkOf, ladderOf, planOf, reboot, restart } from '../support/definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

test('a host that went away before the deadline of its verification was not seen to fail it', () => {
  const host = new SimulatedHost(planOf([checkOf('running')], [ladderOf([restart, reboot])]));
  host.results('ok', 'critical', 'critical').move('dispatched').move('verifying');
  host.pass(1_000).result('critical').pass(5_000).cutOff();
  host.pass(30_000).apply({ kind: 'tick' });
  expect(host.trace.at(-1)).toBe('app.restart inconclusive');
  host.results('critical');
  expect(host.trace.at(-1)).toBe('app.restart held cooldown');
});

test('a longer window in new definitions does not make what was seen before the action evidence', () => {
  const run = {
    id: 'a',
    host: 'web-1',
    ladder: 'app.restart',
    action: 'app.restart',
    kind: 'command' as const,
    episode: 'e',
    attempt: 1,
    status: 'verifying' as const,
    decidedAtMs: 100_000,
    dispatchedAtMs: 101_000,
    verifyByMs: 130_000,
  };
  const rule = { withinMs: 600_000, staysOkMs: 0 };
  const before = {
    state: 'ok' as const,
    text: '',
    longText: '',
    perfdata: [],
    startedAtMs: 100_500,
    durationMs: 600,
  };
  expect(judgeResult(run, rule, before, 102_000)).toEqual({ kind: 'waiting' });
  expect(judgeTime(run, rule, false, 131_000)).toMatchObject({ status: 'inconclusive' });
});

test('after a start nothing acts before what the check depends on has been asked as well', () => {
  const checks = [checkOf('base'), checkOf('running', { dependsOn: ['app.base'] })];
  const host = new SimulatedHost(planOf(checks, [ladderOf([restart])]));
  host.result('ok', 'app.base').results('ok', 'critical').crash();
  host.results('critical', 'critical');
  expect(host.trace.at(-1)).toBe('app.restart held no_fresh_result');
  const gate = host.decisions.at(-1)?.gates.find((each) => each.gate === 'fresh_result');
  expect(gate?.values['dependsOn']).toBe('app.base');
  host.result('ok', 'app.base').results('critical');
  expect(host.trace.at(-1)).toBe('app.restart act act');
});

test('what the core says is spent is what the ledger counts', () => {
  const run = {
    id: 'a',
    host: 'web-1',
    ladder: 'l',
    action: 'a',
    kind: 'command' as const,
    episode: 'e',
    attempt: 1,
    decidedAtMs: 1,
  };
  expect(spends({ ...run, status: 'cancelled' })).toBe(false);
  expect(spends({ ...run, status: 'cancelled', dispatchedAtMs: 2 })).toBe(true);
  expect(spends({ ...run, status: 'refused', dispatchedAtMs: 2 })).toBe(false);
});

test('an answer that lies in the future, since the clock was set back, tells nothing of a cause', () => {
  const nowMs = 1_000_000;
  const ladder = ladderOf([restart]);
  const plan = planOf([checkOf('base'), checkOf('running', { dependsOn: ['app.base'] })], [ladder]);
  const state = initialHostState(plan, 0);
  const { 'app.base': base } = state.checks;
  if (base === undefined) throw new Error('no check');
  const unasked = (startedAtMs: number) => {
    const lastResult = {
      state: 'ok' as const,
      text: '',
      longText: '',
      perfdata: [],
      startedAtMs,
      durationMs: 1,
    };
    const checks = { ...state.checks, 'app.base': { ...base, lastResult } };
    return contextOf({ ...state, checks }, plan, ladder, { freshSinceMs: 500 } as FleetView, nowMs)?.unasked;
  };
  expect([499, 500, nowMs, nowMs + 1].map(unasked)).toEqual(['app.base', undefined, undefined, 'app.base']);
});
