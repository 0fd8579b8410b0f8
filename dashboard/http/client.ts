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
  /** The body must not be remembered, not even until the answer. */
  isSecret?: boolean;
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
  const answer = await read<T>(response, false);
  const etag = response.headers.get('etag');
  kept.delete(path);
  if (answer.ok && etag !== null) {
    kept.set(path, { etag, value: answer.value });
    const oldest = kept.keys().next();
    if (kept.size > keptAnswers && oldest.done !== true) kept.delete(oldest.value);
  }
  return answer;
}

/** So long the same change is taken for another attempt. Later it is meant anew: others may have undone it. Milliseconds. */
const sameAttemptMs = 60_000;
/** Keys of changes of which it is not known whether they were done, by what was asked. */
const unanswered = new Map<string, { key: string; atMs: number }>();

/**
 * A change. A key of its own keeps the daemon from doing it twice; the same change asked for again soon after no answer has the same
 * key, so that what was done already is only told.
 */
export async function send<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
  { ifMatch, withinMs = writeWithinMs, isSecret = false }: SendOptions = {},
): Promise<Answer<T>> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const asked = [method, path, ifMatch ?? '', text ?? ''].join(' ');
  const key = keyOf(asked);
  const keep = (): void => {
    if (!isSecret) unanswered.set(asked, { key, atMs: Date.now() });
  };
  keep();
  const response = await ask(path, {
    method,
    headers: {
      'x-mendd-csrf': '1',
      'idempotency-key': key,
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
    },
    ...(text === undefined ? {} : { body: text }),
    signal: AbortSignal.timeout(withinMs),
  });
  const answer: Answer<T> =
    'code' in response ? { ok: false, problem: response } : await read<T>(response, true);
  if (!answer.ok && isUnknown(answer.problem)) keep();
  else unanswered.delete(asked);
  return answer;
}

/** Of the attempt before, or a new one. */
function keyOf(asked: string): string {
  for (const [each, { atMs }] of unanswered)
    if (Math.abs(Date.now() - atMs) >= sameAttemptMs) unanswered.delete(each);
  return unanswered.get(asked)?.key ?? newKey();
}

/** Whether it may have been done all the same. A failure may be that of something between us and the daemon. */
function isUnknown({ status, code }: Problem): boolean {
  return status === 0 || status >= 500 || code === 'under_way';
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
  const own = { cache: 'no-store', credentials: 'same-origin', redirect: 'error' } as const;
  try {
    return await fetch(path, { ...init, ...own });
  } catch (error) {
    return failure(error, init.method !== undefined);
  }
}

export const noAnswer: Problem = { status: 0, code: 'no_answer', detail: 'mendd cannot be reached.' };

/** Whether `path` is answered well, whatever it says. */
export async function answers(path: string, withinMs: number): Promise<boolean> {
  const response = await ask(path, { signal: AbortSignal.timeout(withinMs) });
  return !('code' in response) && response.ok;
}

function failure(error: unknown, isChange: boolean): Problem {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError';
  const said = isLate ? { ...noAnswer, code: 'too_late', detail: 'mendd did not answer in time.' } : noAnswer;
  if (!isChange) return said;
  const detail = `${said.detail} Whether it was done is not known; if you try again within a minute, it is done once all the same.`;
  return { ...said, detail };
}

async function read<T>(response: Response, isChange: boolean): Promise<Answer<T>> {
  if (response.status === 204) return { ok: true, value: undefined as T };
  let value: unknown;
  try {
    value = await response.json();
  } catch (error) {
    if (error instanceof DOMException) return { ok: false, problem: failure(error, isChange) };
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
