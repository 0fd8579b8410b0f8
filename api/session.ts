/**
 * The session of a browser: the token it signed in with, in a cookie that scripts cannot read and other sites cannot send. It tells
 * whether a request came from the page itself; what a token may do is decided in api/access.ts.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Token } from '../core/ports.ts';
import { RequestProblem } from './problems.ts';

export const sessionCookie = 'mendd_session';
const longestMs = 30 * 86_400_000;

/** Where the page is, as its browser sees it. */
export interface Place {
  /** `https://mendd.example.com`, when it is configured. */
  publicUrl?: string;
  /** Whether this daemon itself speaks TLS. */
  tls: boolean;
}

export function startSession(
  request: FastifyRequest,
  reply: FastifyReply,
  session: { secret: string; token: Token; nowMs: number },
  place: Place,
): void {
  const { secret, token, nowMs } = session;
  const leftMs = Math.min(longestMs, (token.expiresAtMs ?? Number.POSITIVE_INFINITY) - nowMs);
  reply.setCookie(sessionCookie, secret, {
    ...attributesOf(request, place),
    maxAge: Math.max(0, Math.floor(leftMs / 1000)),
  });
}

export function endSession(request: FastifyRequest, reply: FastifyReply, place: Place): void {
  reply.clearCookie(sessionCookie, attributesOf(request, place));
}

function attributesOf(request: FastifyRequest, { publicUrl, tls }: Place) {
  const isPublic = publicUrl?.startsWith('https:') === true && hostOf(publicUrl) === request.headers.host;
  // Over plain HTTP a browser would refuse it.
  return { path: '/', httpOnly: true, sameSite: 'strict', secure: tls || isPublic } as const;
}

/**
 * Refuses what a page of another site may have sent. `withHeader`: it must also carry the header that a form cannot send and a
 * script of another site may not.
 * Errors: RequestProblem 403.
 */
export function refuseForeign(
  request: FastifyRequest,
  publicUrl: string | undefined,
  withHeader: boolean,
): void {
  const { origin, host, 'sec-fetch-site': site, 'x-mendd-csrf': header } = request.headers;
  if (withHeader && header !== '1')
    throw foreign('A change by a session needs the header `x-mendd-csrf: 1`.');
  if (site !== undefined && site !== 'same-origin')
    throw foreign(`Asked by a page of another site (${site}).`);
  if (origin === undefined || origin === publicUrl || hostOf(origin) === host?.toLowerCase()) return;
  throw foreign(`Asked by a page of ${origin}, which is not this daemon.`);
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function foreign(detail: string): RequestProblem {
  const hint = 'Programs send a token as `Authorization: Bearer ...`; behind a proxy set api.public_url.';
  return new RequestProblem(403, 'csrf', detail, { hint });
}
