/**
 * Speaks HTTP with a daemon: every request has a time limit and a size limit, every failure is an error a person can act on.
 * It holds the token and prints nothing.
 */
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

/** RFC 9457, as far as it is read. */
interface ProblemAnswer {
  title?: string;
  detail?: string;
  code?: string;
  hint?: string;
  problems?: string[];
}

export class ApiClient {
  readonly base: string;
  readonly #token: string | undefined;

  /** `base`: `http://127.0.0.1:8420`, without a slash at its end. */
  constructor(base: string, token: string | undefined) {
    this.base = base;
    this.#token = token;
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#request<T>('GET', path, query, undefined);
  }

  /** `tag`: sent as If-Match, so that an answer to what has changed meanwhile is refused. */
  post<T>(path: string, body: object = {}, tag?: string): Promise<T> {
    return this.#request<T>('POST', path, {}, body, tag === undefined ? {} : { 'if-match': `"${tag}"` });
  }

  /** What the daemon has to ask others for first, such as a repository. */
  postSlow<T>(path: string, body: object): Promise<T> {
    return this.#request<T>('POST', path, {}, body, {}, slowTimeoutMs);
  }

  delete<T>(path: string): Promise<T> {
    return this.#request<T>('DELETE', path, {}, undefined);
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
    const url = new URL(this.base + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const { status, text } = await this.#exchange(url, {
      method,
      // A token must not follow a redirect to somebody else.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        accept: 'application/json, application/problem+json',
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = this.#parse(text);
    if (status >= 200 && status < 300) return answer as T;
    throw refusal(status, answer as ProblemAnswer);
  }

  async #exchange(url: URL, init: RequestInit): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(url, init);
      return { status: response.status, text: await readLimited(response) };
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new MenddError('DAEMON_UNREACHABLE', `No answer from ${this.base}: ${causeOf(error)}.`, {
        cause: error,
      });
    }
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

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > answerBytes)
      throw new CommandError(exitCodes.failed, `The answer is larger than ${answerBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name cannot be resolved',
  EAI_AGAIN: 'the name cannot be resolved at present',
  EHOSTUNREACH: 'the machine cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
};

function causeOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'it did not answer in time';
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = (first as { code?: string } | undefined)?.code ?? '';
  return causes[code] ?? (first instanceof Error ? first.message : String(first));
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
