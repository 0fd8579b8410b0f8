/** What follows a recovery: only after a repair, only once, and not lost when something holds it for a while. */
import { expect, test } from 'vitest';
import type { ActionDefinition, LadderDefinition } from '../../core/definitions.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import { actionOf, checkOf, ladderOf, page, planOf, restart } from '../support/definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

const warm: ActionDefinition = actionOf('warm', { kind: 'command', run: 'warm-cache' }, { cooldownMs: 0 });

function after(action: ActionDefinition): LadderDefinition {
  const trigger = { check: 'app.running', on: 'recovery' as const, states: [], attempts: 0, forMs: 0 };
  return { id: action.id, runbook: 'app', trigger, rungs: [action] };
}

function hostWith(action: ActionDefinition, ...rungs: ActionDefinition[]): SimulatedHost {
  const ladders = [ladderOf(rungs.length === 0 ? [restart, page] : rungs), after(action)];
  return new SimulatedHost(planOf([checkOf('running', { flapping: null })], ladders)).results('ok');
}

function heal(host: SimulatedHost): SimulatedHost {
  return host.results('critical', 'critical').move('dispatched').move('verifying').results('ok', 'ok', 'ok');
}

const warmed = (host: SimulatedHost): number =>
  [...host.ledger.values()].filter(({ action }) => action === warm.id).length;

function look(host: SimulatedHost, more: Partial<FleetView>): SimulatedHost {
  host.fleet = { ...host.fleet, ...more };
  return host;
}

test('once, after the repair is verified and not before', () => {
  const host = hostWith(warm).results('critical', 'critical').move('dispatched').move('verifying');
  host.results('ok', 'ok');
  expect(warmed(host)).toBe(0);
  host.results('ok');
  expect(host.trace.slice(-2).toSorted()).toEqual(['app.restart verified', 'app.warm act act']);
  host.move('dispatched').move('verifying').results('ok', 'ok', 'ok', 'ok');
  expect(warmed(host)).toBe(1);
  expect(host.openRun).toBeUndefined();
});

test('not when nothing was done, and not when only people were told', () => {
  const host = hostWith(warm).results('critical', 'ok', 'ok', 'critical', 'ok', 'ok');
  expect(warmed(host)).toBe(0);
  const told = hostWith(warm, page).results('critical', 'critical').move('dispatched').move('done');
  expect(told.results('ok', 'ok').trace.join()).not.toContain('app.warm');
});

test('not for a problem that ended by itself after one that was repaired', () => {
  const host = heal(hostWith(warm)).move('dispatched').move('verifying').results('ok', 'ok', 'ok', 'ok');
  host.results('critical', 'ok', 'ok', 'ok');
  expect(warmed(host)).toBe(1);
});

test('after a repair that failed and a recovery all the same', () => {
  const host = hostWith(warm).results('critical', 'critical').move('dispatched').move('failed').results('ok');
  expect(host.trace.at(-1)).toBe('app.warm act act');
});

test('not after a repair of which nobody knows whether it helped', () => {
  const host = hostWith(warm).results('critical', 'critical').move('dispatched').move('verifying');
  host.results('ok').cutOff().pass(120_000).apply({ kind: 'tick' });
  expect(host.trace.at(-1)).toBe('app.restart inconclusive');
  expect(warmed(host.results('ok', 'ok'))).toBe(0);
});

test('each repaired problem has its own', () => {
  const host = heal(hostWith(warm)).move('dispatched').move('verifying').results('ok', 'ok', 'ok', 'ok');
  host.pass(400_000);
  heal(host);
  expect(warmed(host)).toBe(2);
});

test('the target is asked for facts first where that is wanted', () => {
  const host = heal(hostWith({ ...warm, humanIntent: true }));
  expect(host.count('probe')).toBe(1);
  expect(host.trace.at(-1)).toBe('app.warm act act');
});

test('a person is asked first where that is wanted', () => {
  const host = heal(hostWith({ ...warm, mode: 'approve' })).results('ok', 'ok');
  expect(host.count('ask')).toBe(1);
  expect(warmed(host)).toBe(0);
  host.answer('approved');
  expect(warmed(host)).toBe(1);
});

test('a yes after a restart of the daemon still counts, one after another problem does not', () => {
  const host = heal(hostWith({ ...warm, mode: 'approve' }))
    .pass(1)
    .crash()
    .answer('approved');
  expect(host.trace.at(-1)).toBe('app.warm held no_fresh_result');
  host.results('ok');
  expect(warmed(host)).toBe(1);
  const again = heal(hostWith({ ...warm, mode: 'approve' }))
    .results('critical', 'ok')
    .answer('approved');
  again.results('ok', 'ok');
  expect(warmed(again)).toBe(0);
});

test('a no is the end of it', () => {
  const host = heal(hostWith({ ...warm, mode: 'approve' }))
    .answer('rejected')
    .results('ok', 'ok');
  expect(host.count('ask')).toBe(1);
  expect(host.trace.filter((line) => line.includes('approval_rejected'))).toHaveLength(1);
});

function resume(host: SimulatedHost): SimulatedHost {
  const { paused: _over, ...fleet } = host.fleet;
  host.fleet = fleet;
  return host;
}

test('what is held for a while is done when that is over; after an hour, or with the next problem, it is dropped', () => {
  const paused = { paused: { sinceMs: 0, by: 'ann', reason: 'move' } };
  const held = (): SimulatedHost => {
    const host = hostWith(warm).results('critical', 'critical').move('dispatched').move('verifying');
    look(host, paused).results('ok', 'ok', 'ok');
    expect(host.trace).toContain('app.warm held paused');
    return host;
  };
  expect(warmed(resume(held().results('ok')).results('ok', 'ok'))).toBe(1);
  expect(warmed(resume(held().pass(3_600_000)).results('ok', 'ok'))).toBe(0);
  expect(warmed(resume(held().results('critical')).results('ok', 'ok'))).toBe(0);
});

test('one that could not be sent is tried again, ever more seldom', () => {
  const host = heal(hostWith(warm)).move('cancelled').results('ok');
  expect(warmed(host), 'ten seconds later').toBe(2);
  host.result('ok').move('cancelled').results('ok');
  expect(host.trace.at(-1)).toBe('app.warm held cooldown');
  host.results('ok');
  expect(warmed(host)).toBe(3);
  host.move('dispatched').move('verifying').results('ok', 'ok', 'ok', 'ok');
  expect(warmed(host)).toBe(3);
});
