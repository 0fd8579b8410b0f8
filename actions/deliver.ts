/**
 * Owns one attempt to deliver one message of the outbox to its target. When and how often is for actions/outbox.ts.
 */
import type { NotifyTarget } from '../core/definitions.ts';
import type { OutboxMessage } from '../core/ports.ts';
import { sendMail } from './mail.ts';
import { sendWebhook } from './webhook.ts';

export type Delivery =
  /** `note`: what went wrong although somebody got it. */
  | { ok: true; note?: string }
  /** `permanent`: no further attempt can help. */
  | { ok: false; error: string; permanent: boolean };

export type Deliver = (message: OutboxMessage) => Promise<Delivery>;

/** Targets are looked up at each attempt, so that a reload mends what waits. Never rejects for what a receiver does. */
export function createDeliverer(options: {
  targets: () => ReadonlyMap<string, NotifyTarget>;
  /** Milliseconds. */
  webhookTimeoutMs?: number;
  mailTimeoutMs?: number;
}): Deliver {
  const { webhookTimeoutMs = 10_000, mailTimeoutMs = 30_000 } = options;
  return async (message) => {
    const target = options.targets().get(message.target);
    if (target === undefined) {
      return { ok: false, error: `there is no notify target ${message.target}`, permanent: false };
    }
    if (target.kind === 'smtp') return sendMail(target, message, mailTimeoutMs);
    const sent = await sendWebhook({
      url: target.url,
      method: 'POST',
      body: message.body,
      timeoutMs: webhookTimeoutMs,
      idempotencyKey: message.key,
    });
    return sent.ok ? { ok: true } : { ok: false, error: sent.error, permanent: sent.permanent };
  };
}
