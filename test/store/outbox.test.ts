import { expect, test } from 'vitest';
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

test('pruning takes settled messages only', () => {
  const { coordinator } = openForTest();
  for (const key of ['a', 'b', 'c']) coordinator.enqueue(messageOf(key));
  coordinator.messageSent(1, startMs);
  coordinator.messageFailed(2, 'gone', 'dead');
  coordinator.prune(startMs + 1);
  expect(coordinator.dueMessages(startMs, 10).map(({ key }) => key)).toEqual(['c']);
  expect(coordinator.enqueue(messageOf('a'))).toBe(true);
});
