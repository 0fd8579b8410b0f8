/**
 * Every failure of a request as RFC 9457 problem+json: what happened, where in the request, what to do. It is the one
 * place that turns errors into answers; an unexpected error is logged in full and answered without its text.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MenddError } from '../core/errors.ts';
import type { Rejected } from '../core/views.ts';
import type { Problem } from './control-shapes.ts';
import type { ApiLog } from './options.ts';
import { pointerStep } from './validation.ts';

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Token needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not taken',
  408: 'Request too slow',
  409: 'Conflict',
  412: 'Changed meanwhile',
  413: 'Body too large',
  414: 'Path too long',
  415: 'Unsupported media type',
  422: 'Not usable',
  428: 'If-Match needed',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Not available now',
};

type ProblemExtras = Partial<Pick<Problem, 'hint' | 'errors' | 'problems' | 'revision'>>;

/** A failure that a handler or hook throws on purpose. `headers` go out with it. */
export class RequestProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly extras: ProblemExtras;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    extras: ProblemExtras = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.extras = extras;
    this.headers = headers;
  }
}

/** What the shape of a body alone cannot tell, in the form of every other wrong request. */
export function wrongBody(place: string, detail: string): RequestProblem {
  return wrong('body', place, detail);
}

export function wrongQuery(place: string, detail: string): RequestProblem {
  return wrong('query', place, detail);
}

function wrong(part: 'body' | 'query', pointer: string, detail: string): RequestProblem {
  return new RequestProblem(400, 'invalid_request', `${part} ${pointer}: ${detail}`, {
    errors: [{ in: part, pointer, detail }],
  });
}

/** Throws what the daemon rejected; passes everything else on. */
export function unlessRejected<T extends object>(answer: T | Rejected): T {
  if (!('kind' in answer) || answer.kind !== 'rejected') return answer as T;
  const rejected = answer;
  const headers = rejected.status === 503 ? { 'retry-after': '5' } : {};
  throw new RequestProblem(rejected.status, rejected.code, rejected.message, {}, headers);
}

interface ValidationIssue {
  keyword: string;
  instancePath: string;
  message?: string;
  params: Record<string, unknown>;
}

interface FastifyFailure {
  statusCode?: number;
  code?: string;
  message: string;
  validation?: ValidationIssue[];
  validationContext?: string;
}

const places: Record<string, 'path' | 'query' | 'header' | 'body'> = {
  params: 'path',
  querystring: 'query',
  headers: 'header',
  body: 'body',
};

/** What zod names only in code or not at all: the values or bounds that would be right. */
function detailOf({ keyword, params, message, instancePath }: ValidationIssue): string {
  const { values, origin, minimum, maximum } = params;
  // Without a body it is null.
  const absent = instancePath === '' ? /received (undefined|null)$/ : /received undefined$/;
  if (keyword === 'invalid_type' && absent.test(message ?? ''))
    return `is missing; must be ${kindOf(params['expected'])}`;
  if (keyword === 'invalid_value' && Array.isArray(values) && values.length > 1)
    return `must be one of ${values.join(', ')}`;
  if (message !== undefined && !message.startsWith('Invalid ') && !message.startsWith('Too ')) return message;
  if (keyword === 'invalid_type') return `must be ${kindOf(params['expected'])}`;
  const unit = origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '';
  if (keyword === 'too_small') return `must be ${String(minimum)}${unit} or more`;
  if (keyword === 'too_big') return `must be ${String(maximum)}${unit} or less`;
  return message ?? 'is not valid';
}

function kindOf(wanted: unknown): string {
  return wanted === 'int' ? 'a whole number' : `of type ${String(wanted)}`;
}

function invalidRequest(issues: readonly ValidationIssue[], context: string | undefined): RequestProblem {
  const place = places[context ?? ''] ?? 'body';
  const errors = issues.flatMap((issue) => {
    const base = `#${issue.instancePath}`;
    const keys = issue.params['keys'];
    if (issue.keyword === 'unrecognized_keys' && Array.isArray(keys)) {
      return keys.map((key) => ({
        in: place,
        pointer: base + pointerStep(String(key)),
        detail: 'is not known here',
      }));
    }
    return [{ in: place, pointer: base, detail: detailOf(issue) }];
  });
  const first = errors[0];
  const detail =
    first === undefined ? 'The request is not valid.' : `${place} ${first.pointer}: ${first.detail}`;
  return new RequestProblem(400, 'invalid_request', detail, { errors });
}

/** An expected failure as a problem; undefined for a bug. */
function expected(error: unknown): RequestProblem | undefined {
  if (error instanceof RequestProblem) return error;
  if (error instanceof MenddError) {
    return new RequestProblem(503, error.code.toLowerCase(), error.message, { hint: error.hint }, retryLater);
  }
  if (!(error instanceof Error)) return undefined;
  const failure = error as FastifyFailure;
  if (failure.validation !== undefined) return invalidRequest(failure.validation, failure.validationContext);
  if (failure.code === 'FST_ERR_HANDLER_TIMEOUT') {
    return new RequestProblem(
      503,
      'too_slow',
      'The answer took too long; it may still happen.',
      {},
      retryLater,
    );
  }
  const status = failure.statusCode;
  if (status === undefined || status < 400 || status > 499) return undefined;
  const code = failure.code?.replace(/^FST_ERR_/, '').toLowerCase() ?? 'refused';
  return new RequestProblem(status, code, sentences[code] ?? failure.message);
}

/** In place of words about the library, or that repeat all that was sent. */
const sentences: Readonly<Record<string, string>> = {
  ctp_invalid_json_body: 'The body is not JSON.',
  ctp_invalid_media_type: 'A body must be JSON, with `content-type: application/json`.',
  ctp_body_too_large: 'The body is larger than this route takes.',
  max_param_length: 'A name in the path is longer than any there is.',
};

/** Of the path that is told back. Characters. */
const longestInstance = 1_024;

const retryLater = { 'retry-after': '5' };

/** Answers `error`; the request id in it is the one in the log. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: ApiLog,
): FastifyReply {
  const known = expected(error);
  if (known === undefined) {
    log.error(
      { err: error, requestId: request.id, method: request.method, url: request.url },
      'request failed',
    );
  }
  const problem =
    known ??
    new RequestProblem(
      500,
      'internal',
      'mendd met an error of its own; the log has it under this request id.',
    );
  const body: Problem = {
    type: 'about:blank',
    title: titles[problem.status] ?? 'Refused',
    status: problem.status,
    detail: problem.message,
    instance: request.url.slice(0, longestInstance),
    code: problem.code,
    requestId: request.id,
    ...problem.extras,
  };
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify(body));
}
