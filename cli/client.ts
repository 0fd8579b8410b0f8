/**
 * Speaks HTTP with a daemon: every request has a time limit and a size limit, every failure is an error a person can act on.
 * It holds the token and prints nothing.
 */
import { type ClientRequest, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { exitCodes, MenddError } from '../core/errors.ts';
import { causeOf, codeOf, type Exchanged, exchange, followStream, isDistrust, isUnsent } from './exchange.ts';
import { CommandError } from './exit.ts';

/** Milliseconds. The daemon answers from memory; slower means it is not well. */
const requestTimeoutMs = 15_000;
/** Milliseconds. */
const slowTimeoutMs = 300_000;
const pageSize = 500;
/** Milliseconds without a byte of a stream; the daemon says something every 15 seconds. */
const silenceMs = 45_000;

export type Query = Readonly<Record<string, string | number | undefined>>;

interface RequestOptions {
  method: string;
  signal: AbortSignal;
  headers: Readonly<Record<string, string | number>>;
}

/** RFC 9457, as far as it is read. */
interface ProblemAnswer {
  title?: string;
  detail?: string;
  code?: string;
  hint?: string;
  problems?: string[];
}

/** Where a daemon is, and how it is known to be the right one. */
export interface DaemonPlace {
  /** `http://127.0.0.1:8420`, `https://...` or `unix:/run/mendd-api/api.sock`; without a slash at its end. */
  base: string;
  /** In PEM: trusted beside those every program trusts. */
  ca?: string;
  /** Whose certificate is expected, when it is not the one of the address. */
  name?: string;
}

/** How every change through one client is asked for. */
export interface ChangeManner {
  isDry: boolean;
  /** Idempotency-Key. */
  key?: string;
}

export class ApiClient {
  readonly base: string;
  readonly #place: DaemonPlace;
  readonly #token: string | undefined;
  readonly #manner: ChangeManner;

  constructor(place: DaemonPlace, token: string | undefined, manner: ChangeManner = { isDry: false }) {
    this.base = place.base;
    this.#place = place;
    this.#token = token;
    this.#manner = manner;
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#request<T>('GET', path, query, undefined);
  }

  /** What takes the daemon minutes, such as walking through years. */
  getSlow<T>(path: string): Promise<T> {
    return this.#request<T>('GET', path, {}, undefined, {}, slowTimeoutMs);
  }

  /** `tag`: sent as If-Match, so that an answer to what has changed meanwhile is refused. */
  post<T>(path: string, body: object = {}, tag?: string): Promise<T> {
    return this.#change<T>('POST', path, body, tag === undefined ? {} : { 'if-match': `"${tag}"` });
  }

  /** What the daemon has to ask others for first, such as a repository. */
  postSlow<T>(path: string, body: object): Promise<T> {
    return this.#change<T>('POST', path, body, {}, slowTimeoutMs);
  }

  delete<T>(path: string, body?: object): Promise<T> {
    return this.#change<T>('DELETE', path, body, {});
  }

  #change<T>(
    method: string,
    path: string,
    body: object | undefined,
    headers: Readonly<Record<string, string>>,
    timeoutMs = requestTimeoutMs,
  ): Promise<T> {
    const { isDry, key } = this.#manner;
    const query = isDry ? { dry_run: 'true' } : {};
    const kept = key === undefined ? {} : { 'idempotency-key': key };
    return this.#request<T>(method, path, query, body, { ...headers, ...kept }, timeoutMs);
  }

  /**
   * Hands on what a stream sends, until it ends or `signal` aborts. `quietMs` is for tests. Errors: DAEMON_UNREACHABLE when it cannot be
   * had or says nothing any more, those of a refusal; those of `signal` are none.
   */
  async follow(
    path: string,
    signal: AbortSignal,
    onText: (text: string) => void,
    quietMs = silenceMs,
  ): Promise<void> {
    const token = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const headers = { accept: 'text/event-stream', ...token };
    try {
      const request = this.#open(path, { method: 'GET', signal, headers });
      request.setTimeout(quietMs, () =>
        request.destroy(new Error(`nothing was heard for ${quietMs / 1_000} s`)),
      );
      const refused = await followStream(request, onText);
      if (refused === undefined || signal.aborted) return;
      throw refused.status === 200 ? this.#stranger() : refusal(refused, problemOf(refused.text));
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CommandError || error instanceof MenddError) throw error;
      throw this.#failure(error, 'GET');
    }
  }

  /** Follows the pages of a list until `max` items. */
  async list<T>(path: string, query: Query = {}, max = Number.POSITIVE_INFINITY): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const limit = Math.min(pageSize, max - items.length);
      const page: { items: T[]; next?: string } = await this.get(path, { ...query, limit, cursor });
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined && items.length < max);
    return items;
  }

  async #request<T>(
    method: string,
    path: string,
    query: Query,
    body: object | undefined,
    headers: Readonly<Record<string, string>> = {},
    timeoutMs = requestTimeoutMs,
  ): Promise<T> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) search.set(name, String(value));
    }
    const text = body === undefined ? undefined : JSON.stringify(body);
    const exchanged = await this.#exchange(search.size > 0 ? `${path}?${search.toString()}` : path, text, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: 'application/json, application/problem+json',
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...headers,
      },
    });
    const answer = problemOf(exchanged.text);
    if (answer === undefined) throw this.#stranger();
    if (exchanged.status >= 200 && exchanged.status < 300) return answer as T;
    throw refusal(exchanged, answer);
  }

  async #exchange(path: string, body: string | undefined, options: RequestOptions): Promise<Exchanged> {
    try {
      return await exchange(this.#open(path, options), body);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw this.#failure(error, options.method);
    }
  }

  #stranger(): MenddError {
    return new MenddError('DAEMON_UNREACHABLE', `What answers at ${this.base} is not mendd.`);
  }

  #failure(error: unknown, method: string): MenddError {
    const message = `No answer from ${this.base}: ${causeOf(error)}.`;
    if (codeOf(error) === 'EACCES' && this.base.startsWith('unix:'))
      return new MenddError('NOT_ALLOWED', message, { cause: error, hint: socketHint });
    // A change that got no answer is not one that was not made.
    const mayBeDone = method !== 'GET' && !this.#manner.isDry && !isUnsent(error);
    const { key } = this.#manner;
    const hint = key === undefined ? doneHint : `Ask again with --key ${key}: it is not done twice.`;
    return new MenddError('DAEMON_UNREACHABLE', mayBeDone ? `${message} It may have been done.` : message, {
      cause: error,
      ...(mayBeDone ? { hint } : isDistrust(error) ? { hint: distrustHint } : {}),
    });
  }

  /** Redirects are not followed: a token must not go to somebody else. */
  #open(path: string, options: RequestOptions): ClientRequest {
    const { base, ca, name } = this.#place;
    if (base.startsWith('unix:'))
      return plainRequest({ ...options, socketPath: base.slice('unix:'.length), path });
    const url = new URL(base + path);
    if (url.protocol === 'http:') return plainRequest(url, options);
    return tlsRequest(url, {
      ...options,
      ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
      ...(name === undefined ? {} : { servername: name }),
    });
  }
}

/** The object that an answer is; undefined when it is none. */
function problemOf(text: string): ProblemAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const distrustHint =
  'Give the certificate of its authority with --ca FILE or NODE_EXTRA_CA_CERTS, and the name in its certificate with --api.';

const socketHint =
  'The socket is for its owner and group: ask as one of them, for example with sudo -u mendd.';

const doneHint = 'Look before you ask again; what is asked with --key KEY is not done twice.';

/** Whether the daemon does not answer at present, or has no room: asked again it may. */
export function isAway(error: unknown): error is MenddError | CommandError {
  if (error instanceof MenddError) return error.code === 'DAEMON_UNREACHABLE';
  return error instanceof CommandError && error.exitCode === exitCodes.tryAgain;
}

/** Whether nothing was asked because nothing listens: no daemon runs there. */
export function isAbsent(error: unknown): boolean {
  if (!(error instanceof MenddError) || error.code !== 'DAEMON_UNREACHABLE') return false;
  return ['ECONNREFUSED', 'ENOENT'].includes(codeOf(error.cause));
}

const tokenHint =
  'Set MENDD_TOKEN or give --token-file FILE. To make a token, where the daemon runs: mendd token create --scope act';

function refusal({ status, retryAfterMs }: Exchanged, problem: ProblemAnswer = {}): Error {
  const message = problem.detail ?? problem.title ?? `The daemon answered ${status}.`;
  const hint = problem.hint === undefined ? {} : { hint: problem.hint };
  if (status === 401) return new MenddError('NOT_ALLOWED', message, { hint: tokenHint });
  if (status === 403) return new MenddError('NOT_ALLOWED', message, hint);
  const details = problem.problems ?? [];
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new CommandError(exitOf(status, problem.code), message, { ...hint, ...wait, details });
}

function exitOf(status: number, code: string | undefined): number {
  if (code === 'definitions_invalid') return exitCodes.badDefinitions;
  if ([400, 404, 405, 422].includes(status)) return exitCodes.usage;
  // 412: somebody or something was faster; what is asked now has to be read first.
  if (status === 412 || status === 429 || status === 503) return exitCodes.tryAgain;
  return exitCodes.failed;
}
