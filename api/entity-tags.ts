/**
 * ETag and If-None-Match for reads: the tag is a hash of the answer, so a client that polls pays for changes alone.
 */
import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { ApiServer } from './options.ts';
import { RequestProblem } from './problems.ts';

export function tagOf(payload: string): string {
  return `"${createHash('sha256').update(payload).digest('base64url').slice(0, 27)}"`;
}

/** Weak comparison, as RFC 9110 13.1.2 asks for If-None-Match. */
function matches(header: string, tag: string): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag);
}

export function tagReads(app: ApiServer): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (!reads || reply.statusCode !== 200 || typeof payload !== 'string') return payload;
    if (reply.hasHeader('cache-control')) return payload;
    const tag = tagOf(payload);
    reply.header('etag', tag).header('cache-control', 'private, no-cache');
    const known = request.headers['if-none-match'];
    if (known === undefined || !matches(known, tag)) return payload;
    reply.code(304).removeHeader('content-type').removeHeader('content-length');
    return null;
  });
}

/**
 * For a change that a person decides on what they have read: refuses when it is something else by now. Nothing is asked without If-Match.
 * `tag`: of what there is; undefined when it is gone. Errors: RequestProblem 412.
 */
export function refuseChanged({ headers }: FastifyRequest, tag: string | undefined): void {
  const header = headers['if-match'];
  if (header === undefined) return;
  const isSame = header.split(',').some((each) => each.trim() === tag);
  if (tag !== undefined && (isSame || header.trim() === '*')) return;
  throw new RequestProblem(412, 'changed', 'It has changed since it was read; read it again.');
}

/**
 * For an answer that must be bound to what was read. One strong tag: `*` and lists would say yes to what nobody has read.
 * Errors: RequestProblem 428 without it, 400 when it is none.
 */
export function tagOfAnswer(header: string | undefined, what: 'question' | 'registration'): string {
  const hint = `Read the ${what} first and send its tag (ETag), with quotes, as If-Match.`;
  if (header === undefined || header.trim() === '*') {
    throw new RequestProblem(428, 'if_match_needed', `An answer needs If-Match: which ${what} was read.`, {
      hint,
    });
  }
  const tag = /^\s*"([\x21\x23-\x7e]{1,500})"\s*$/.exec(header)?.[1];
  if (tag !== undefined) return tag;
  throw new RequestProblem(400, 'invalid_request', `If-Match must be the one tag of the ${what}.`, { hint });
}
