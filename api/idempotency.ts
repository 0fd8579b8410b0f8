/**
 * Idempotency-Key: what was asked once under a key is done once. A repeat is answered as the first was; where that answer was lost, the
 * record of who did what says whether it was done. What the key is for is the caller's affair.
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MenddError } from '../core/errors.ts';
import type { KeptAnswer, KeptRequest } from '../core/ledger-ports.ts';
import type { AuditEntry } from '../core/safety.ts';
import type { ApiOptions, ApiServer } from './options.ts';
import { RequestProblem } from './problems.ts';
import { toWire } from './wire.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Under which its answer is to be kept; empty when under none. */
    answerId: string;
  }
}

/** Longer answers are kept without their text. Characters. */
const longestAnswer = 32_768;
/** How far back the audit is read for a request whose answer was lost. */
const entriesRead = 500;
const keptHeaders = ['content-type', 'location', 'etag', 'cache-control'] as const;

const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export function keepAnswers(app: ApiServer, options: ApiOptions): void {
  const { runs, log } = options;
  const underWay = new Set<string>();
  app.decorateRequest('answerId', '');

  // After the shape was judged: what is refused for it was not begun.
  app.addHook('preHandler', async (request, reply) => {
    const key = keyOf(request);
    if (key === undefined) return;
    const answer = take(request, key);
    if (answer !== undefined) return await repeat(answer, reply);
  });

  function take(request: FastifyRequest, key: string): KeptAnswer | AuditEntry | undefined {
    const id = hashOf([request.tokenId, request.method, request.routeOptions.url, request.params, key]);
    if (underWay.has(id)) {
      throw new RequestProblem(
        409,
        'under_way',
        'The first request with this Idempotency-Key has not been answered yet.',
        {},
        { 'retry-after': '1' },
      );
    }
    const asked = hashOf([request.query, request.body ?? null, request.headers['if-match'] ?? null]);
    const taken = runs.takeKey({ id, token: request.tokenId, asked, atMs: options.clock.nowMs() });
    if (taken.kind === 'full') {
      throw new RequestProblem(
        429,
        'too_many_keys',
        'This token has used too many keys in 24 hours.',
        {
          hint: 'Leave Idempotency-Key out where a repeat does no harm.',
        },
        { 'retry-after': '3600' },
      );
    }
    if (taken.kind === 'known') {
      if (taken.request.asked !== asked) {
        throw new RequestProblem(422, 'key_reused', 'This Idempotency-Key was used for another request.', {
          hint: 'Use a new key for each thing that is to be done.',
        });
      }
      const known = taken.request.answer ?? lostAnswer(options, taken.request, request);
      if (known !== undefined) return known;
    }
    underWay.add(id);
    request.answerId = id;
    return undefined;
  }

  async function repeat(answer: KeptAnswer | AuditEntry, reply: FastifyReply): Promise<FastifyReply> {
    reply.header('idempotency-replayed', 'true');
    if ('seq' in answer) {
      const id = String(answer.body['run']);
      const run = runs.get(id);
      return reply
        .code(202)
        .header('location', `/api/v1/runs/${encodeURIComponent(id)}`)
        .send(run && toWire(run));
    }
    if (answer.body === undefined) {
      const detail = `This was done and answered with ${answer.status}; the answer was too large to be kept.`;
      throw new RequestProblem(409, 'answer_not_kept', detail);
    }
    return reply
      .code(answer.status)
      .headers({ ...answer.headers })
      .send(answer.body);
  }

  app.addHook('onSend', async (request, reply, payload) => {
    const { answerId } = request;
    if (answerId === '') return payload;
    request.answerId = '';
    underWay.delete(answerId);
    // A failure says nothing of what was done before it; a repeat asks the audit.
    if (reply.statusCode >= 500) return payload;
    try {
      runs.keepAnswer(answerId, answerOf(reply, payload));
    } catch (error) {
      // It was done: the caller is to hear so. A repeat asks the audit.
      if (!(error instanceof MenddError)) throw error;
      log.warn({ err: error, requestId: request.id }, 'an answer could not be kept for repeats');
    }
    return payload;
  });
}

function keyOf({ method, headers, query, routeOptions }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined || readingMethods.has(method)) return undefined;
  // The answer is a cookie, which is not kept.
  if (routeOptions.config.scope === 'session') return undefined;
  if (routeOptions.config.answersSecret === true) {
    const detail = 'The secret in this answer is kept nowhere, so no Idempotency-Key can repeat it.';
    throw new RequestProblem(400, 'header_unsupported', detail);
  }
  const key = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))$/.exec(
    [header].flat().join(),
  );
  if (key === null) {
    throw new RequestProblem(
      400,
      'invalid_request',
      'header #/idempotency-key: must be 1 to 255 visible characters',
      {
        errors: [
          { in: 'header', pointer: '#/idempotency-key', detail: 'must be 1 to 255 visible characters' },
        ],
      },
    );
  }
  // A dry run does nothing that could be done twice.
  const isDry = (query as { dry_run?: unknown }).dry_run === true;
  return isDry ? undefined : (key[1] ?? key[2]);
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts, sorted)).digest('base64url');
}

/** The order of keys is no difference. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function answerOf(reply: FastifyReply, payload: unknown): KeptAnswer {
  const headers: Record<string, string> = {};
  for (const name of keptHeaders) {
    const value = reply.getHeader(name);
    if (value !== undefined) headers[name] = String(value);
  }
  const body = typeof payload === 'string' ? payload : '';
  return { status: reply.statusCode, headers, ...(body.length > longestAnswer ? {} : { body }) };
}

/**
 * For a request that was begun and whose answer nobody knows, as after a crash: undefined when it was not done, the entry when it
 * started a run. Throws when something was done and it cannot be told what.
 */
function lostAnswer(
  { runs }: ApiOptions,
  { auditSeq, atMs }: KeptRequest,
  request: FastifyRequest,
): AuditEntry | undefined {
  const { items } = runs.auditEntries({ limit: entriesRead });
  const since = items.filter(({ seq }) => seq > auditSeq);
  const actor = `person:${request.person}`;
  const done = since.filter((entry) => entry.actor === actor && entry.event !== 'command.refused');
  const { host, action } = request.params as Record<string, string>;
  if (action !== undefined && host !== undefined) {
    const { reason } = request.body as { reason?: string };
    const asked = done.filter(
      ({ event, body }) =>
        event === 'action.commanded' &&
        body['host'] === host &&
        body['action'] === action &&
        body['reason'] === reason,
    );
    // The intent is on disk before the first byte is sent: a command without a run did nothing.
    const started = asked.filter(({ body }) => runs.get(String(body['run'])) !== undefined);
    if (started.length > 0) return started[0];
    if (since.length < entriesRead) return undefined;
  }
  if (done.length === 0 && since.length < entriesRead) return undefined;
  throw new RequestProblem(
    409,
    'outcome_unknown',
    `A request with this Idempotency-Key was begun at ${new Date(atMs).toISOString()}, and its answer was lost.`,
    {
      problems: done
        .slice(0, 10)
        .map(({ atMs: doneAtMs, event }) => `${event} at ${new Date(doneAtMs).toISOString()}`),
      hint: 'Look whether it was done (`mendd audit`); to do it again, use another key.',
    },
  );
}
