/**
 * Speaks HTTP with a daemon: every request has a time limit and a size limit, every failure is an error a person can act on.
 * It holds the token and prints nothing.
 */
import { type ClientRequest, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { exitCodes, MenddError } from '../core/errors.ts';
import { CommandError } from './exit.ts';

/** Milliseconds. The daemon answers from memory; slower means it is not well. */
const requestTimeoutMs = 15_000;
/** Milliseconds. */
const slowTimeoutMs = 300_000;
/** Of one answer. A page of 500 runs is far below it. */
const answerBytes = 64 * 1024 * 1024;
const pageSize = 500;

export type Query = Readonly<Record<string, string | number | undefined>>;

interface RequestOptions {
  method: string;
  signal: AbortSignal;
  headers: Readonly<Record<string, string | number>>;
}

interface Exchanged {
  status: number;
  text: string;
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

  /** `tag`: sent as If-Match, so that an answer to what has changed meanwhile is refused. */
  post<T>(path: string, body: object = {}, tag?: string): Promise<T> {
    return this.#change<T>('POST', path, body, tag === undefined ? {} : { 'if-match': `"${tag}"` });
  }

  /** What the daemon has to ask others for first, such as a repository. */
  postSlow<T>(path: string, body: object): Promise<T> {
    return this.#change<T>('POST', path, body, {}, slowTimeoutMs);
  }

  delete<T>(path: string): Promise<T> {
    return this.#change<T>('DELETE', path, undefined, {});
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
   * Hands on what a stream sends, until it ends or `signal` aborts. Errors: MenddError when it cannot be had; those of `signal` are none.
   */
  async follow(path: string, signal: AbortSignal, onText: (text: string) => void): Promise<void> {
    const token = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const headers = { accept: 'text/event-stream', ...token };
    try {
      await followStream(this.#open(path, { method: 'GET', signal, headers }), onText);
    } catch (error) {
      if (signal.aborted) return;
      throw new MenddError('DAEMON_UNREACHABLE', `No events from ${this.base}: ${causeOf(error)}.`, {
        cause: error,
      });
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
    const { status, text: answered } = await this.#exchange(
      search.size > 0 ? `${path}?${search.toString()}` : path,
      text,
      {
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
      },
    );
    const answer = this.#parse(answered);
    if (status >= 200 && status < 300) return answer as T;
    throw refusal(status, answer as ProblemAnswer);
  }

  async #exchange(path: string, body: string | undefined, options: RequestOptions): Promise<Exchanged> {
    try {
      return await exchange(this.#open(path, options), body);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new MenddError('DAEMON_UNREACHABLE', `No answer from ${this.base}: ${causeOf(error)}.`, {
        cause: error,
        ...(isDistrust(error) ? { hint: distrustHint } : {}),
      });
    }
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

  #parse(text: string): unknown {
    try {
      const answer: unknown = JSON.parse(text);
      if (typeof answer === 'object' && answer !== null) return answer;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    throw new MenddError('DAEMON_UNREACHABLE', `What answers at ${this.base} is not mendd.`);
  }
}

/** Errors: those of the connection; CommandError for an answer that is too large. */
function exchange(request: ClientRequest, body: string | undefined): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength;
        chunks.push(chunk);
        if (bytes <= answerBytes) return;
        reject(new CommandError(exitCodes.failed, `The answer is larger than ${answerBytes} bytes.`));
        request.destroy();
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    request.end(body);
  });
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name cannot be resolved',
  EAI_AGAIN: 'the name cannot be resolved at present',
  EHOSTUNREACH: 'the machine cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ECONNRESET: 'the connection was cut',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not open it',
  EPROTO: 'it does not speak TLS',
};

const distrustHint =
  'Give the certificate of its authority with --ca FILE or NODE_EXTRA_CA_CERTS, and the name in its certificate with --api.';

function isDistrust(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code);
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof DOMException && cause.name === 'TimeoutError') return 'it did not answer in time';
  const first = firstOf(cause);
  return causes[codeOf(first)] ?? (first instanceof Error ? first.message : String(first));
}

/** Each address of a name may have failed. */
function firstOf(cause: unknown): unknown {
  return cause instanceof AggregateError ? cause.errors[0] : cause;
}

function codeOf(cause: unknown): string {
  return (cause as { code?: string } | undefined)?.code ?? '';
}

/** Whether nothing was asked because nothing listens: no daemon runs there. */
export function isAbsent(error: unknown): boolean {
  if (!(error instanceof MenddError) || error.code !== 'DAEMON_UNREACHABLE') return false;
  return ['ECONNREFUSED', 'ENOENT'].includes(codeOf(firstOf(error.cause)));
}

const tokenHint =
  'Set MENDD_TOKEN or give --token-file FILE. To make a token, where the daemon runs: mendd token create --scope act';

function refusal(status: number, problem: ProblemAnswer): Error {
  const message = problem.detail ?? problem.title ?? `The daemon answered ${status}.`;
  const hint = problem.hint === undefined ? {} : { hint: problem.hint };
  if (status === 401) return new MenddError('NOT_ALLOWED', message, { hint: tokenHint });
  if (status === 403) return new MenddError('NOT_ALLOWED', message, hint);
  const details = problem.problems ?? [];
  return new CommandError(exitOf(status, problem.code), message, { ...hint, details });
}

function exitOf(status: number, code: string | undefined): number {
  if (code === 'definitions_invalid') return exitCodes.badDefinitions;
  if (status === 400 || status === 404 || status === 422) return exitCodes.usage;
  // 412: somebody or something was faster; what is asked now has to be read first.
  if (status === 412 || status === 429 || status === 503) return exitCodes.tryAgain;
  return exitCodes.failed;
}

function followStream(request: ClientRequest, onText: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    request.on('error', reject).on('response', (response) => {
      response.on('error', reject).on('close', resolve);
      if (response.statusCode === 200) response.setEncoding('utf8').on('data', onText);
      else {
        response.resume();
        reject(new Error(`it answered ${response.statusCode}`));
      }
    });
    request.end();
  });
}
