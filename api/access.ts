/**
 * Who may ask what. Reading without a token is for programs on this box alone; every change needs a token with the
 * scope of its route. It decides by the socket's own address: no forwarded header can make a caller local.
 */
import type { FastifyRequest } from 'fastify';
import type { Clock, Token } from '../core/ports.ts';
import type { Scope } from '../core/types.ts';
import type { RunBook } from '../core/views.ts';
import type { ApiServer } from './options.ts';
import { RequestProblem } from './problems.ts';

/** `open`: answers anybody, and tells nothing but that the process lives. */
type RouteScope = 'open' | Scope;

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: RouteScope;
  }
  interface FastifyRequest {
    /** Name of the token that asked; empty for a reader without one. */
    person: string;
    /** Its id; empty like the name. */
    tokenId: string;
  }
}

/** Each scope holds those before it; `register` is held by itself and `admin` alone. */
const ladder: readonly Scope[] = ['read', 'ack', 'act', 'admin'];

const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Marks of a proxy: the caller behind it may be anywhere, though the socket is local. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const;

const failuresPerMinute = 30;
const changesPerMinute = 60;

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return plain === '::1' || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** The name in a Host header, without port and brackets; undefined when it is none. */
function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\s]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/**
 * False for a name that a web page of a stranger could have pointed at this box (DNS rebinding). No Host header at
 * all comes from HTTP/1.0 programs, never from a browser.
 */
export function isOwnName(header: string | undefined, listenHost: string): boolean {
  if (header === undefined) return true;
  const name = hostName(header);
  return (
    name !== undefined && (name === 'localhost' || isLoopback(name) || name === listenHost.toLowerCase())
  );
}

function refuse(detail: string, challenge: string): RequestProblem {
  return new RequestProblem(
    401,
    'token_needed',
    detail,
    { hint: 'Create a token with `mendd token create` and send it as `Authorization: Bearer ...`.' },
    { 'www-authenticate': challenge },
  );
}

export interface AccessOptions {
  runs: RunBook;
  clock: Clock;
  /** The address the API was told to listen on. */
  listenHost: () => string;
}

/**
 * Installs the check before every route. Limits: 30 refused callers a minute and address, 60 changes a minute, route
 * and token. A valid token is never refused for the failures of others.
 * Errors: a route that changes something without a writing scope stops the start.
 */
export function guardAccess(app: ApiServer, options: AccessOptions): void {
  const failures = app.createRateLimit({ max: failuresPerMinute, timeWindow: 60_000 });
  const changes = app.createRateLimit({
    max: changesPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `${request.person} ${request.routeOptions.url ?? ''} ${sharerOf(request)}`,
  });

  app.decorateRequest('person', '');
  app.decorateRequest('tokenId', '');

  app.addHook('onRoute', (route) => {
    const scope = route.config?.scope;
    const methods = [route.method].flat();
    const reads = methods.every((method) => readingMethods.has(method));
    if (scope === undefined || (!reads && (scope === 'open' || scope === 'read'))) {
      throw new Error(`route ${methods.join()} ${route.url} has no fitting scope`);
    }
  });

  app.addHook('onRequest', async (request) => {
    const scope = request.routeOptions.config.scope ?? 'read';
    if (scope === 'open') return;
    try {
      authorise(request, scope, options);
    } catch (error) {
      if (error instanceof RequestProblem && error.status === 401)
        await countAgainst(failures, request, 'refused');
      throw error;
    }
    if (request.is404 || readingMethods.has(request.method)) return;
    await countAgainst(changes, request, 'changes by this token');
  });
}

/** One token for many hosts: each of them has the whole limit. */
function sharerOf(request: FastifyRequest): string {
  return request.routeOptions.config.scope === 'register' ? (request.socket.remoteAddress ?? '') : '';
}

async function countAgainst(
  limiter: ReturnType<ApiServer['createRateLimit']>,
  request: FastifyRequest,
  what: string,
): Promise<void> {
  const verdict = await limiter(request);
  if (verdict.isAllowed || !verdict.isExceeded) return;
  throw new RequestProblem(
    429,
    'too_many_requests',
    `Too many requests (${what}): ${verdict.max} a minute are taken.`,
    {},
    { 'retry-after': String(verdict.ttlInSeconds) },
  );
}

function authorise(request: FastifyRequest, scope: Scope, options: AccessOptions): void {
  const header = request.headers.authorization;
  if (header === undefined) {
    allowWithoutToken(request, scope, options.listenHost());
    return;
  }
  const secret = /^Bearer +([^\s]+)$/i.exec(header)?.[1];
  const token = secret === undefined ? undefined : options.runs.authenticate(secret, options.clock.nowMs());
  if (token === undefined) {
    throw refuse(
      'The token is not known, has expired or was revoked.',
      'Bearer realm="mendd", error="invalid_token"',
    );
  }
  if (!holds(token, scope)) {
    throw new RequestProblem(
      403,
      'scope_missing',
      `The token "${token.name}" lacks the scope "${scope}".`,
      { hint: `Create one with \`mendd token create --scope ${scope}\`.` },
      { 'www-authenticate': `Bearer realm="mendd", error="insufficient_scope", scope="${scope}"` },
    );
  }
  request.person = token.name;
  request.tokenId = token.id;
}

function holds(token: Token, needed: Scope): boolean {
  const fitting = needed === 'register' ? ['register', 'admin'] : ladder.slice(ladder.indexOf(needed));
  return token.scopes.some((scope) => fitting.includes(scope));
}

function allowWithoutToken(request: FastifyRequest, scope: Scope, listenHost: string): void {
  const challenge = 'Bearer realm="mendd"';
  if (scope !== 'read') throw refuse(`This needs a token with the scope "${scope}".`, challenge);
  if (!isLoopback(request.socket.remoteAddress)) {
    throw refuse('Reading from another machine needs a token.', challenge);
  }
  if (proxyHeaders.some((name) => request.headers[name] !== undefined)) {
    throw refuse('Reading through a proxy needs a token.', challenge);
  }
  if (!isOwnName(request.headers.host, listenHost)) {
    throw new RequestProblem(
      403,
      'host_name_refused',
      `The Host header names "${request.headers.host ?? ''}", which is not this daemon.`,
      { hint: 'Use 127.0.0.1, localhost or the address in api.listen; or send a token.' },
    );
  }
}
