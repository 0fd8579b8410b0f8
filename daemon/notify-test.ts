/** Sends a message to a notify target because a person wants to see it arrive. Each is in the audit before it leaves. */
import { randomUUID } from 'node:crypto';
import { createDeliverer } from '../actions/deliver.ts';
import { testMessage } from '../actions/notice-message.ts';
import type { NotifyTarget } from '../core/definitions.ts';
import type { NotifyPort, NotifyTargetView, NotifyTest } from '../core/notify-port.ts';
import type { OutboxMessage } from '../core/ports.ts';
import type { Rejected } from '../core/views.ts';
import { createMessageViews, type MessageViewSources } from './message-views.ts';
import { type PersonControlSources, recordCommand, recordRefusal, rejected } from './person-controls.ts';

type Sources = Pick<PersonControlSources, 'clock' | 'coordinator' | 'fleet' | 'recorder'>;

/** A person waits for the answer, on a connection that ends after a minute of silence. Milliseconds. */
const longestMs = 30_000;

export function createNotifyPort(sources: Sources & MessageViewSources): NotifyPort {
  const targets = (): ReadonlyMap<string, NotifyTarget> => sources.fleet.definitions.daemon.notify;
  const underWay = new Set<string>();
  return {
    ...createMessageViews(sources),
    targets: () =>
      [...targets().values()]
        .map(viewOf)
        .toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name))),
    async test(name, by, isDry = false): Promise<NotifyTest | Rejected> {
      const target = targets().get(name);
      if (target === undefined) return rejected(404, 'not_found', `There is no notify target ${name}.`);
      if (underWay.has(name)) {
        const answer = rejected(409, 'busy', `A test message to ${name} is under way.`);
        return isDry ? answer : recordRefusal(sources, by, { command: 'notify.test', target: name }, answer);
      }
      if (isDry) return { target: name, kind: target.kind, ok: true, note: 'a dry run: not sent', tookMs: 0 };
      recordCommand(sources, by, 'notify.tested', { target: name, kind: target.kind });
      underWay.add(name);
      try {
        return await sendTest(sources, target, by);
      } finally {
        underWay.delete(name);
      }
    },
  };
}

async function sendTest({ clock }: Sources, target: NotifyTarget, by: string): Promise<NotifyTest> {
  const { name, kind } = target;
  const nowMs = clock.nowMs();
  const bounded =
    target.kind === 'exec' ? { ...target, timeoutMs: Math.min(target.timeoutMs, longestMs) } : target;
  const deliver = createDeliverer({
    clock,
    targets: () => new Map([[name, bounded]]),
    mailTimeoutMs: longestMs,
  });
  const message: OutboxMessage = {
    id: 0,
    key: `test~${name}~${randomUUID()}`,
    target: name,
    kind: 'notice',
    host: '',
    ladder: '',
    body: testMessage(name, by, nowMs),
    createdAtMs: nowMs,
    attempts: 0,
    nextAttemptAtMs: nowMs,
    status: 'pending',
  };
  const startedMs = clock.monotonicMs();
  const sent = await deliver(message);
  const tookMs = Math.round(clock.monotonicMs() - startedMs);
  const answer = sent.answer === undefined ? {} : { answer: sent.answer };
  if (!sent.ok) return { target: name, kind, ok: false, error: sent.error, ...answer, tookMs };
  return {
    target: name,
    kind,
    ok: true,
    ...(sent.note === undefined ? {} : { note: sent.note }),
    ...answer,
    tookMs,
  };
}

function viewOf(target: NotifyTarget): NotifyTargetView {
  const { name, kind } = target;
  if (target.kind === 'smtp') return { name, kind, to: target.to.join(', ') };
  return { name, kind, ...(target.kind === 'exec' ? { to: target.path } : {}) };
}
