import { expect, test } from 'vitest';
import type { Conversation } from '../../core/conversation.ts';
import { mostWaiting, pushedOut } from '../../store/outbox.ts';
import { closeStores, messageOf, minuteMs, openForTest, startMs, storePath } from './support/samples.ts';

test('a message waits until it is sent, also across a restart', () => {
  const path = storePath();
  const first = openForTest(path);
  expect(first.coordinator.enqueue(messageOf('p1', { runId: 'r1' }))).toBe(true);
  expect(first.coordinator.enqueue(messageOf('p1', { body: { text: 'again' } }))).toBe(false);
  closeStores(first);
  const { coordinator } = openForTest(path);
  const waiting = { ...messageOf('p1', { runId: 'r1' }), id: 1, attempts: 0, status: 'pending' };
  expect(coordinator.dueMessages(startMs, 10)).toEqual([waiting]);
  coordinator.messageSent(1, startMs + 1);
  expect(coordinator.dueMessages(startMs + minuteMs, 10)).toEqual([]);
  expect(coordinator.enqueue(messageOf('p1'))).toBe(false);
});

test('a failed message comes again when it is due, the longest waiting first, until it is dead', () => {
  const { coordinator } = openForTest();
  for (const key of ['a', 'b', 'c']) coordinator.enqueue(messageOf(key));
  const due = (nowMs: number, limit = 10): string[] =>
    coordinator.dueMessages(nowMs, limit).map(({ key }) => key);
  expect(due(startMs - 1)).toEqual([]);
  expect(due(startMs, 2)).toEqual(['a', 'b']);
  coordinator.messageFailed(1, 'refused', startMs + minuteMs);
  expect(due(startMs)).toEqual(['b', 'c']);
  expect(due(startMs + minuteMs)).toEqual(['b', 'c', 'a']);
  const again = coordinator.dueMessages(startMs + minuteMs, 10).find(({ key }) => key === 'a');
  expect(again).toMatchObject({ attempts: 1, lastError: 'refused', nextAttemptAtMs: startMs + minuteMs });
  coordinator.messageFailed(1, 'refused for ever', 'dead');
  expect(due(startMs + minuteMs)).toEqual(['b', 'c']);
});

test('a recovery is owed for each problem sent or pending, once', () => {
  const { coordinator } = openForTest();
  const owed = (ladder = 'queue.restart'): string[] =>
    coordinator.unrecovered('web-1', ladder).map(({ key }) => key);
  coordinator.enqueue(messageOf('sent'));
  coordinator.messageSent(1, startMs);
  coordinator.enqueue(messageOf('pending', { target: 'mail' }));
  coordinator.enqueue(messageOf('dead', { target: 'pager' }));
  coordinator.messageFailed(3, 'gone', 'dead');
  coordinator.enqueue(messageOf('elsewhere', { host: 'web-2' }));
  coordinator.enqueue(messageOf('other ladder', { ladder: 'disk.clean' }));
  expect(owed()).toEqual(['sent', 'pending']);
  expect(owed('disk.clean')).toEqual(['other ladder']);
  coordinator.enqueue(messageOf('recovery', { kind: 'recovery' }));
  expect(owed()).toEqual(['pending']);
  coordinator.enqueue(messageOf('recovery to mail', { kind: 'recovery', target: 'mail' }));
  expect(owed()).toEqual([]);
  coordinator.enqueue(messageOf('next problem'));
  expect(owed()).toEqual(['next problem']);
});

test('a recovery is given out once no problem that it ends waits, whatever became of that', () => {
  const path = storePath();
  const first = openForTest(path);
  const [later, more] = [startMs + minuteMs, { conversation: 'c1' }];
  for (const key of ['sent', 'dead', 'again']) first.coordinator.enqueue(messageOf(key, { host: key }));
  first.coordinator.enqueue(messageOf('group', { ...more, host: '', ladder: '' }));
  for (const id of [1, 2, 3, 4]) first.coordinator.messageFailed(id, 'HTTP 503', later);
  for (const host of ['sent', 'dead', 'again', 'nobody'])
    first.coordinator.enqueue(messageOf(`${host} over`, { kind: 'recovery', host }));
  first.coordinator.enqueue(messageOf('group over', { ...more, kind: 'recovery' }));
  const free = { target: 'mail', kind: 'recovery', host: 'sent' } as const;
  first.coordinator.enqueue(messageOf('other target', free));
  first.coordinator.enqueue(messageOf('next', { host: 'nobody' }));
  closeStores(first);
  const { coordinator } = openForTest(path);
  const due = (): string[] => coordinator.dueMessages(startMs, 10).map(({ key }) => key);
  expect(due().toSorted()).toEqual(['next', 'nobody over', 'other target']);
  coordinator.messageSent(1, startMs);
  coordinator.messageFailed(2, 'HTTP 422', 'dead');
  expect(due()).toEqual(expect.arrayContaining(['sent over', 'dead over']));
  expect(due()).not.toEqual(expect.arrayContaining(['again over']));
  expect(due()).not.toEqual(expect.arrayContaining(['group over']));
  coordinator.messageSent(4, startMs);
  expect(due()).toContain('group over');
  coordinator.retryMessage(2, later);
  expect(due()).not.toContain('dead over');
});

test('a problem that was pushed out holds up no recovery', () => {
  const { coordinator } = openForTest();
  coordinator.enqueue(messageOf('problem'));
  coordinator.messageFailed(1, 'HTTP 503', startMs + minuteMs);
  coordinator.enqueue(messageOf('over', { kind: 'recovery' }));
  for (let each = 0; each < mostWaiting - 1; each += 1)
    coordinator.enqueue(messageOf(`m${each}`, { host: `web-${each}` }));
  expect(coordinator.message(1)).toMatchObject({ status: 'dead', lastError: pushedOut });
  expect(coordinator.dueMessages(startMs, 1).map(({ key }) => key)).toEqual(['over']);
});

test('pruning takes settled messages only', () => {
  const { coordinator } = openForTest();
  for (const key of ['a', 'b', 'c']) coordinator.enqueue(messageOf(key));
  coordinator.messageSent(1, startMs);
  coordinator.messageFailed(2, 'gone', 'dead');
  coordinator.prune(startMs + 1);
  expect(coordinator.dueMessages(startMs, 10).map(({ key }) => key)).toEqual(['c']);
  expect(coordinator.enqueue(messageOf('a'))).toBe(true);
});

test('a flooded target delays no other: each gives at most so many', () => {
  const { coordinator } = openForTest();
  for (let each = 0; each < 30; each += 1) coordinator.enqueue(messageOf(`flood ${each}`));
  coordinator.enqueue(messageOf('alone', { target: 'mail' }));
  const due = coordinator.dueMessages(startMs, 10);
  expect(due.filter(({ target }) => target !== 'mail')).toHaveLength(10);
  expect(due.map(({ key }) => key)).toContain('alone');
});

test('above the most that may wait the oldest notice, then the oldest message, becomes a dead letter; others do not', () => {
  const { coordinator } = openForTest();
  coordinator.enqueue(messageOf('other', { target: 'mail' }));
  coordinator.enqueue(messageOf('oldest'));
  coordinator.enqueue(messageOf('notice', { kind: 'notice' }));
  for (let each = 2; each < mostWaiting; each += 1) coordinator.enqueue(messageOf(`m${each}`));
  expect(coordinator.messageCounts()).toEqual({ waiting: mostWaiting + 1, sent: 0, dead: 0 });
  coordinator.enqueue(messageOf('one more'));
  coordinator.enqueue(messageOf('and one more'));
  const dead = coordinator.messages({ status: 'dead', limit: 10 }).items;
  expect(dead.map(({ key, lastError }) => [key, lastError])).toEqual([
    ['notice', pushedOut],
    ['oldest', pushedOut],
  ]);
  expect(coordinator.messageCounts()).toEqual({ waiting: mostWaiting + 1, sent: 0, dead: 2 });
});

test('messages are listed newest first in pages, by what became of them, and sent again', () => {
  const { coordinator } = openForTest();
  for (const key of ['a', 'b', 'c', 'd']) coordinator.enqueue(messageOf(key));
  coordinator.enqueue(messageOf('e', { target: 'mail', host: 'web-9', createdAtMs: startMs + minuteMs }));
  coordinator.messageSent(1, startMs + 5);
  coordinator.messageFailed(2, 'HTTP 422', 'dead');
  const keys = (query: Partial<Parameters<typeof coordinator.messages>[0]>): string[] =>
    coordinator.messages({ limit: 10, ...query }).items.map(({ key }) => key);
  expect(keys({})).toEqual(['e', 'd', 'c', 'b', 'a']);
  expect(keys({ status: 'pending' })).toEqual(['e', 'd', 'c']);
  expect(keys({ target: 'mail' })).toEqual(['e']);
  expect(keys({ host: 'web-9' })).toEqual(['e']);
  expect(keys({ sinceMs: startMs + 1 })).toEqual(['e']);
  expect(keys({ untilMs: startMs })).toEqual(['d', 'c', 'b', 'a']);
  const first = coordinator.messages({ limit: 2 });
  expect(coordinator.messages({ limit: 3, cursor: first.next ?? '' }).items.map(({ key }) => key)).toEqual([
    'c',
    'b',
    'a',
  ]);
  expect(coordinator.message(1)).toMatchObject({ status: 'sent', sentAtMs: startMs + 5 });
  expect(coordinator.message(99)).toBeUndefined();
  expect(coordinator.messageTrouble(startMs)).toEqual({ waiting: 3, dead: 1, oldestWaitingAtMs: startMs });
  expect(coordinator.messageTrouble(startMs + 1)).toMatchObject({ dead: 0 });
  expect([1, 2, 3, 99].map((id) => coordinator.dismissMessage(id))).toEqual([false, true, false, false]);
  expect(coordinator.message(2)).toMatchObject({ status: 'dismissed', lastError: 'HTTP 422' });
  expect(coordinator.messageCounts()).toEqual({ waiting: 3, sent: 1, dead: 0 });
  expect(coordinator.messageTrouble(startMs)).toMatchObject({ waiting: 3, dead: 0 });
  expect(keys({ status: 'dismissed' })).toEqual(['b']);
  expect([1, 2, 3, 99].map((id) => coordinator.retryMessage(id, startMs + 7))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(coordinator.message(2)).toMatchObject({
    status: 'pending',
    attempts: 0,
    nextAttemptAtMs: startMs + 7,
  });
});

test('a conversation and its message are written together, and come back as they were', () => {
  const path = storePath();
  const stores = openForTest(path);
  const conversation: Conversation = {
    id: 'c1',
    target: 'oncall',
    route: 'all',
    key: 'root web-1/host',
    shared: {},
    openedMs: startMs,
    messages: 1,
    repeats: 0,
    members: [],
  };
  const message = messageOf('c1~1', { conversation: 'c1' });
  stores.coordinator.converse([conversation], [message]);
  // What cannot be written as a whole is not written at all.
  const broken = { ...conversation, id: 'c2' };
  const loop: Record<string, unknown> = { text: 'x', subject: 'x' };
  loop['self'] = loop;
  expect(() => stores.coordinator.converse([broken], [messageOf('c2~1', { body: loop })])).toThrow(
    /circular/,
  );
  closeStores(stores);
  const { coordinator } = openForTest(path);
  expect(coordinator.conversations(startMs)).toEqual([conversation]);
  expect(coordinator.dueMessages(startMs, 10).map(({ key, conversation: of }) => [key, of])).toEqual([
    ['c1~1', 'c1'],
  ]);
  // Its recovery is the conversation's affair.
  expect(coordinator.unrecovered('web-1', 'queue.restart')).toEqual([]);
  expect(coordinator.unrecoveredLadders()).toEqual([]);
  coordinator.enqueue(messageOf('alone'));
  expect(coordinator.unrecoveredLadders()).toEqual([{ host: 'web-1', ladder: 'queue.restart' }]);
  coordinator.converse([{ ...conversation, endedMs: startMs + 5 }]);
  expect(coordinator.conversations(startMs)).toHaveLength(1);
  expect(coordinator.conversations(startMs + 5)).toEqual([]);
  coordinator.prune(startMs + 6);
  expect(coordinator.conversations(0)).toEqual([]);
});
