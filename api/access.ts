/**
 * Who may ask what. Reading without a token is for programs on this box alone; every change needs a token with the
 * scope of its route. It decides by the socket's own address: no forwarded header can make a caller local.
 */
import type { Socket } from 'node:net';
import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock, Token } from '../core/ports.ts';
import type { Scope } from '../core/types.ts';
import type { RunBook } from '../core/views.ts';
import type { ApiServer } from './options.ts';
import { RequestProblem } from './problems.ts';
import { endSession, type Place, refuseForeign, sessionCookie } from './session.ts';

/** `open`: answers anybody, and tells nothing of what is watched. `session`: changes nothing but the caller's own cookie. */
type RouteScope = 'open' | 'session' | Scope;

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

/** Each scope holds those before it. */
const ladder: readonly Scope[] = ['read', 'ack', 'act', 'admin'];
/** For machines: held by itself and `admin` alone. */
const single: readonly Scope[] = ['register', 'submit'];

const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Marks of a proxy: the caller behind it may be anywhere, though the socket is local. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const;

const failuresPerMinute = 30;
const changesPerMinute = 60;
/** Each cron job of a machine tells its own result, and many end at the full hour. */
const toldPerMinute = 1_200;

/** For limits: an address, of IPv6 the network that one customer has; all who come by the socket in the file system are one. */
export function callerOf({ socket: { remoteAddress } }: FastifyRequest): string {
  return remoteAddress === undefined ? 'socket' : normalizeIP(remoteAddress);
}

/** Whether somebody passed it on, and the address is not that of who asked. */
export function isPassedOn({ headers }: FastifyRequest): boolean {
  return proxyHeaders.some((name) => headers[name] !== undefined);
}

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
export function isOwnName(header: string | undefined, ownNames: readonly string[]): boolean {
  if (header === undefined) return true;
  const name = hostName(header);
  if (name === undefined) return false;
  return name === 'localhost' || isLoopback(name) || ownNames.some((own) => own.toLowerCase() === name);
}

/** `error`: parameters of the challenge, as RFC 6750 names them. */
function refuse(detail: string, error = ''): RequestProblem {
  return new RequestProblem(
    401,
    'token_needed',
    detail,
    { hint: 'Create a token with `mendd token create` and send it as `Authorization: Bearer ...`.' },
    { 'www-authenticate': `Bearer realm="mendd"${error}` },
  );
}

export interface AccessOptions {
  runs: RunBook;
  clock: Clock;
  /** The address the API was told to listen on. */
  listenHost: () => string;
  place: Place;
  /** Whether it came by a socket of this machine's file system. */
  isLocal: (socket: Socket) => boolean;
}

/** What the routes of sessions ask. */
export interface Access {
  readonly place: Place;
  /** Of its header or its cookie; undefined when there is none, or none that is good. */
  tokenOf(request: FastifyRequest): Token | undefined;
  /** The same, where a token that is none counts as a guess and ends its session. Errors: RequestProblem 429 for those who guess. */
  callerOf(request: FastifyRequest, reply: FastifyReply): Promise<Token | undefined>;
  /** Whether it may read without a token; who sends one that is none may not. */
  readsFreely(request: FastifyRequest): boolean;
  /** Errors: RequestProblem 401, and 429 for those who guess. */
  signIn(request: FastifyRequest, secret: string): Promise<Token>;
}

/** All scopes that `token` has, those it implies among them. */
export function scopesOf(token: Token | undefined): Scope[] {
  return token === undefined ? [] : [...ladder, ...single].filter((scope) => holds(token, scope));
}

/**
 * Installs the check before every route. Limits: 30 refused callers a minute and address, 60 changes a minute, route
 * and token (1,200 of what machines tell, for each address). A valid token is never refused for the failures of others.
 * Errors: a route that changes something without a writing scope stops the start.
 */
export function guardAccess(app: ApiServer, options: AccessOptions): Access {
  const { runs, clock, place } = options;
  const failures = app.createRateLimit({
    max: failuresPerMinute,
    timeWindow: 60_000,
    keyGenerator: callerOf,
  });
  const changes = app.createRateLimit({
    max: ({ routeOptions: { config } }) => (config.scope === 'submit' ? toldPerMinute : changesPerMinute),
    timeWindow: 60_000,
    keyGenerator: (request) => `${request.person} ${request.routeOptions.url ?? ''} ${sharerOf(request)}`,
  });

  async function countRefused(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (sessionOf(request) !== undefined) endSession(request, reply, place);
    await countAgainst(failures, request, 'refused');
  }

  function tokenOf(request: FastifyRequest): Token | undefined {
    const secret = secretOf(request);
    return secret === undefined ? undefined : runs.authenticate(secret, clock.nowMs());
  }

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

  app.addHook('onRequest', async (request, reply) => {
    const scope = request.routeOptions.config.scope ?? 'read';
    if (scope === 'session') refuseForeign(request, place.publicUrl, false);
    if (scope === 'open' || scope === 'session') return;
    try {
      authorise(request, scope, options);
    } catch (error) {
      if (error instanceof RequestProblem && error.status === 401) {
        await countRefused(request, reply);
      }
      throw error;
    }
    if (request.is404 || readingMethods.has(request.method)) return;
    await countAgainst(changes, request, 'changes by this token');
  });

  return {
    place,
    tokenOf,
    async callerOf(request, reply) {
      const token = tokenOf(request);
      if (token === undefined && secretOf(request) !== undefined) await countRefused(request, reply);
      return token;
    },
    readsFreely: (request) => bearerOf(request) === undefined && strangeness(request, options) === undefined,
    async signIn(request, secret) {
      const token = runs.authenticate(secret, clock.nowMs());
      if (token !== undefined) return token;
      await countAgainst(failures, request, 'refused');
      throw unknownToken();
    },
  };
}

/** One token for many machines: each of them has the whole limit. */
function sharerOf({ routeOptions: { config }, socket }: FastifyRequest): string {
  return single.some((scope) => scope === config.scope) ? (socket.remoteAddress ?? '') : '';
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

function bearerOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  return authorization === undefined ? undefined : (/^Bearer +([^\s]+)$/i.exec(authorization)?.[1] ?? '');
}

/** The secret in its cookie; a header of its own wins over that. */
function sessionOf(request: FastifyRequest): string | undefined {
  return request.headers.authorization === undefined ? request.cookies[sessionCookie] : undefined;
}

function secretOf(request: FastifyRequest): string | undefined {
  return bearerOf(request) ?? sessionOf(request);
}

function authorise(request: FastifyRequest, scope: Scope, options: AccessOptions): void {
  const session = sessionOf(request);
  const secret = secretOf(request);
  if (secret === undefined) {
    allowWithoutToken(request, scope, options);
    return;
  }
  const token = options.runs.authenticate(secret, options.clock.nowMs());
  if (token === undefined) throw unknownToken();
  if (session !== undefined && !readingMethods.has(request.method))
    refuseForeign(request, options.place.publicUrl, true);
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

function unknownToken(): RequestProblem {
  return refuse('The token is not known, has expired or was revoked.', ', error="invalid_token"');
}

function holds(token: Token, needed: Scope): boolean {
  const fitting: readonly Scope[] = single.includes(needed)
    ? [needed, 'admin']
    : ladder.slice(ladder.indexOf(needed));
  return token.scopes.some((scope) => fitting.includes(scope));
}

function allowWithoutToken(request: FastifyRequest, scope: Scope, options: AccessOptions): void {
  if (scope !== 'read') throw refuse(`This needs a token with the scope "${scope}".`);
  const why = strangeness(request, options);
  if (why !== undefined) throw why;
}

/** Why it may be no program of this machine; undefined for one. */
function strangeness(
  request: FastifyRequest,
  { listenHost, place, isLocal }: AccessOptions,
): RequestProblem | undefined {
  const { host } = request.headers;
  const isFromSocket = isLocal(request.socket);
  if (!isFromSocket && !isLoopback(request.socket.remoteAddress))
    return refuse('Reading from another machine needs a token.');
  if (isPassedOn(request)) return refuse('Reading through a proxy needs a token.');
  // No page of a stranger reaches a socket.
  if (isFromSocket || isOwnName(host, [listenHost()])) return undefined;
  const publicName = place.publicUrl === undefined ? '' : new URL(place.publicUrl).hostname;
  if (host !== undefined && hostName(host) === publicName) {
    // Whoever speaks TLS for a daemon that does not stands before it.
    if (place.tls || place.publicUrl?.startsWith('http:') === true) return undefined;
    return refuse('Reading through a proxy needs a token.');
  }
  return new RequestProblem(
    403,
    'host_name_refused',
    `The Host header names "${host ?? ''}", which is not this daemon.`,
    {
      hint: 'Use 127.0.0.1, localhost, the address in api.listen or the name in api.public_url; or send a token.',
    },
  );
}
