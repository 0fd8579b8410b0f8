/**
 * Asks a URL for hosts: one GET with limits on time and size, not asked again for what has not changed, never following a
 * redirect to another host. The URL may be a secret and stands in no answer.
 */
import type { Secret } from '../core/definitions.ts';
import { type Told, toldBytesLimit } from './inventory-told.ts';

/** What the server called its newest answer, and that answer. */
export interface HttpMemory {
  url: string;
  tag: string;
  text: string;
}

export interface HttpRequest {
  url: Secret;
  timeoutMs: number;
  memory?: HttpMemory;
  signal?: AbortSignal;
}

const redirectsLimit = 5;
const accepted = 'application/json, application/yaml, text/plain;q=0.9, */*;q=0.5';

/** Never rejects for what a server does. */
export async function askHttp(request: HttpRequest): Promise<Told & { memory?: HttpMemory }> {
  const { signal, timeoutMs } = request;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    return await ask(request, signal === undefined ? limit : AbortSignal.any([limit, signal]));
  } catch (error) {
    if (limit.aborted) return { ok: false, problem: `no answer within ${Math.round(timeoutMs / 1000)} s` };
    if (signal?.aborted === true) return { ok: false, problem: 'mendd is stopping' };
    return { ok: false, problem: causeOf(error) };
  }
}

async function ask(
  { url, memory }: HttpRequest,
  signal: AbortSignal,
): Promise<Told & { memory?: HttpMemory }> {
  const written = url.reveal();
  const known = memory?.url === written ? memory : undefined;
  let at = new URL(written);
  const credentials = takeCredentials(at);
  for (let redirects = 0; ; redirects += 1) {
    const response = await fetch(at.href, {
      redirect: 'manual',
      signal,
      headers: {
        accept: accepted,
        'user-agent': 'mendd',
        ...(known === undefined ? {} : { 'if-none-match': known.tag }),
        ...(credentials === undefined ? {} : { authorization: credentials }),
      },
    });
    const to = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
    if (to === null) return await read(response, written, known);
    await response.body?.cancel();
    const next = URL.canParse(to, at.href) ? new URL(to, at.href) : undefined;
    // A token must not follow to somebody else, nor into the clear.
    if (next === undefined || next.origin !== at.origin)
      return { ok: false, problem: 'it redirects to another host, which is not followed' };
    if (redirects === redirectsLimit) return { ok: false, problem: 'it redirects without end' };
    at = next;
  }
}

/** fetch refuses URLs with a user in them. */
function takeCredentials(url: URL): string | undefined {
  const { username, password } = url;
  if (username === '' && password === '') return undefined;
  [url.username, url.password] = ['', ''];
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

async function read(
  response: Response,
  url: string,
  known: HttpMemory | undefined,
): Promise<Told & { memory?: HttpMemory }> {
  if (response.status === 304 && known !== undefined) return { ok: true, text: known.text, memory: known };
  if (response.status !== 200) {
    await response.body?.cancel();
    return { ok: false, problem: `it answers with status ${response.status}` };
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > toldBytesLimit)
      return { ok: false, problem: `it answers more than ${toldBytesLimit.toLocaleString('en-US')} bytes` };
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const tag = response.headers.get('etag');
  return { ok: true, text, ...(tag === null ? {} : { memory: { url, tag, text } }) };
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name cannot be resolved',
  EAI_AGAIN: 'the name cannot be resolved at present',
  EHOSTUNREACH: 'the machine cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'the machine does not answer',
};

/** By the code alone: messages may hold the URL. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = (first as { code?: unknown } | undefined)?.code;
  const known = typeof code === 'string' ? (causes[code] ?? code) : undefined;
  return known ?? 'the request failed';
}
