/** Questions to people: what they are for, how long they wait, and what an answer is good for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ActionDefinition, Definitions } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import type { Approval } from '../../core/safety.ts';
import { checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const dayMs = 86_400_000;
const steady = checkOf('running', { flapping: null });
const asked: ActionDefinition = { ...restart, mode: 'approve' };
let directory = '';
const open: ScriptedDaemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-approvals-'));
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  rmSync(directory, { recursive: true, force: true });
});

function definitionsWith(...rungs: ActionDefinition[]): Definitions {
  return definitionsOf([planOf([steady], [ladderOf(rungs)])]);
}

function daemonWith(definitions: Definitions, clock?: FakeClock): ScriptedDaemon {
  const daemon = new ScriptedDaemon(join(directory, 'mendd.db'), definitions, clock);
  open.push(daemon);
  return daemon;
}

function throws(): never {
  throw new MenddError('STORE_UNUSABLE', 'the disk is full');
}

/** What waits; there must be something. */
function questionOf({ healing }: ScriptedDaemon): Approval {
  const [question] = healing.approvals.waiting();
  if (question === undefined) throw new Error('nothing waits for an answer');
  return question;
}

test('an approval is good for the command that was read only', async () => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const { id } = questionOf(daemon);
  daemon.coordinator.settleApproval(id, {
    status: 'approved',
    atMs: daemon.clock.nowMs(),
    by: 'person:ann',
  });
  daemon.healing.fleet.swap({ ...definitionsWith(other), revision: 'r2' });
  const known = daemon.coordinator.approval(id);
  if (known === undefined) throw new Error('the question is gone');
  daemon.healing.fleet.apply('web-1', { kind: 'approval', approval: known });
  await settle();
  await daemon.results('critical');
  expect(daemon.guard.sent).toEqual([]);
});

const other: ActionDefinition = { ...asked, effect: { kind: 'systemd_restart', unit: 'everything' } };

test.each(['waiting', 'approved'] as const)(
  'a question that is %s is asked again when its command is edited, for the same rung',
  async (status) => {
    const daemon = daemonWith(definitionsWith({ ...asked, cooldownMs: 0 }, restart));
    const { coordinator, healing, clock } = daemon;
    await daemon.results('critical', 'critical');
    const first = questionOf(daemon);
    if (status === 'approved') {
      coordinator.pause({ by: 'ann', reason: 'lunch', sinceMs: clock.nowMs() });
      healing.approvals.settle(first.id, 'approved', { by: 'ann', reason: 'yes', tag: first.tag });
    }
    await clock.pass(60_000);
    healing.fleet.swap({ ...definitionsWith({ ...other, cooldownMs: 0 }, restart), revision: 'r2' });
    healing.approvals.turn();
    coordinator.resume();
    await daemon.results('critical', 'critical');
    expect(daemon.guard.sent).toEqual([]);
    const again = questionOf(daemon);
    expect(again).toMatchObject({ id: first.id, action: 'app.restart', createdAtMs: clock.nowMs() - 20_000 });
    expect(again.expiresAtMs - again.createdAtMs).toBe(asked.approveWithinMs);
    expect([first.command, again.command]).toEqual([
      expect.stringContaining('worker'),
      expect.stringContaining('everything'),
    ]);
    const answer = (tag: string): unknown =>
      healing.approvals.settle(first.id, 'approved', { by: 'ann', reason: 'yes', tag });
    expect(answer(first.tag)).toMatchObject({ kind: 'rejected', status: 412 });
    expect(answer(again.tag)).toMatchObject({ status: 'approved' });
    await settle();
    await daemon.results('critical');
    expect(daemon.guard.sent).toEqual([first.id]);
    expect(daemon.runs[0]?.command).toContain('everything');
    expect(coordinator.auditEntries({ limit: 50 }).items.map(({ event }) => event)).toContain(
      'approval.asked_again',
    );
  },
);

test('an answer to a question whose command was edited is none, and it is asked again', async () => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  daemon.healing.fleet.swap({ ...definitionsWith(other), revision: 'r2' });
  // The list shows the fingerprint of what would run now, and the command of then.
  const { id, tag } = questionOf(daemon);
  const answer = daemon.healing.approvals.settle(id, 'approved', { by: 'ann', reason: 'yes', tag });
  expect(answer).toMatchObject({ kind: 'rejected', status: 412, code: 'changed' });
  expect(daemon.guard.sent).toEqual([]);
  expect(questionOf(daemon)).toMatchObject({ id, command: expect.stringContaining('everything') });
});

test('a dry answer is judged like the real one, and settles nothing', async () => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const { approvals } = daemon.healing;
  const { id, tag } = questionOf(daemon);
  const head = daemon.coordinator.auditHead();
  const dry = (person: { tag: string }) =>
    approvals.settle(id, 'approved', { by: 'ann', reason: 'yes', isDry: true, ...person });
  expect(dry({ tag })).toMatchObject({ id, status: 'approved', decidedBy: 'person:ann', answer: 'yes' });
  expect(dry({ tag: 'other' })).toMatchObject({ kind: 'rejected', status: 412 });
  daemon.healing.fleet.swap({ ...definitionsWith(other), revision: 'r2' });
  expect(dry({ tag })).toMatchObject({ kind: 'rejected', status: 412 });
  // Not asked again by a dry answer, not run, not on record.
  expect(daemon.coordinator.approval(id)).toMatchObject({
    status: 'waiting',
    command: expect.not.stringContaining('everything'),
  });
  daemon.healing.fleet.swap({ ...definitionsWith(asked), revision: 'r3' });
  await daemon.results('ok');
  expect(dry({ tag })).toMatchObject({ kind: 'rejected', status: 409 });
  expect(daemon.coordinator.auditHead()).toEqual(head);
  expect(daemon.guard.sent).toEqual([]);
});

test.each([
  ['', 'It is rejected by person:ann already.'],
  ['a deploy runs', 'It is rejected by person:ann already: a deploy runs'],
])('a second answer is told who gave the first, and why where that was said: %j', async (reason, message) => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const { id, tag } = questionOf(daemon);
  daemon.healing.approvals.settle(id, 'rejected', { by: 'ann', reason, tag });
  const again = daemon.healing.approvals.settle(id, 'approved', { by: 'bob', reason: 'yes', tag });
  expect(again).toMatchObject({ status: 409, message });
});

test('a settled question keeps the tag it was answered under, whatever becomes of its check', async () => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const first = questionOf(daemon);
  await daemon.results('warning');
  // Which was asked with another: the check is no longer what it was.
  const { id, tag } = questionOf(daemon);
  expect(tag).not.toBe(first.tag);
  const tagNow = (): string | undefined =>
    daemon.healing.approvals.list().find((each) => each.id === id)?.tag;
  daemon.healing.approvals.settle(id, 'approved', { by: 'ann', reason: 'yes', tag });
  expect(tagNow()).toBe(tag);
  await settle();
  await daemon.results('warning');
  expect(daemon.guard.sent).toEqual([id]);
  await daemon.results('ok', 'ok', 'ok');
  expect(tagNow()).toBe(tag);
});

test('a question whose trouble is over lapses, also when its command was edited', async () => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const { id } = questionOf(daemon);
  daemon.healing.fleet.swap({ ...definitionsWith(other), revision: 'r2' });
  await daemon.results('ok');
  daemon.healing.approvals.turn();
  expect(daemon.coordinator.approval(id)?.status).toBe('lapsed');
});

test('what waits for an answer is known also while the ledger cannot be read', async () => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const listed = daemon.healing.approvals.list();
  vi.spyOn(daemon.coordinator, 'approvals').mockImplementation(throws);
  expect(daemon.healing.approvals.waiting()).toEqual(listed);
});

test.each([
  ['set back by a day', -dayMs, 29 * 60_000, 'waiting'],
  ['set back by a day', -dayMs, 30 * 60_000, 'expired'],
  ['set forward by a day', dayMs, 1_000, 'expired'],
  ['left alone', 0, 29 * 60_000, 'waiting'],
  ['left alone', 0, 30 * 60_000, 'expired'],
])('a question whose clock is %s (%i ms) is after %i ms %s', async (_, jumpMs, waitMs, status) => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const { id, tag } = questionOf(daemon);
  daemon.clock.setWall(daemon.clock.nowMs() + jumpMs);
  await daemon.clock.pass(waitMs);
  daemon.healing.approvals.turn();
  expect(daemon.coordinator.approval(id)?.status).toBe(status);
  const answer = daemon.healing.approvals.settle(id, 'approved', { by: 'ann', reason: 'yes', tag });
  expect('kind' in answer).toBe(status === 'expired');
});

test('a yes that could not be used in time is void, also when the clock was set back meanwhile', async () => {
  const daemon = daemonWith(definitionsWith(asked));
  await daemon.results('critical', 'critical');
  const { id, tag } = questionOf(daemon);
  daemon.coordinator.pause({ by: 'ann', reason: 'lunch', sinceMs: daemon.clock.nowMs() });
  daemon.healing.approvals.settle(id, 'approved', { by: 'ann', reason: 'yes', tag });
  daemon.clock.setWall(daemon.clock.nowMs() - dayMs);
  await daemon.clock.pass(30 * 60_000);
  daemon.healing.approvals.turn();
  expect(daemon.coordinator.approval(id)?.status).toBe('lapsed');
  daemon.coordinator.resume();
  await daemon.results('critical', 'critical');
  expect(daemon.guard.sent).toEqual([]);
});

test('a question that a start finds waits no longer than it was meant to, whatever the clock says then', async () => {
  const definitions = definitionsWith(asked);
  const first = daemonWith(definitions);
  await first.results('critical', 'critical');
  const { id } = questionOf(first);
  first.close();
  open.splice(0);
  const daemon = daemonWith(definitions, new FakeClock(first.clock.nowMs() - dayMs));
  daemon.healing.approvals.turn();
  await daemon.clock.pass(29 * 60_000);
  daemon.healing.approvals.turn();
  expect(daemon.coordinator.approval(id)?.status).toBe('waiting');
  await daemon.clock.pass(60_000);
  daemon.healing.approvals.turn();
  expect(daemon.coordinator.approval(id)?.status).toBe('expired');
});
