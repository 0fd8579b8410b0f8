/** What a person does about dead letters, over a real ledger. */
import { expect, test } from 'vitest';
import { createMessageViews, type MessageViewSources } from '../../daemon/message-views.ts';
import { messageOf, openForTest, startMs } from '../store/support/samples.ts';
import { FakeClock } from '../support/fake-clock.ts';

function start() {
  const { coordinator } = openForTest();
  let pumped = 0;
  const sources = {
    clock: new FakeClock(startMs),
    coordinator,
    recorder: { record: (entry: object) => coordinator.audit({ atMs: startMs, ...entry } as never) },
    messages: { pumpSoon: () => (pumped += 1), owe: () => undefined },
  } as unknown as MessageViewSources;
  const audited = (): unknown[] =>
    coordinator
      .auditEntries({ limit: 50 })
      .items.filter(({ event }) => event.startsWith('message.') || event === 'command.refused')
      .map(({ actor, event, body }) => [actor, event, body['key'] ?? body['code']])
      .toReversed();
  return { coordinator, views: createMessageViews(sources), audited, pumped: () => pumped };
}

test('dead letters rest together, of one target or of all, and none that died later', () => {
  const { coordinator, views, audited } = start();
  for (const [key, target] of Object.entries({ a: 'oncall', b: 'mail', c: 'oncall', d: 'oncall', e: 'mail' }))
    coordinator.enqueue(messageOf(key, { target }));
  for (const id of [1, 2, 4, 5]) coordinator.messageFailed(id, 'HTTP 422', 'dead');
  const resting = (): string[] =>
    views.messages({ status: 'dismissed', limit: 9 }).items.map(({ key }) => key);
  expect(views.dismissUpTo('4', undefined, 'ann', true)).toBe(3);
  expect([resting(), audited()]).toEqual([[], []]);
  expect(views.dismissUpTo('4', 'oncall', 'ann')).toBe(2);
  expect(resting()).toEqual(['d', 'a']);
  expect(views.dismissUpTo('4', undefined, 'ann')).toBe(1);
  expect(views.dismissUpTo('4', undefined, 'ann')).toBe(0);
  expect(resting()).toEqual(['d', 'b', 'a']);
  expect(views.counts()).toEqual({ waiting: 1, sent: 0, dead: 1 });
  const entries = coordinator
    .auditEntries({ limit: 9 })
    .items.filter(({ event }) => event === 'messages.dismissed');
  expect(entries.map(({ actor, body }) => [actor, body])).toEqual([
    ['person:ann', { upTo: '4', target: null, count: 1 }],
    ['person:ann', { upTo: '4', target: 'oncall', count: 2 }],
  ]);
});

test('a dead letter rests once a person says so, once, on record, and can still be sent again', () => {
  const { coordinator, views, audited, pumped } = start();
  for (const key of ['dead', 'sent', 'waiting']) coordinator.enqueue(messageOf(key));
  coordinator.messageFailed(1, 'HTTP 422', 'dead');
  coordinator.messageSent(2, startMs);
  expect(views.dismiss('1', 'ann', true)).toMatchObject({ id: '1', status: 'dismissed' });
  expect(views.counts()).toEqual({ waiting: 1, sent: 1, dead: 1 });
  expect(audited()).toEqual([]);
  expect(views.dismiss('1', 'ann')).toMatchObject({ status: 'dismissed', lastError: 'HTTP 422' });
  expect(views.dismiss('1', 'bob')).toMatchObject({ status: 'dismissed' });
  expect(views.trouble()).toMatchObject({ waiting: 1, dead: 0 });
  expect(views.messages({ status: 'dismissed', limit: 9 }).items.map(({ key }) => key)).toEqual(['dead']);
  expect(views.dismiss('9', 'ann')).toMatchObject({ status: 404 });
  expect(views.dismiss('2', 'ann')).toMatchObject({ status: 409, code: 'sent' });
  expect(views.dismiss('3', 'ann')).toMatchObject({ status: 409, code: 'waiting' });
  expect(views.retry('1', 'ann')).toMatchObject({ status: 'waiting', attempts: 0 });
  expect(pumped()).toBe(1);
  expect(coordinator.dueMessages(startMs, 9).map(({ key }) => key)).toContain('dead');
  expect(audited()).toEqual([
    ['person:ann', 'message.dismissed', 'dead'],
    ['person:ann', 'command.refused', 'sent'],
    ['person:ann', 'command.refused', 'waiting'],
    ['person:ann', 'message.retried', 'dead'],
  ]);
});
