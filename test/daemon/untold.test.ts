/** What the ledger holds and the daemon before did not live to tell: told at the next start, once. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ActionDefinition, Definitions } from '../../core/definitions.ts';
import { MenddError } from '../../core/errors.ts';
import type { Coordinator } from '../../core/ports.ts';
import type { BrakeRule, RemediationConfig } from '../../core/remediation-config.ts';
import { tellUntold } from '../../daemon/untold.ts';
import { actionOf, checkOf, ladderOf, planOf, restart } from '../support/definitions.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

let directory = '';
const open: ScriptedDaemon[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-untold-'));
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  rmSync(directory, { recursive: true, force: true });
});

function definitions(
  action: Partial<ActionDefinition> = {},
  remediation: Partial<RemediationConfig> = {},
): Definitions {
  const rung = actionOf('restart', restart.effect, action);
  const plan = planOf([checkOf('running', { flapping: null })], [ladderOf([rung])]);
  return definitionsOf([plan], { page: 'oncall', ...remediation });
}

function daemonIn(life: string, given = definitions(), nowMs?: number): ScriptedDaemon {
  mkdirSync(join(directory, life), { recursive: true });
  const daemon = new ScriptedDaemon(join(directory, life, 'mendd.db'), given, new FakeClock(nowMs));
  open.push(daemon);
  return daemon;
}

/** The next daemon, on what the disk held when `before` was killed. */
function next(before: ScriptedDaemon, life: string, given = definitions()): ScriptedDaemon {
  const daemon = daemonIn(life, given, before.clock.nowMs());
  const { clock, store, coordinator, healing } = daemon;
  healing.history.add('daemon.started');
  tellUntold({ ...healing, clock, store, coordinator });
  return daemon;
}

function close(daemon: ScriptedDaemon): void {
  open.splice(open.indexOf(daemon), 1);
  daemon.close();
}

/** As the disk is at this moment. */
function copyTo(life: string): void {
  mkdirSync(join(directory, life), { recursive: true });
  for (const name of readdirSync(join(directory, 'first')))
    if (!/-shm$|\.lock/.test(name)) copyFileSync(join(directory, 'first', name), join(directory, life, name));
}

/** What the disk holds right after that write of the ledger is kept as `killed`. */
function killAfter<
  K extends
    | 'claim'
    | 'dispatched'
    | 'advance'
    | 'askApproval'
    | 'askAgain'
    | 'settleApproval'
    | 'saveBrake'
    | 'clearBrake',
>(
  { coordinator }: ScriptedDaemon,
  write: K,
  isMeant: (...args: Parameters<Coordinator[K]>) => boolean = () => true,
): void {
  const original = coordinator[write].bind(coordinator) as (...args: unknown[]) => unknown;
  const wrapped = (...args: Parameters<Coordinator[K]>): unknown => {
    const result = original(...args);
    if (isMeant(...args)) copyTo('killed');
    return result;
  };
  Object.assign(coordinator, { [write]: wrapped });
}

function told({ store }: ScriptedDaemon): string[] {
  return store
    .eventsAfter(0, 500)
    .filter(({ type }) => type.startsWith('action.'))
    .map(({ type, data }) => (type === 'action.ended' ? `${type} ${String(data['status'])}` : type));
}

const ran = { kind: 'ran', stdout: '', stderr: '', truncated: false, durationMs: 1 } as const;
const demote = { failures: 1, recurrences: 100 };
const story = ['action.intended', 'action.started', 'action.ended verified'];

test.each([
  ['claim', 1],
  ['dispatched', 2],
  ['advance', 3],
] as const)(
  'a daemon that died right after `%s` leaves what it did to the next one to tell',
  async (write, tells) => {
    const first = daemonIn('first');
    killAfter(first, write, (...args) => {
      const [, change] = args as Parameters<Coordinator['advance']>;
      return write !== 'advance' || change.status === 'verified';
    });
    await first.results('critical', 'critical', 'ok', 'ok', 'ok', 'ok');
    expect(told(first)).toEqual(story);
    const bare = daemonIn('killed', definitions(), first.clock.nowMs());
    expect(told(bare)).toEqual(story.slice(0, tells - 1));
    close(bare);
    const second = next(first, 'killed');
    expect(told(second)).toEqual(story.slice(0, tells));
    close(second);
    expect(told(next(second, 'killed'))).toEqual(story.slice(0, tells));
  },
);

test('what a power cut takes from the history after the clock was set back is told', async () => {
  const first = daemonIn('first');
  first.healing.history.add('daemon.started');
  await settle();
  first.clock.setWall(first.clock.nowMs() - 86_400_000);
  copyTo('killed');
  await first.results('critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  for (const name of readdirSync(join(directory, 'first')))
    if (/ledger.*db(-wal)?$/.test(name))
      copyFileSync(join(directory, 'first', name), join(directory, 'killed', name));
  expect(told(next(first, 'killed'))).toEqual(story);
});

test('what was told is not told again, however often it starts', async () => {
  const first = daemonIn('first');
  await first.results('critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  copyTo('second');
  expect(told(next(first, 'second'))).toEqual(story);
});

test('the last failure before a kill costs the action its trust all the same, and people are told', async () => {
  const given = definitions({ demote });
  const first = daemonIn('first', given);
  first.guard.answer = () => ({ ...ran, exitCode: 1 });
  killAfter(first, 'advance', (_, { status }) => status === 'failed');
  await first.results('critical', 'critical');
  const second = next(first, 'killed', given);
  expect(second.healing.trust.demoted()).toHaveLength(1);
  expect(second.messages().join()).toContain('notice demoted~app.restart');
});

/** What the next daemon, and the one after it, has in its outbox of what the one before it told or did not live to tell. */
function outboxAfter(
  first: ScriptedDaemon,
  given: Definitions,
): { killed: string[]; next: string[]; last: string[] } {
  const bare = daemonIn('killed', given, first.clock.nowMs());
  const killed = bare.messages();
  close(bare);
  const second = next(first, 'killed', given);
  const messages = second.messages();
  close(second);
  return { killed, next: messages, last: next(second, 'killed', given).messages() };
}

test('a question is in the ledger together with its message', async () => {
  const given = definitions({ mode: 'approve' });
  const first = daemonIn('first', given);
  killAfter(first, 'askApproval');
  await first.results('critical', 'critical');
  const { killed, ...later } = outboxAfter(first, given);
  expect(killed).toEqual([expect.stringMatching(/^notice .*~asked~\w+$/)]);
  expect(later).toEqual({ next: killed, last: killed });
});

test('and so is a question that is asked again', async () => {
  const first = daemonIn('first', definitions({ mode: 'approve' }));
  killAfter(first, 'askAgain');
  await first.results('critical', 'critical');
  const edited = definitions({
    mode: 'approve',
    effect: { kind: 'systemd_restart', unit: 'everything' },
  });
  first.healing.fleet.swap({ ...edited, revision: 'r2' });
  first.healing.approvals.turn();
  const { killed, ...later } = outboxAfter(first, edited);
  expect(killed).toHaveLength(2);
  expect(later).toEqual({ next: killed, last: killed });
});

test.each(['approved', 'rejected', 'expired', 'lapsed'] as const)(
  'a question that is %s is so together with what closes it where it was asked, also when the daemon dies then',
  async (status) => {
    const given = definitions({ mode: 'approve' });
    const first = daemonIn('first', given);
    await first.results('critical', 'critical');
    const { approvals } = first.healing;
    const [question] = approvals.waiting();
    if (question === undefined) throw new Error('nothing waits for an answer');
    const [asked] = first.coordinator.messages({ limit: 9 }).items;
    first.coordinator.messageSent(asked?.id ?? 0, first.clock.nowMs());
    killAfter(first, 'settleApproval');
    const { id, tag } = question;
    if (status === 'expired') await first.clock.pass(restart.approveWithinMs);
    if (status === 'lapsed') await first.results('ok');
    if (status === 'expired' || status === 'lapsed') approvals.turn();
    else approvals.settle(id, status, { by: 'ann', reason: 'so', tag });
    await settle();
    const { killed, ...later } = outboxAfter(first, given);
    expect(killed).toEqual([`notice ${asked?.key}~${status}`]);
    expect(later).toEqual({ next: killed, last: killed });
  },
);

test('a question whose end cannot be queued stays a question', async () => {
  const first = daemonIn('first', definitions({ mode: 'approve' }));
  await first.results('critical', 'critical');
  const [question] = first.healing.approvals.waiting();
  if (question === undefined) throw new Error('nothing waits for an answer');
  const read = vi.spyOn(first.coordinator, 'messages').mockImplementation(() => {
    throw new MenddError('STORE_UNUSABLE', 'the disk is full');
  });
  const answer = (): unknown =>
    first.healing.approvals.settle(question.id, 'rejected', { by: 'ann', reason: 'no', tag: question.tag });
  expect(answer).toThrow('the disk is full');
  read.mockRestore();
  expect(first.healing.approvals.waiting()).toEqual([question]);
  expect(answer()).toMatchObject({ status: 'rejected' });
  expect(first.messages()[0]).toMatch(/~rejected$/);
});

const brake: BrakeRule = { unhealthyAbovePercent: 1, minUnhealthy: 1, release: { kind: 'person' } };

test('people are told of a brake that is on, once, when the daemon died right after it was saved', async () => {
  const given = definitions({}, { brake });
  const first = daemonIn('first', given);
  killAfter(first, 'saveBrake');
  await first.results('critical', 'critical');
  const { killed, ...later } = outboxAfter(first, given);
  expect(killed.join()).not.toContain('brake~fleet~');
  expect(later.next.join()).toContain('problem brake~fleet~');
  expect(later.last).toEqual(later.next);
});

test.each([
  ['a person, and it died right after that was saved', 'saveBrake', 'ann'],
  ['the rule, and it died right after it was cleared', 'clearBrake', 'the rule'],
] as const)('and of one that was released by %s', async (_, write, by) => {
  const given = definitions({}, { brake });
  const first = daemonIn('first', given);
  await first.results('critical', 'critical');
  killAfter(first, write);
  const { brakes, fleet } = first.healing;
  if (write === 'saveBrake') brakes.releaseBy('fleet', 'ann', 'seen', false);
  else fleet.swap({ ...definitions({}, { brake: null }), revision: 'r2' });
  brakes.stepAll();
  const { killed, ...later } = outboxAfter(first, given);
  expect(killed.join()).not.toContain('~off');
  expect(later.next.at(-1)).toMatch(/^recovery brake~fleet~\d+~off$/);
  expect(later.last).toEqual(later.next);
  const [last] = open.slice(-1);
  const off = last?.coordinator.messages({ keyPrefix: 'brake~', limit: 1 }).items[0];
  expect(off?.body['sentence']).toBe(`Actions may start in fleet again; released by ${by}.`);
});
