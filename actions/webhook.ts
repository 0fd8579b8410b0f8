/**
 * The `webhook` action, and the one way JSON leaves this box: a single request, answered within its time or not
 * at all. It never follows a redirect, never tries twice, and never lets the address into a text, for addresses
 * of webhooks are passwords.
 */
import type { Secret } from '../core/definitions.ts';
import type { HttpPlan } from './plan-action.ts';

export function planWebhook(effect: { url: Secret; method: 'POST' | 'PUT' }): HttpPlan {
  return { kind: 'http', url: effect.url, method: effect.method };
}

export interface WebhookRequest {
  url: Secret;
  method: 'POST' | 'PUT';
  body: Readonly<Record<string, unknown>>;
  timeoutMs: number;
  /** The same for each attempt at one message, so that a receiver can drop a repetition. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export type WebhookOutcome =
  | { ok: true; status: number; text: string }
  | {
      ok: false;
      error: string;
      /** True when the receiver will never take this message, however often it is sent. */
      permanent: boolean;
      /** False when it certainly did not arrive. */
      maybeArrived: boolean;
    };

/**
 * Answers about the message itself (RFC 9110). 401, 403, 404, 410 and redirects are about the address or the
 * credentials, which a person can mend while the message waits.
 */
const refusesMessage: readonly number[] = [400, 413, 415, 422];

/** Failures before a byte of the request left. */
const neverSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_\w+|ERR_SSL_\w+|.*CERT.*)$/;

/** Never rejects. Accepts 200..299. The response body is not read, since nothing in it may be believed or stored. */
export async function sendWebhook(request: WebhookRequest): Promise<WebhookOutcome> {
  const destination = parseDestination(request.url.reveal());
  if (destination === undefined) {
    return {
      ok: false,
      error: 'the webhook address is not an http(s) URL',
      permanent: false,
      maybeArrived: false,
    };
  }
  const timeLimit = AbortSignal.timeout(request.timeoutMs);
  try {
    const response = await fetch(destination.url, {
      method: request.method,
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'mendd',
        ...destination.headers,
        ...(request.idempotencyKey === undefined
          ? {}
          : { 'idempotency-key': encodeURIComponent(request.idempotencyKey) }),
      },
      body: JSON.stringify(request.body),
      signal: request.signal === undefined ? timeLimit : AbortSignal.any([timeLimit, request.signal]),
    });
    // The answer is known; how the rest of the body ends does not matter.
    await response.body?.cancel().catch(() => undefined);
    return outcomeOf(response.status);
  } catch (error) {
    if (timeLimit.aborted) {
      const text = `no answer within ${request.timeoutMs / 1000} s`;
      return { ok: false, error: text, permanent: false, maybeArrived: true };
    }
    if (request.signal?.aborted) {
      return { ok: false, error: 'it was cancelled', permanent: false, maybeArrived: true };
    }
    const code = codeOf(error);
    return {
      ok: false,
      error: `the request failed (${code})`,
      permanent: false,
      maybeArrived: !neverSent.test(code),
    };
  }
}

function outcomeOf(status: number): WebhookOutcome {
  if (status >= 200 && status <= 299) return { ok: true, status, text: `HTTP ${status}` };
  const redirect = status >= 300 && status <= 399;
  return {
    ok: false,
    error: `HTTP ${status}${redirect ? ': redirects are not followed, configure the final address' : ''}`,
    permanent: refusesMessage.includes(status),
    maybeArrived: true,
  };
}

/** fetch refuses user and password in the URL, with a message that repeats them. */
function parseDestination(text: string): { url: URL; headers: Record<string, string> } | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.username === '' && url.password === '') return { url, headers: {} };
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return { url, headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } };
}

/** Only the code of a failure is shown: its message may repeat the address. */
function codeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : 'no code';
}
