/**
 * How the page talks to the daemon: reads with ETag, writes with a key that makes a repeat harmless, and every failure as
 * a value that can be shown. It decides nothing and keeps no state but the answers it may be asked for again.
 */

/** What went wrong, as RFC 9457 says it. Status 0: there was no answer. */
export interface Problem {
  status: number;
  /** Stable name of the cause; `no_answer`, `too_late` and `not_json` are the page's own. */
  code: string;
  detail: string;
  hint?: string;
  errors?: readonly { pointer: string; detail: string }[];
  problems?: readonly string[];
}

export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem };

export interface SendOptions {
  /** Tag of what was read; the daemon refuses with 412 when it is another by now. */
  ifMatch?: string;
  /** Milliseconds; 20 s without it. */
  withinMs?: number;
}

const readWithinMs = 10_000;
const writeWithinMs = 20_000;
/** Answers kept for their ETag. */
const keptAnswers = 60;

const kept = new Map<string, { etag: string; value: unknown }>();
let onSignedOut = (): void => undefined;

/** What to do when the daemon does not know who is asking. */
export function whenSignedOut(then: () => void): void {
  onSignedOut = then;
}

/** Forget all that was read, as another person may read other things. */
export function forgetAnswers(): void {
  kept.clear();
}

/** The same object again while nothing changed. */
export async function get<T>(path: string, withinMs = readWithinMs): Promise<Answer<T>> {
  const known = kept.get(path);
  const response = await ask(path, {
    headers: known === undefined ? {} : { 'if-none-match': known.etag },
    signal: AbortSignal.timeout(withinMs),
  });
  if ('code' in response) return { ok: false, problem: response };
  if (response.status === 304 && known !== undefined) return { ok: true, value: known.value as T };
  const answer = await read<T>(response);
  const etag = response.headers.get('etag');
  kept.delete(path);
  if (answer.ok && etag !== null) {
    kept.set(path, { etag, value: answer.value });
    const oldest = kept.keys().next();
    if (kept.size > keptAnswers && oldest.done !== true) kept.delete(oldest.value);
  }
  return answer;
}

/** A change. Called once for each deliberate act of a person: a key of its own keeps the daemon from doing it twice. */
export async function send<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
  { ifMatch, withinMs = writeWithinMs }: SendOptions = {},
): Promise<Answer<T>> {
  const response = await ask(path, {
    method,
    headers: {
      'x-mendd-csrf': '1',
      'idempotency-key': newKey(),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(withinMs),
  });
  return 'code' in response ? { ok: false, problem: response } : read<T>(response);
}

/** `path` of a name that may hold anything. */
export function apiPath(strings: TemplateStringsArray, ...names: string[]): string {
  return strings
    .map((text, index) => (index === 0 ? text : encodeURIComponent(names[index - 1] ?? '') + text))
    .join('');
}

// crypto.randomUUID is missing where the page came over plain HTTP from another machine.
function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

async function ask(path: string, init: RequestInit): Promise<Response | Problem> {
  try {
    return await fetch(path, { ...init, cache: 'no-store', credentials: 'same-origin', redirect: 'error' });
  } catch (error) {
    return failure(error);
  }
}

export const noAnswer: Problem = { status: 0, code: 'no_answer', detail: 'mendd cannot be reached.' };

/** Whether `path` is answered well, whatever it says. */
export async function answers(path: string, withinMs: number): Promise<boolean> {
  const response = await ask(path, { signal: AbortSignal.timeout(withinMs) });
  return !('code' in response) && response.ok;
}

function failure(error: unknown): Problem {
  return error instanceof DOMException && error.name === 'TimeoutError'
    ? {
        status: 0,
        code: 'too_late',
        detail: 'mendd did not answer in time. Whether it was done is not known; look before you try again.',
      }
    : noAnswer;
}

async function read<T>(response: Response): Promise<Answer<T>> {
  if (response.status === 204) return { ok: true, value: undefined as T };
  let value: unknown;
  try {
    value = await response.json();
  } catch (error) {
    if (error instanceof DOMException) return { ok: false, problem: failure(error) };
    const detail = `mendd answered ${response.status} with something that is not JSON.`;
    return { ok: false, problem: { status: response.status, code: 'not_json', detail } };
  }
  if (response.ok) return { ok: true, value: value as T };
  if (response.status === 401) onSignedOut();
  return {
    ok: false,
    problem: {
      detail: response.statusText,
      code: 'unknown',
      ...(value as Partial<Problem>),
      status: response.status,
    },
  };
}
