/**
 * Owns one message to a receiver that speaks HTTP: it is sent, and what came back is made fit to be shown. What the message
 * says is for the file of its kind.
 */
import type { Secret } from '../core/definitions.ts';
import type { Delivery } from './deliver.ts';
import { cutBytes, inertLine } from './inert-text.ts';
import { sendWebhook } from './webhook.ts';

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

/** The key is the same for each attempt at one message. */
export async function postMessage(
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
