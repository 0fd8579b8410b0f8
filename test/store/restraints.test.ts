import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Suppression } from '../../core/safety.ts';
import { ledgerPathOf } from '../../store/open.ts';
import {
  approvalOf,
  brakeOf,
  capOf,
  closeStores,
  hourMs,
  messageOf,
  openForTest,
  silenceOf,
  startMs,
  storePath,
} from './support/samples.ts';

const { match, startsAtMs: _, endsAtMs: __, kind: ___, ...base } = silenceOf('x');
const span = { startsAtMs: startMs + hourMs, endsAtMs: startMs + 2 * hourMs };

test.each<[string, Suppression, number]>([
  ['a silence', silenceOf('x'), startMs + hourMs],
  ['a downtime', { ...base, kind: 'downtime', match, window: { kind: 'fixed', ...span } }, span.endsAtMs],
  [
    'a flexible downtime, which may begin at the last moment',
    { ...base, kind: 'downtime', match, window: { kind: 'flexible', ...span, lastsMs: 500 } },
    span.endsAtMs + 500,
  ],
  [
    'a recurring downtime',
    {
      ...base,
      kind: 'downtime',
      match,
      window: { kind: 'recurring', cron: '0 2 * * 0', timezone: 'UTC', lastsMs: 500 },
    },
    Infinity,
  ],
  [
    'an acknowledgement',
    {
      ...base,
      kind: 'acknowledgement',
      host: 'a',
      check: 'b.c',
      problemSinceMs: 1,
      state: 'critical',
      sticky: false,
    },
    Infinity,
  ],
  [
    'an acknowledgement with an end',
    {
      ...base,
      kind: 'acknowledgement',
      host: 'a',
      check: 'b.c',
      problemSinceMs: 1,
      state: 'critical',
      sticky: true,
      endsAtMs: startMs + 9,
    },
    startMs + 9,
  ],
])('%s is there until its last moment, across a restart', (_name, suppression, untilMs) => {
  const path = storePath();
  const first = openForTest(path);
  first.coordinator.addSuppression(suppression);
  expect(first.coordinator.suppressions(startMs)).toEqual([suppression]);
  closeStores(first);
  const { coordinator } = openForTest(path);
  const lastMs = Math.min(untilMs, startMs + 1e12) - 1;
  expect(coordinator.suppressions(lastMs)).toEqual([suppression]);
  expect(coordinator.suppressions(lastMs + 1)).toHaveLength(untilMs === Infinity ? 1 : 0);
  expect(coordinator.suppressions(startMs - hourMs)).toEqual([suppression]);
});

test('a suppression is ended once, by whom is kept, and only while it lasts', () => {
  const { coordinator } = openForTest();
  coordinator.addSuppression(silenceOf('a'));
  coordinator.addSuppression(silenceOf('b'));
  const ended = { ...silenceOf('a'), endedAtMs: startMs + 5, endedBy: 'person:lee' };
  expect(coordinator.endSuppression('a', 'person:lee', startMs + 5)).toEqual(ended);
  expect(coordinator.endSuppression('a', 'person:kim', startMs + 6)).toBeUndefined();
  expect(coordinator.endSuppression('nobody', 'person:kim', startMs + 6)).toBeUndefined();
  expect(coordinator.endSuppression('b', 'person:kim', startMs + hourMs)).toBeUndefined();
  expect(coordinator.suppressions(startMs + 4).map(({ id }) => id)).toEqual(['a', 'b']);
  expect(coordinator.suppressions(startMs + 5).map(({ id }) => id)).toEqual(['b']);
});

test('a suppression that is to come can be ended before it begins', () => {
  const { coordinator } = openForTest();
  coordinator.addSuppression(silenceOf('a', { startsAtMs: startMs + 10 }));
  expect(coordinator.suppressions(startMs)).toHaveLength(1);
  expect(coordinator.endSuppression('a', 'person:kim', startMs)).toMatchObject({ endedAtMs: startMs });
  expect(coordinator.suppressions(startMs)).toEqual([]);
});

test('an id is used once', () => {
  const { coordinator } = openForTest();
  coordinator.addSuppression(silenceOf('a'));
  expect(() => coordinator.addSuppression(silenceOf('a', { reason: 'other' }))).toThrow('exists already');
  expect(coordinator.suppressions(startMs)).toEqual([silenceOf('a')]);
});

test('a question is asked once and answered once', () => {
  const { coordinator } = openForTest();
  const { id } = approvalOf();
  expect(coordinator.askApproval(approvalOf())).toBe(true);
  expect(coordinator.askApproval(approvalOf({ tag: 't-2' }))).toBe(false);
  expect(coordinator.approval(id)).toEqual(approvalOf());
  const answer = { status: 'approved', atMs: startMs + 5, by: 'person:kim', answer: 'go on' } as const;
  const approved = {
    ...approvalOf(),
    status: 'approved',
    decidedAtMs: startMs + 5,
    decidedBy: 'person:kim',
    answer: 'go on',
  };
  expect(coordinator.settleApproval(id, answer)).toEqual(approved);
  for (const status of ['approved', 'rejected', 'expired'] as const)
    expect(coordinator.settleApproval(id, { status, atMs: startMs + 6, by: 'rule' })).toBeUndefined();
  expect(coordinator.approval(id)).toEqual(approved);
  const lapse = { status: 'lapsed', atMs: startMs + 7, by: 'rule', answer: 'it recovered' } as const;
  const lapsed = { status: 'lapsed', decidedAtMs: startMs + 7, decidedBy: 'rule', answer: 'it recovered' };
  expect(coordinator.settleApproval(id, lapse)).toMatchObject(lapsed);
  expect(coordinator.settleApproval(id, lapse)).toBeUndefined();
  expect(coordinator.settleApproval('nobody', lapse)).toBeUndefined();
  expect(coordinator.askApproval(approvalOf())).toBe(false);
});

test('a question changes together with its messages, or not at all', () => {
  const { coordinator } = openForTest();
  const { id } = approvalOf();
  const keys = (status?: 'pending' | 'dismissed'): string[] =>
    coordinator
      .messages({ limit: 9, ...(status === undefined ? {} : { status }) })
      .items.map(({ key }) => key);
  const lost = messageOf('lost', { body: { no: 1n } });
  const rejected = { status: 'rejected', atMs: startMs, by: 'person:kim' } as const;
  expect(() => coordinator.askApproval(approvalOf(), [messageOf('q'), lost])).toThrow('BigInt');
  expect([coordinator.approval(id), keys()]).toEqual([undefined, []]);
  expect(coordinator.askApproval(approvalOf(), [messageOf('q')])).toBe(true);
  expect(coordinator.askApproval(approvalOf(), [messageOf('other')])).toBe(false);
  const again = approvalOf({ tag: 't-2' });
  expect(() => coordinator.askAgain(again, [messageOf('q2'), lost])).toThrow('BigInt');
  expect([coordinator.approval(id), keys()]).toEqual([approvalOf(), ['q']]);
  expect(coordinator.askAgain(again, [messageOf('q2')])).toBe(true);
  coordinator.messageSent(1, startMs);
  const end = { messages: [messageOf('end')], withdrawn: [1, 2] };
  const broken = { ...end, messages: [messageOf('end'), lost] };
  expect(() => coordinator.settleApproval(id, rejected, broken)).toThrow('BigInt');
  expect([coordinator.approval(id), keys('pending')]).toEqual([again, ['q2']]);
  expect(coordinator.settleApproval(id, rejected, end)).toMatchObject({ status: 'rejected' });
  const late = { messages: [messageOf('late')], withdrawn: [3] };
  expect(coordinator.settleApproval(id, rejected, late)).toBeUndefined();
  expect([keys('pending'), keys('dismissed'), keys()]).toEqual([['end'], ['q2'], ['end', 'q2', 'q']]);
  expect(coordinator.messages({ keyPrefix: 'q', limit: 9 }).items.map(({ key }) => key)).toEqual(['q2', 'q']);
});

test.each(['rejected', 'expired'] as const)('what is %s never lapses and is never approved', (status) => {
  const { coordinator } = openForTest();
  const { id } = approvalOf();
  coordinator.askApproval(approvalOf());
  coordinator.settleApproval(id, { status, atMs: startMs, by: 'rule' });
  for (const next of ['approved', 'lapsed'] as const)
    expect(coordinator.settleApproval(id, { status: next, atMs: startMs, by: 'rule' })).toBeUndefined();
  expect(coordinator.approval(id)?.status).toBe(status);
});

test('all waiting questions are listed, and those settled lately, newest first', () => {
  const path = storePath();
  const first = openForTest(path);
  for (const [index, id] of ['a', 'b', 'c', 'd'].entries())
    first.coordinator.askApproval(approvalOf({ id, createdAtMs: startMs + index }));
  first.coordinator.settleApproval('b', { status: 'rejected', atMs: startMs + 10, by: 'person:kim' });
  first.coordinator.settleApproval('c', { status: 'approved', atMs: startMs + 20, by: 'person:kim' });
  closeStores(first);
  const { coordinator } = openForTest(path);
  const ids = (sinceMs: number): string[] => coordinator.approvals(sinceMs).map(({ id }) => id);
  expect(ids(startMs + 11)).toEqual(['d', 'c', 'a']);
  expect(ids(startMs + 10)).toEqual(['d', 'c', 'b', 'a']);
  expect(ids(startMs + 21)).toEqual(['d', 'a']);
});

test('a brake is one for each scope, and is gone when it is cleared', () => {
  const path = storePath();
  const first = openForTest(path);
  first.coordinator.saveBrake(brakeOf());
  first.coordinator.saveBrake(brakeOf({ scope: 'role=web', unhealthy: 3 }));
  const released = { atMs: startMs + 1, by: 'person:kim', reason: 'known' };
  first.coordinator.saveBrake(brakeOf({ released, belowSinceMs: startMs }));
  closeStores(first);
  const { coordinator } = openForTest(path);
  expect(coordinator.brakes()).toEqual([
    brakeOf({ released, belowSinceMs: startMs }),
    brakeOf({ scope: 'role=web', unhealthy: 3 }),
  ]);
  coordinator.clearBrake('fleet');
  coordinator.clearBrake('fleet');
  expect(coordinator.brakes().map(({ scope }) => scope)).toEqual(['role=web']);
});

test('a cap of trust is one for each action, the newest', () => {
  const { coordinator } = openForTest();
  coordinator.saveTrust(capOf());
  coordinator.saveTrust(capOf({ mode: 'propose', sinceMs: startMs + 1 }));
  coordinator.saveTrust(capOf({ action: 'queue.reboot' }));
  expect(coordinator.trust()).toEqual([
    capOf({ mode: 'propose', sinceMs: startMs + 1 }),
    capOf({ action: 'queue.reboot' }),
  ]);
});

test('the first cause of a quarantine stays until a person re-arms', () => {
  const { coordinator } = openForTest();
  expect(coordinator.quarantine()).toBeUndefined();
  expect(coordinator.rearm()).toBe(false);
  const first = { cause: 'restored', sinceMs: startMs, text: 'hosts know a newer fence' } as const;
  coordinator.setQuarantine(first);
  coordinator.setQuarantine({ cause: 'corrupt', sinceMs: startMs + 1, text: 'later' });
  expect(coordinator.quarantine()).toEqual(first);
  expect(coordinator.rearm()).toBe(true);
  expect(coordinator.quarantine()).toBeUndefined();
});

test('what another process writes is seen at once, and what was read is frozen', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  coordinator.addSuppression(silenceOf('a'));
  coordinator.saveBrake(brakeOf());
  const [silence] = coordinator.suppressions(startMs);
  expect(() => Object.assign(silence ?? {}, { endsAtMs: 0 })).toThrow(TypeError);
  expect(() => Object.assign(silence?.kind === 'silence' ? silence.match : {}, { hosts: [] })).toThrow(
    TypeError,
  );
  expect(coordinator.brakes()).toHaveLength(1);
  const other = new Database(ledgerPathOf(path));
  other.exec('DELETE FROM brakes; DELETE FROM suppressions');
  expect(coordinator.brakes()).toEqual([]);
  expect(coordinator.suppressions(startMs)).toEqual([]);
  other.close();
});

const refusal = (message: string): unknown =>
  expect.objectContaining({ code: 'STORE_CORRUPT', message: expect.stringContaining(message) });

test('a row that was altered is refused on reading, with its name', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  coordinator.askApproval(approvalOf());
  coordinator.saveBrake(brakeOf());
  const other = new Database(ledgerPathOf(path));
  other.exec(
    `UPDATE approvals SET body = replace(body, 'waiting', 'approved'); UPDATE brakes SET id = 'role=web'`,
  );
  other.close();
  expect(() => coordinator.approval(approvalOf().id)).toThrow(refusal('approvals web-1~'));
  expect(() => coordinator.approvals(0)).toThrow(refusal('approvals web-1~'));
  expect(() => coordinator.brakes()).toThrow(refusal('brakes role=web'));
});

test('pruning takes what ended long ago, and nothing that lasts', () => {
  const { coordinator } = openForTest();
  coordinator.addSuppression(silenceOf('old', { endsAtMs: startMs + 1 }));
  coordinator.addSuppression(silenceOf('young'));
  for (const id of ['old', 'young', 'waiting']) coordinator.askApproval(approvalOf({ id, createdAtMs: 1 }));
  coordinator.settleApproval('old', { status: 'expired', atMs: startMs + 1, by: 'rule' });
  coordinator.settleApproval('young', { status: 'expired', atMs: startMs + 2, by: 'rule' });
  coordinator.saveBrake(brakeOf({ sinceMs: 1 }));
  coordinator.saveTrust(capOf({ sinceMs: 1 }));
  expect(coordinator.prune(startMs + 2)).toBe(false);
  expect(coordinator.suppressions(0).map(({ id }) => id)).toEqual(['young']);
  expect(coordinator.approvals(0).map(({ id }) => id)).toEqual(['waiting', 'young']);
  expect(coordinator.brakes()).toHaveLength(1);
  expect(coordinator.trust()).toHaveLength(1);
});
