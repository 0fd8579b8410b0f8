/** People must hear of what automation cannot mend, and hear of it once. */
import { expect, test } from 'vitest';
import { checkOf, ladderOf, page, planOf, reboot, restart } from '../support/definitions.ts';
import { SimulatedHost } from './simulated-host.ts';

function hostWith(...rungs: Parameters<typeof ladderOf>[0]): SimulatedHost {
  const steady = checkOf('running', { flapping: null });
  return new SimulatedHost(planOf([steady], [ladderOf(rungs)])).results('ok');
}

const pages = (host: SimulatedHost): number =>
  [...host.ledger.values()].filter((run) => run.kind === 'notify').length;

function cutOffForLong(host: SimulatedHost): void {
  for (let i = 0; i < 6; i += 1) host.pass(10_000).cutOff();
}

test('a host that never came back from our reboot is told to people, once', () => {
  const host = hostWith(reboot, page).results('critical', 'critical').move('dispatched');
  cutOffForLong(host);
  expect(pages(host), 'while the reboot is under way').toBe(0);
  host.pass(600_000).move('failed');
  cutOffForLong(host);
  expect(host.trace.at(-1)).toBe('app.page act host_unreachable');
  host.move('dispatched').move('done');
  cutOffForLong(host);
  expect(pages(host)).toBe(1);
});

test('without a message rung the give-up page tells it', () => {
  const host = hostWith(reboot).results('critical', 'critical').move('dispatched').move('failed');
  cutOffForLong(host);
  expect(host.effects.some((effect) => effect.kind === 'gave_up')).toBe(true);
});

test('a host that goes away by itself, or whose check is fine, is nobody to be told of here', () => {
  const untouched = hostWith(restart, page).results('critical');
  cutOffForLong(untouched);
  expect(untouched.ledger.size).toBe(0);
  const healed = hostWith(restart, page).results('critical', 'critical').move('dispatched').move('verifying');
  healed.results('ok', 'ok', 'ok');
  cutOffForLong(healed);
  expect(pages(healed)).toBe(0);
});

test('a run that is refused again and again is tried ever more seldom, and people are told', () => {
  const host = hostWith(restart, page).results('critical', 'critical');
  for (let i = 0; i < 360; i += 1) {
    const { openRun } = host;
    if (openRun?.kind === 'notify') host.move('dispatched').move('done');
    else if (openRun !== undefined) host.move('dispatched').move('refused');
    host.results('critical');
  }
  const tried = [...host.ledger.values()].filter((run) => run.action === restart.id);
  expect(tried.length).toBeGreaterThan(3);
  expect(tried.length, 'attempts within an hour').toBeLessThan(12);
  expect(pages(host)).toBe(1);
});

test('refused again and again without a message rung: the give-up page tells it', () => {
  const host = hostWith(restart).results('critical', 'critical');
  for (let i = 0; i < 60; i += 1) {
    if (host.openRun !== undefined) host.move('cancelled');
    host.results('critical');
  }
  expect(host.effects.some((effect) => effect.kind === 'gave_up')).toBe(true);
});

test('a message that went out while a pause held the repair does not stand for the one at the end', () => {
  const host = hostWith(restart, page);
  host.fleet = { ...host.fleet, paused: { sinceMs: host.nowMs, by: 'ann', reason: 'maintenance' } };
  host.results('critical', 'critical').move('dispatched').move('done');
  expect(pages(host)).toBe(1);
  const { paused: _over, ...fleet } = host.fleet;
  host.fleet = fleet;
  host.results('critical').move('dispatched').move('failed').results('critical', 'critical');
  expect(pages(host)).toBe(2);
  host.move('dispatched').move('done').results('critical', 'critical', 'critical');
  expect(pages(host)).toBe(2);
  expect(host.trace.at(-1)).toBe('app.page gave_up gave_up');
});

test('a message that is on its way is not sent a second time beside it', () => {
  const host = hostWith(restart, page).results('critical', 'critical').move('dispatched').move('failed');
  host.results('critical', 'critical', 'critical');
  expect(pages(host)).toBe(1);
  expect(host.trace.at(-1)).toBe('app.page held run_in_progress');
});

test('a new problem within the hour is told too: only flapping is told seldom', () => {
  const host = new SimulatedHost(
    planOf([checkOf('running', { flapping: null })], [ladderOf([restart, page])]),
  );
  host.fleet = { ...host.fleet, paused: { sinceMs: host.nowMs, by: 'ann', reason: 'maintenance' } };
  for (let problem = 0; problem < 2; problem += 1) {
    host.results('critical', 'critical');
    host.move('dispatched').move('done').results('ok');
  }
  expect([...host.ledger.values()].filter((run) => run.kind === 'notify')).toHaveLength(2);
});
