/**
 * Owns one attempt to deliver one message of the outbox to its target. When and how often is for actions/outbox.ts.
 */
import type { NotifyTarget } from '../core/definitions.ts';
import type { Clock, OutboxMessage } from '../core/ports.ts';
import { alertmanagerBody } from './alertmanager.ts';
import { runProgram } from './exec.ts';
import { type HttpMessage, postMessage } from './http-message.ts';
import { incidentOf } from './incident.ts';
import { sendMail } from './mail.ts';
import { ntfyMessage } from './ntfy.ts';
import { pagerdutyMessage } from './pagerduty.ts';
import { signatureHeaders } from './signature.ts';
import { slackMessage } from './slack.ts';

export type Delivery =
  /** `note`: what went wrong although somebody got it. `answer`: the receiver's own words, for whoever asked; stored nowhere. */
  | { ok: true; note?: string; answer?: string }
  /** `permanent`: no further attempt can help. `retryAfterMs`: what the receiver asked to wait. */
  | { ok: false; error: string; permanent: boolean; answer?: string; retryAfterMs?: number };

export type Deliver = (message: OutboxMessage) => Promise<Delivery>;

/** Targets are looked up at each attempt, so that a reload mends what waits. Never rejects for what a receiver does. */
export function createDeliverer(options: {
  targets: () => ReadonlyMap<string, NotifyTarget>;
  /** Wall time, for signatures. */
  clock: Pick<Clock, 'nowMs'>;
  /** Milliseconds. */
  webhookTimeoutMs?: number;
  mailTimeoutMs?: number;
}): Deliver {
  const { clock, webhookTimeoutMs = 10_000, mailTimeoutMs = 30_000 } = options;
  return async (message) => {
    const target = options.targets().get(message.target);
    if (target === undefined) {
      return { ok: false, error: `there is no notify target ${message.target}`, permanent: false };
    }
    if (target.kind === 'smtp') return sendMail(target, message, mailTimeoutMs);
    if (target.kind === 'exec') return runProgram(target, message);
    return postMessage(httpMessage(target, message, clock.nowMs()), message.key, webhookTimeoutMs);
  };
}

type HttpTarget = Exclude<NotifyTarget, { kind: 'smtp' | 'exec' }>;

function httpMessage(target: HttpTarget, message: OutboxMessage, nowMs: number): HttpMessage {
  switch (target.kind) {
    case 'webhook':
      return webhookMessage(target, message, nowMs);
    case 'slack':
      return slackMessage(target, incidentOf(message));
    case 'ntfy':
      return ntfyMessage(target, incidentOf(message));
    case 'pagerduty':
      return pagerdutyMessage(target, incidentOf(message));
  }
}

function webhookMessage(
  { name, url, secret, format, allowPrivate }: Extract<NotifyTarget, { kind: 'webhook' }>,
  message: OutboxMessage,
  nowMs: number,
): HttpMessage {
  const content = format === 'mendd' ? message.body : alertmanagerBody(incidentOf(message), name);
  const body = JSON.stringify(content);
  return {
    url,
    body,
    allowPrivate,
    secrets: [url, secret],
    ...(secret === undefined ? {} : { headers: signatureHeaders(secret, body, nowMs) }),
  };
}
