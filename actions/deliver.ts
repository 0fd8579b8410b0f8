/**
 * Owns one attempt to deliver one message of the outbox to its target. When and how often is for actions/outbox.ts.
 */
import type { NotifyTarget, Secret } from '../core/definitions.ts';
import type { Clock, OutboxMessage } from '../core/ports.ts';
import { alertmanagerBody } from './alertmanager.ts';
import { incidentOf } from './incident.ts';
import { cutBytes, inertLine } from './inert-text.ts';
import { sendMail } from './mail.ts';
import { signatureHeaders } from './signature.ts';
import { sendWebhook } from './webhook.ts';

export type Delivery =
  /** `note`: what went wrong although somebody got it. `answer`: the receiver's own words, for whoever asked; stored nowhere. */
  | { ok: true; note?: string; answer?: string }
  /** `permanent`: no further attempt can help. `retryAfterMs`: what the receiver asked to wait. */
  | { ok: false; error: string; permanent: boolean; answer?: string; retryAfterMs?: number };

export type Deliver = (message: OutboxMessage) => Promise<Delivery>;

/** What a kind of target that speaks HTTP makes of a message. */
export interface HttpMessage {
  url: Secret;
  body: string;
  headers?: Readonly<Record<string, string>>;
  allowPrivate?: boolean;
  /** All that must not be repeated, should the receiver do so in its answer. */
  secrets: readonly (Secret | undefined)[];
}

/** Characters of an answer that are shown. */
const answerLimit = 300;

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
    return post(httpMessage(target, message, clock.nowMs()), message.key, webhookTimeoutMs);
  };
}

function httpMessage(
  target: Exclude<NotifyTarget, { kind: 'smtp' }>,
  message: OutboxMessage,
  nowMs: number,
): HttpMessage {
  const { name, url, secret, format, allowPrivate } = target;
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

async function post(
  { secrets, ...request }: HttpMessage,
  idempotencyKey: string,
  timeoutMs: number,
): Promise<Delivery> {
  const sent = await sendWebhook({ ...request, method: 'POST', timeoutMs, idempotencyKey });
  const words = sent.answer === undefined ? '' : shownAnswer(sent.answer, secrets);
  const answer = words === '' ? {} : { answer: words };
  if (sent.ok) return { ok: true, ...answer };
  const { error, permanent, retryAfterMs } = sent;
  return { ok: false, error, permanent, ...answer, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** One line without the secrets, whole or as the path of an address. */
export function shownAnswer(text: string, secrets: readonly (Secret | undefined)[]): string {
  const hidden = secrets.flatMap((secret) => {
    const value = secret?.reveal() ?? '';
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const parts =
      url === undefined ? [] : [`${url.pathname}${url.search}`, url.password, ...url.pathname.split('/')];
    return [value, ...parts, ...(url?.searchParams.values() ?? [])];
  });
  let shown = inertLine(text);
  for (const value of hidden.toSorted((a, b) => b.length - a.length)) {
    if (value.length >= 6) shown = shown.replaceAll(value, '<secret>');
  }
  return cutBytes(shown, answerLimit);
}
