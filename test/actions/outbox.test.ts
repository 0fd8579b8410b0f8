import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { Delivery } from '../../actions/deliver.ts';
import { createOutbox, type OutboxOptions } from '../../actions/outbox.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import type { Stores } from '../../store/open.ts';
import { closeStores, messageOf, openForTest, startMs, storePath } from '../store/support/samples.ts';
import { minuteMs, nightMs, outboxMessage } from './story.ts';

const hourMs = 60 * minuteMs;

/** A ledger in memory that can be out of order, and a deliverer that does as told. */
function desk(messages: OutboxMessage[], answer: (message: OutboxMessage) => Delivery | Promise<Delivery>) {
  const state = { nowMs: nightMs, broken: '', random: 0.5 };
  const sent: string[] = [];
  const events: [string, Record<string, unknown>][] = [];
  const must = (id: number): OutboxMessage => {
    if (state.broken === 'write') throw new Error('disk full');
    const found = messages.find((message) => message.id === id);
    if (found === undefined) throw new Error(`no message ${id}`);
    return found;
  };
  const options: OutboxOptions = {
    clock: { nowMs: () => state.nowMs },
    random: () => state.random,
    coordinator: {
      dueMessages: (nowMs, limit) => {
        if (state.broken === 'read') throw new Error('disk gone');
        const isBehind = ({ kind, host, id }: OutboxMessage): boolean =>
          kind === 'recovery' &&
          messages.some(
            (each) =>
              each.kind === 'problem' && each.status === 'pending' && each.host === host && each.id < id,
          );
        return messages
          .filter((message) => message.status === 'pending' && message.nextAttemptAtMs <= nowMs)
          .filter((message) => !isBehind(message))
          .map((message) => ({ ...message }))
          .slice(0, limit);
      },
      messageSent: (id) => void Object.assign(must(id), { status: 'sent' }),
      messageFailed: (id, error, next) => {
        const message = must(id);
        message.attempts += 1;
        message.lastError = error;
        if (next === 'dead') message.status = 'dead';
        else message.nextAttemptAtMs = next;
      },
    },
    deliver: async (message) => {
      sent.push(message.key);
      return answer(message);
    },
    onEvent: (type, event) => events.push([type, event.data]),
  };
  return { state, sent, events, messages, outbox: createOutbox(options) };
}

const ok: Delivery = { ok: true };
const later: Delivery = { ok: false, error: 'HTTP 503', permanent: false };

function queued(id: number, changes: Partial<OutboxMessage> = {}): OutboxMessage {
  return outboxMessage({ id, key: `m${id}`, ...changes });
}

test('what is due is sent once and recorded', async () => {
  const { outbox, sent, messages, events } = desk(
    [queued(1), queued(2, { nextAttemptAtMs: nightMs + 1 })],
    () => ok,
  );
  await outbox.pump();
  await outbox.pump();
  expect(sent).toEqual(['m1']);
  expect(messages.map((each) => each.status)).toEqual(['sent', 'pending']);
  expect(events).toEqual([
    ['message.sent', { message: 'm1', target: 'oncall', kind: 'problem', attempts: 1 }],
  ]);
});

test('a note of the deliverer is told', async () => {
  const { outbox, events } = desk([queued(1)], () => ({ ok: true, note: 'refused for x' }));
  await outbox.pump();
  expect(events[0]?.[1]).toMatchObject({ note: 'refused for x' });
});

test('two pumps at once send once; a message queued meanwhile goes out too', async () => {
  const messages = [queued(1)];
  const waiting: (() => void)[] = [];
  const { outbox, sent } = desk(messages, () => new Promise((resolve) => waiting.push(() => resolve(ok))));
  const first = outbox.pump();
  messages.push(queued(2));
  const second = outbox.pump();
  expect(sent).toEqual(['m1']);
  const bothSent = Promise.all([first, second]);
  waiting.shift()?.();
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  waiting.shift()?.();
  await bothSent;
  expect(sent).toEqual(['m1', 'm2']);
});

test('failures wait 1 min, 2 min, ... 1 h with jitter, and die after a day', async () => {
  const { outbox, state, messages, sent, events } = desk([queued(1)], () => later);
  const waits: number[] = [];
  const [only] = messages as [OutboxMessage];
  while (only.status === 'pending') {
    state.nowMs = only.nextAttemptAtMs;
    await outbox.pump();
    if (only.status === 'pending') waits.push((only.nextAttemptAtMs - state.nowMs) / minuteMs);
  }
  expect(waits.slice(0, 8)).toEqual([0.75, 1.5, 3, 6, 12, 24, 45, 45]);
  expect(state.nowMs - nightMs).toBeGreaterThanOrEqual(24 * hourMs);
  expect(state.nowMs - nightMs).toBeLessThan(25 * hourMs);
  expect(only).toMatchObject({ status: 'dead', lastError: 'HTTP 503' });
  expect(sent.length).toBe(waits.length + 1);
  expect(events.at(-1)).toEqual([
    'message.failed',
    expect.objectContaining({ dead: true, error: 'HTTP 503' }),
  ]);
  expect(events[0]).toEqual([
    'message.failed',
    expect.objectContaining({ dead: false, nextAttemptAtMs: nightMs + 45_000 }),
  ]);
});

test('jitter keeps every wait between the half and the whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 0, max: 60 }),
      async (random, attempts) => {
        const { outbox, state, messages } = desk([queued(1, { attempts })], () => later);
        state.random = random;
        await outbox.pump();
        const wait = (messages[0]?.nextAttemptAtMs ?? 0) - nightMs;
        const bound = Math.min(hourMs, minuteMs * 2 ** attempts);
        return wait >= Math.floor(bound / 2) && wait <= bound;
      },
    ),
  );
});

test('a jump of the wall clock does not kill a message', async () => {
  const { outbox, state, messages } = desk([queued(1)], () => later);
  state.nowMs += 48 * hourMs;
  await outbox.pump();
  expect(messages[0]?.status).toBe('pending');
});

test('a permanent refusal is dead at once and does not hold up the others', async () => {
  const { outbox, messages } = desk([queued(1), queued(2)], ({ id }) =>
    id === 1 ? { ok: false, error: 'HTTP 422', permanent: true } : ok,
  );
  await outbox.pump();
  expect(messages.map((each) => each.status)).toEqual(['dead', 'sent']);
});

test('a target that fails is asked once a pass; other targets are not held up', async () => {
  const queue = [1, 2, 3].map((id) => queued(id)).concat(queued(4, { target: 'mail' }));
  const { outbox, sent } = desk(queue, ({ target }) => (target === 'mail' ? ok : later));
  await outbox.pump();
  expect(sent.toSorted()).toEqual(['m1', 'm4']);
  await outbox.pump();
  expect(sent.toSorted()).toEqual(['m1', 'm2', 'm4']);
});

test('at most sixteen targets at once, one message each', async () => {
  let running = 0;
  let most = 0;
  const queue = Array.from({ length: 60 }, (_, index) => queued(index + 1, { target: `t${index % 20}` }));
  const { outbox, sent } = desk(queue, async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    return ok;
  });
  await outbox.pump();
  expect(sent).toHaveLength(60);
  expect(most).toBe(16);
});

test('a target that hangs holds up nobody else, neither now nor at the next pump', async () => {
  const releases: (() => void)[] = [];
  const messages = [queued(1), queued(2, { target: 'mail' })];
  const { outbox, sent } = desk(messages, ({ target }) =>
    target === 'mail' ? ok : new Promise((resolve) => releases.push(() => resolve(ok))),
  );
  const first = outbox.pump();
  await vi.waitFor(() => expect(messages[1]?.status).toBe('sent'));
  messages.push(queued(3, { target: 'mail' }), queued(4));
  const second = outbox.pump();
  await vi.waitFor(() => expect(messages[2]?.status).toBe('sent'));
  expect(sent).toEqual(['m1', 'm2', 'm3']);
  releases[0]?.();
  await vi.waitFor(() => expect(sent).toContain('m4'));
  releases[1]?.();
  await Promise.all([first, second]);
  expect(messages.every(({ status }) => status === 'sent')).toBe(true);
});

test('a recovery never overtakes its problem, and goes out with the next pass', async () => {
  let answer: Delivery = later;
  const { outbox, state, sent, messages } = desk([queued(1)], () => answer);
  await outbox.pump();
  messages.push(queued(2, { kind: 'recovery' }), queued(3, { kind: 'recovery', host: 'web-2' }));
  answer = ok;
  await outbox.pump();
  expect(sent).toEqual(['m1', 'm3']);
  state.nowMs += hourMs;
  await outbox.pump();
  await outbox.pump();
  expect(sent).toEqual(['m1', 'm3', 'm1', 'm2']);
});

test('the daemon dies while a problem waits for another attempt: its recovery still comes after it', async () => {
  const path = storePath();
  const sent: string[] = [];
  let [nowMs, answer]: [number, Delivery] = [startMs, later];
  const life = (coordinator: Stores['coordinator']) =>
    createOutbox({
      coordinator,
      clock: { nowMs: () => nowMs },
      random: () => 0.5,
      deliver: ({ key }) => {
        sent.push(key);
        return Promise.resolve(answer);
      },
      onEvent: () => undefined,
    });
  const first = openForTest(path);
  first.coordinator.enqueue(messageOf('problem'));
  await life(first.coordinator).pump();
  first.coordinator.enqueue(messageOf('recovery', { kind: 'recovery' }));
  closeStores(first);
  const { coordinator } = openForTest(path);
  const outbox = life(coordinator);
  answer = ok;
  await outbox.pump();
  expect(sent).toEqual(['problem']);
  nowMs += hourMs;
  await outbox.pump();
  await outbox.pump();
  expect(sent).toEqual(['problem', 'problem', 'recovery']);
});

test('a recovery goes out when its problem is dead', async () => {
  let answer: Delivery = later;
  const { outbox, state, sent, messages } = desk([queued(1)], () => answer);
  await outbox.pump();
  messages.push(queued(2, { kind: 'recovery' }));
  answer = { ok: false, error: 'HTTP 422', permanent: true };
  state.nowMs += hourMs;
  await outbox.pump();
  await outbox.pump();
  expect(sent).toEqual(['m1', 'm1', 'm2']);
});

test('a page that was sent is not sent again while the ledger cannot be written', async () => {
  const { outbox, state, sent, messages, events } = desk([queued(1)], () => ok);
  state.broken = 'write';
  await outbox.pump();
  await outbox.pump();
  await outbox.pump();
  expect(sent).toEqual(['m1']);
  const complaints = events.filter(([type]) => type === 'message.failed');
  expect(complaints).toEqual([['message.failed', { error: 'the outbox cannot be used: disk full' }]]);
  state.broken = '';
  await outbox.pump();
  expect(messages[0]?.status).toBe('sent');
  expect(sent).toEqual(['m1']);
});

test('a failure that could not be recorded still keeps its wait', async () => {
  const { outbox, state, sent, messages } = desk([queued(1)], () => later);
  state.broken = 'write';
  await outbox.pump();
  state.broken = '';
  await outbox.pump();
  expect(sent).toEqual(['m1']);
  expect(messages[0]).toMatchObject({ attempts: 1, nextAttemptAtMs: nightMs + 45_000 });
});

test('a ledger that cannot be read is told once, and again after it worked', async () => {
  const { outbox, state, events } = desk([], () => ok);
  for (const broken of ['read', 'read', '', 'read']) {
    state.broken = broken;
    await outbox.pump();
  }
  expect(events.map(([, data]) => data['error'])).toEqual([
    'the outbox cannot be used: disk gone',
    'the outbox cannot be used: disk gone',
  ]);
});

test('a message that breaks the deliverer fails like any other', async () => {
  const { outbox, messages, events } = desk([queued(1), queued(2, { target: 'mail' })], ({ id }) => {
    if (id === 1) throw new TypeError('no subject');
    return ok;
  });
  await outbox.pump();
  expect(messages.map((each) => each.status)).toEqual(['pending', 'sent']);
  expect(events.map(([, data]) => data['error']).filter(Boolean)).toEqual([
    'internal error: TypeError: no subject',
  ]);
});

test('what a receiver asks to wait is waited, by all messages to it and by no other', async () => {
  const { outbox, state, sent, messages } = desk(
    [queued(1), queued(2), queued(3, { target: 'other' })],
    ({ id }) => (id === 1 && state.nowMs === nightMs ? { ...later, retryAfterMs: 10 * minuteMs } : ok),
  );
  await outbox.pump();
  expect(sent).toEqual(['m1', 'm3']);
  state.nowMs = nightMs + 10 * minuteMs - 1;
  await outbox.pump();
  expect(sent).toEqual(['m1', 'm3']);
  state.nowMs += 1;
  await outbox.pump();
  expect(sent).toEqual(['m1', 'm3', 'm1', 'm2']);
  expect(messages.map(({ status }) => status)).toEqual(['sent', 'sent', 'sent']);
});

test('nobody makes us wait for longer than an hour, or less than we would by ourselves', async () => {
  for (const [retryAfterMs, waitMs] of [
    [365 * 24 * hourMs, hourMs],
    [1, 45_000],
  ] as const) {
    const { outbox, messages } = desk([queued(1)], () => ({ ...later, retryAfterMs }));
    await outbox.pump();
    expect(messages[0]?.nextAttemptAtMs).toBe(nightMs + waitMs);
  }
});

test('a clock that was set back does not keep a receiver at rest', async () => {
  const early = queued(2, { nextAttemptAtMs: 0 });
  const messages = [queued(1)];
  const { outbox, state, sent } = desk(messages, ({ id }) =>
    id === 1 ? { ...later, retryAfterMs: minuteMs } : ok,
  );
  await outbox.pump();
  messages.push(early);
  await outbox.pump();
  expect(sent).toEqual(['m1']);
  state.nowMs = nightMs - 24 * hourMs;
  await outbox.pump();
  expect(sent).toEqual(['m1', 'm2']);
});
