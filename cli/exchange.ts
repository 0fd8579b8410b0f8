/** One request of HTTP and its answer, or the stream it opens: the limit on its size, and what its failure means. It knows no daemon. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { exitCodes } from '../core/errors.ts';
import { CommandError } from './exit.ts';

/** Of one answer. A page of 500 runs is far below it. */
const answerBytes = 64 * 1024 * 1024;

export interface Exchanged {
  status: number;
  text: string;
  /** Milliseconds, where it was told when to come again. */
  retryAfterMs?: number;
}

/** Errors: those of the connection; CommandError for an answer that is too large. */
export function exchange(request: ClientRequest, body: string | undefined): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      readAnswer(request, response).then(resolve, reject);
    });
    request.end(body);
  });
}

function readAnswer(request: ClientRequest, response: IncomingMessage): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
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
    response.on('end', () => {
      const { statusCode: status = 0, headers } = response;
      const seconds = Number(headers['retry-after'] ?? Number.NaN);
      const text = Buffer.concat(chunks).toString('utf8');
      resolve({ status, text, ...(seconds >= 0 ? { retryAfterMs: seconds * 1_000 } : {}) });
    });
  });
}

/** What came in place of a stream; undefined when it was followed to its end. */
export function followStream(
  request: ClientRequest,
  onText: (text: string) => void,
): Promise<Exchanged | undefined> {
  return new Promise((resolve, reject) => {
    request.on('error', reject).on('response', (response) => {
      const { statusCode, headers } = response;
      const isStream =
        statusCode === 200 && headers['content-type']?.startsWith('text/event-stream') === true;
      if (!isStream) return void readAnswer(request, response).then(resolve, reject);
      response.on('error', reject).on('close', () => resolve(undefined));
      response.setEncoding('utf8').on('data', onText);
    });
    request.end();
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

/** The certificate is not one to trust. */
export function isDistrust(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code);
}

export function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof DOMException && cause.name === 'TimeoutError') return 'it did not answer in time';
  const first = firstOf(cause);
  return causes[codeOf(first)] ?? (first instanceof Error ? first.message : String(first));
}

/** Each address of a name may have failed. */
function firstOf(cause: unknown): unknown {
  return cause instanceof AggregateError ? cause.errors[0] : cause;
}

/** Node's, such as ECONNREFUSED; empty when it has none. */
export function codeOf(cause: unknown): string {
  return (firstOf(cause) as { code?: string } | undefined)?.code ?? '';
}

/** Whether it failed before anything was sent. */
export function isUnsent(error: unknown): boolean {
  const code = codeOf(error);
  return isDistrust(error) || (causes[code] !== undefined && code !== 'ECONNRESET');
}
