/**
 * The `webhook` action, and the one way JSON leaves this box: a single request, answered within its time or not
 * at all. It never follows a redirect, never tries twice, and never lets the address into a text, for addresses
 * of webhooks are passwords.
 */
import { unescape } from 'node:querystring';
import type { Secret } from '../core/definitions.ts';
import { type HttpAnswer, privateAddress, requestOnce } from './http-request.ts';
import type { HttpPlan } from './plan-action.ts';

export function planWebhook(effect: { url: Secret; method: 'POST' | 'PUT' }): HttpPlan {
  return { kind: 'http', url: effect.url, method: effect.method };
}

export interface WebhookRequest {
  url: Secret;
  method: 'POST' | 'PUT';
  body: Readonly<Record<string, unknown>> | string;
  timeoutMs: number;
  /** The same for each attempt at one message, so that a receiver can drop a repetition. */
  idempotencyKey?: string;
  headers?: Readonly<Record<string, string>>;
  /** False: refuse addresses that do not belong to the public internet. */
  allowPrivate?: boolean;
  signal?: AbortSignal;
}

export type WebhookOutcome =
  | {
      ok: true;
      status: number;
      text: string;
      /** Its first bytes, for a person who asked; to be believed and stored by nobody. */
      answer: string;
    }
  | {
      ok: false;
      error: string;
      /** True when the receiver will never take this message, however often it is sent. */
      permanent: boolean;
      /** False when it certainly did not arrive. */
      maybeArrived: boolean;
      answer?: string;
      /** What the receiver asked to wait. */
      retryAfterMs?: number;
    };

/**
 * Answers that time can change (RFC 9110, RFC 6585, RFC 8470), or a person who mends a token or an address meanwhile: a page must not
 * be lost to a slip. All other 4xx are final.
 */
const later: readonly number[] = [401, 403, 404, 408, 410, 425, 429];

/** Failures before a byte of the request left. */
const neverSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|PRIVATE_ADDRESS|ERR_INVALID_CHAR|ERR_TLS_\w+|ERR_SSL_\w+|UNABLE_TO_\w+|.*CERT.*)$/;

/** Never rejects. Accepts 200..299. */
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
  const { body, method, signal, allowPrivate = true } = request;
  const timeLimit = AbortSignal.timeout(request.timeoutMs);
  try {
    const answer = await requestOnce(destination.url, {
      method,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'mendd',
        ...destination.headers,
        ...request.headers,
        ...(request.idempotencyKey === undefined
          ? {}
          : { 'idempotency-key': encodeURIComponent(request.idempotencyKey) }),
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      allowPrivate,
      signal: signal === undefined ? timeLimit : AbortSignal.any([timeLimit, signal]),
    });
    return outcomeOf(answer);
  } catch (error) {
    if (timeLimit.aborted) {
      const text = `no answer within ${request.timeoutMs / 1000} s`;
      return { ok: false, error: text, permanent: false, maybeArrived: true };
    }
    if (signal?.aborted) {
      return { ok: false, error: 'it was cancelled', permanent: false, maybeArrived: true };
    }
    const code = codeOf(error);
    return {
      ok: false,
      error:
        code === privateAddress
          ? 'the address is private, which `allow_private: false` forbids'
          : `the request failed (${code})`,
      permanent: false,
      maybeArrived: !neverSent.test(code),
    };
  }
}

function outcomeOf({ status, retryAfter, text: answer }: HttpAnswer): WebhookOutcome {
  if (status >= 200 && status <= 299) return { ok: true, status, text: `HTTP ${status}`, answer };
  const redirect = status >= 300 && status <= 399;
  const retryAfterMs = retryAfter === undefined ? undefined : waitOf(retryAfter);
  return {
    ok: false,
    error: `HTTP ${status}${redirect ? ': redirects are not followed, configure the final address' : ''}`,
    permanent: status >= 400 && status <= 499 && !later.includes(status),
    maybeArrived: true,
    answer,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** Seconds or a date (RFC 9110, 10.2.3); undefined when it is neither. */
function waitOf(retryAfter: string): number | undefined {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const atMs = /^[A-Za-z]{3,9},? /.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - Date.now());
}

/** User and password of the address become a header, so that they are in no text about the request. */
function parseDestination(text: string): { url: URL; headers: Record<string, string> } | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.username === '' && url.password === '') return { url, headers: {} };
  const user = `${unescape(url.username)}:${unescape(url.password)}`;
  url.username = '';
  url.password = '';
  return { url, headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } };
}

/** Only the code of a failure is shown: its message may repeat the address. */
function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : 'no code';
}
