import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Coordinator, Slots } from '../../core/ports.ts';
import { ledgerPathOf } from '../../store/open.ts';
import {
  approvalOf,
  brakeOf,
  hourMs,
  intentOf,
  openForTest,
  slotsOf,
  startMs,
  storePath,
} from './support/samples.ts';

const refused = (reason: string): object => ({ kind: 'refused', reason });
const claimed = { kind: 'claimed' };
const sinceMs = startMs - hourMs;

function claim(
  coordinator: Coordinator,
  host: string,
  given: Partial<Slots> = {},
  id = `on-${host}`,
): object {
  return coordinator.claim(intentOf(coordinator.fence, { id, host, action: `a.${id}` }), slotsOf(given));
}

function end(coordinator: Coordinator, host: string, sent = true): void {
  if (sent) coordinator.dispatched(`on-${host}`, startMs);
  coordinator.advance(`on-${host}`, { atMs: startMs, status: sent ? 'failed' : 'cancelled' });
}

test('open repairs of a group are limited, of one group and not of another', () => {
  const { coordinator } = openForTest();
  const web: Partial<Slots> = { groups: [{ key: 'role=web', concurrent: 2 }, { key: 'rack=1' }] };
  expect(claim(coordinator, 'a', web)).toEqual(claimed);
  expect(claim(coordinator, 'b', { groups: [{ key: 'role=web' }] })).toEqual(claimed);
  expect(claim(coordinator, 'c', web)).toEqual(refused('group_busy'));
  expect(claim(coordinator, 'c', { groups: [{ key: 'rack=1', concurrent: 2 }] })).toEqual(claimed);
  expect(claim(coordinator, 'd', { groups: [{ key: 'rack=1', concurrent: 2 }] })).toEqual(
    refused('group_busy'),
  );
  end(coordinator, 'b', false);
  expect(claim(coordinator, 'd', { groups: [{ key: 'role=web', concurrent: 2 }] })).toEqual(claimed);
});

test('two of one group at once: one', () => {
  const { coordinator } = openForTest();
  const alone: Partial<Slots> = { groups: [{ key: 'role=db', concurrent: 1 }] };
  expect(claim(coordinator, 'db-1', alone)).toEqual(claimed);
  expect(claim(coordinator, 'db-2', alone)).toEqual(refused('group_busy'));
});

test('a group named twice is one group, with both limits', () => {
  const { coordinator } = openForTest();
  const groups = [
    { key: 'role=web', concurrent: 5 },
    { key: 'role=web', concurrent: 1 },
  ];
  expect(claim(coordinator, 'a', { groups })).toEqual(claimed);
  expect(claim(coordinator, 'b', { groups })).toEqual(refused('group_busy'));
});

test.each([
  [true, refused('group_budget_spent')],
  [false, claimed],
])('a run that ended (sent: %s) counts in the window of its group', (sent, verdict) => {
  const { coordinator } = openForTest();
  const groups = [{ key: 'role=web', runs: { runs: 1, sinceMs } }];
  claim(coordinator, 'a', { groups: [{ key: 'role=web' }] });
  end(coordinator, 'a', sent);
  expect(claim(coordinator, 'b', { groups: [{ key: 'role=db', runs: { runs: 1, sinceMs } }] })).toEqual(
    claimed,
  );
  expect(claim(coordinator, 'c', { groups })).toEqual(verdict);
  expect(
    claim(coordinator, 'd', { groups: [{ key: 'role=web', runs: { runs: 2, sinceMs: startMs } }] }),
  ).toEqual(claimed);
});

test('repairs on one host are limited, whatever the action; messages do not count', () => {
  const { coordinator } = openForTest();
  const host = { runs: 2, sinceMs };
  claim(coordinator, 'a', { repairs: false }, 'page');
  claim(coordinator, 'a');
  end(coordinator, 'a');
  expect(claim(coordinator, 'a', { host }, 'second')).toEqual(claimed);
  coordinator.dispatched('second', startMs);
  coordinator.advance('second', { atMs: startMs, status: 'verified' });
  expect(claim(coordinator, 'a', { host }, 'third')).toEqual(refused('host_budget_spent'));
  expect(claim(coordinator, 'b', { host })).toEqual(claimed);
  expect(claim(coordinator, 'a', { host: { runs: 2, sinceMs: startMs } }, 'third')).toEqual(claimed);
});

test('a brake of any scope that is asked for stops repairs, until it is released or cleared', () => {
  const { coordinator } = openForTest();
  const brakes = ['fleet', 'role=web'];
  coordinator.saveBrake(brakeOf({ scope: 'role=web' }));
  expect(claim(coordinator, 'a', { brakes })).toEqual(refused('brake_on'));
  expect(claim(coordinator, 'a', { brakes: ['fleet', 'role=db'] })).toEqual(claimed);
  expect(claim(coordinator, 'b', { brakes, repairs: false })).toEqual(claimed);
  const released = { atMs: startMs, by: 'person:kim', reason: 'known' };
  coordinator.saveBrake(brakeOf({ scope: 'role=web', released }));
  expect(claim(coordinator, 'c', { brakes })).toEqual(claimed);
  coordinator.saveBrake(brakeOf());
  expect(claim(coordinator, 'd', { brakes })).toEqual(refused('brake_on'));
  coordinator.clearBrake('fleet');
  expect(claim(coordinator, 'd', { brakes })).toEqual(claimed);
});

test('only what was approved for exactly this run and state may start', () => {
  const { coordinator } = openForTest();
  const ask = (id: string): object => claim(coordinator, id.slice(3), { approvalTag: 't-1' }, id);
  expect(ask('on-a')).toEqual(refused('not_approved'));
  for (const id of ['on-a', 'on-b', 'on-c', 'on-d']) coordinator.askApproval(approvalOf({ id }));
  coordinator.askApproval(approvalOf({ id: 'on-e', tag: 't-2' }));
  expect(ask('on-a')).toEqual(refused('not_approved'));
  for (const id of ['on-a', 'on-d', 'on-e']) settle(coordinator, id, 'approved');
  settle(coordinator, 'on-b', 'rejected');
  settle(coordinator, 'on-c', 'expired');
  settle(coordinator, 'on-d', 'lapsed');
  for (const id of ['on-b', 'on-c', 'on-d', 'on-e']) expect(ask(id)).toEqual(refused('not_approved'));
  expect(ask('on-a')).toEqual(claimed);
  expect(ask('on-a')).toEqual(refused('duplicate'));
});

function settle(
  coordinator: Coordinator,
  id: string,
  status: 'approved' | 'rejected' | 'expired' | 'lapsed',
): void {
  coordinator.settleApproval(id, { status, atMs: startMs, by: 'person:kim' });
}

/** Each lifts the refusal that is the first at that point; the next is met then. */
test('the refusals come in their order', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  const blocker = slotsOf({ groups: [{ key: 'role=web' }] });
  coordinator.claim(intentOf(coordinator.fence, { id: 'same' }), blocker);
  coordinator.setQuarantine({ cause: 'corrupt', sinceMs: startMs, text: 'x' });
  coordinator.pause({ sinceMs: startMs, by: 'kim', reason: 'x' });
  coordinator.saveBrake(brakeOf());
  const spent = { runs: 0, sinceMs };
  let slots = slotsOf({
    fleetConcurrent: 0,
    action: spent,
    host: spent,
    fleet: spent,
    groups: [{ key: 'role=web', concurrent: 1, runs: spent }],
    brakes: ['fleet'],
    approvalTag: 't-1',
  });
  let intent = intentOf(coordinator.fence - 1, { id: 'same' });
  const lift = (given: Partial<Slots>): void => {
    slots = { ...slots, ...given };
  };
  const free = { runs: 9, sinceMs };
  const steps: [string, () => void][] = [
    ['fenced', () => void (intent = { ...intent, fence: coordinator.fence })],
    ['duplicate', () => void (intent = { ...intent, id: 'new' })],
    ['not_rearmed', () => void coordinator.rearm()],
    ['paused', () => coordinator.resume()],
    ['host_busy', () => void (intent = { ...intent, host: 'web-2' })],
    ['group_busy', () => void coordinator.advance('same', { atMs: startMs, status: 'failed' })],
    ['fleet_busy', () => lift({ fleetConcurrent: 1 })],
    ['brake_on', () => coordinator.clearBrake('fleet')],
    ['max_runs_reached', () => lift({ action: free })],
    ['host_budget_spent', () => lift({ host: free })],
    ['group_budget_spent', () => lift({ groups: [{ key: 'role=web', concurrent: 1, runs: free }] })],
    ['fleet_budget_spent', () => lift({ fleet: free })],
    ['not_approved', () => lift({ approvalTag: undefined as never })],
  ];
  for (const [reason, open] of steps) {
    expect(coordinator.claim(intent, slots)).toEqual(refused(reason));
    if (reason === 'not_rearmed')
      expect(coordinator.claim({ ...intent, id: 'page' }, { ...slots, repairs: false })).toEqual(claimed);
    if (reason === 'host_busy') coordinator.advance('page', { atMs: startMs, status: 'cancelled' });
    open();
  }
  expect(coordinator.claim(intent, slots)).toEqual(claimed);
});

test('groups of pruned runs are gone with them', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  for (const host of ['a', 'b'])
    claim(coordinator, host, { groups: [{ key: 'role=web' }, { key: 'rack=1' }] });
  end(coordinator, 'a');
  coordinator.prune(startMs + 1);
  const ledger = new Database(ledgerPathOf(path), { readonly: true });
  expect(ledger.prepare('SELECT count(*) FROM run_groups').pluck().get()).toBe(2);
  ledger.close();
});

test('how far a reboot has come survives a restart', () => {
  const path = storePath();
  const { coordinator, store } = openForTest(path);
  claim(coordinator, 'a');
  coordinator.dispatched('on-a', startMs);
  for (const step of ['drain', 'reboot'] as const)
    expect(coordinator.advance('on-a', { atMs: startMs, step })).toMatchObject({ step });
  coordinator.advance('on-a', { atMs: startMs, outcome: 'waiting' });
  store.close();
  coordinator.close();
  expect(openForTest(path).coordinator.get('on-a')).toMatchObject({ step: 'reboot', outcome: 'waiting' });
});
