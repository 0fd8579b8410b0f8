/** `GET /status` and the badges: for anybody, where `api.status_page` says so; there is nothing otherwise. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { StatusPageConfig } from '../../core/daemon-config.ts';
import { fullNames } from '../../core/names.ts';
import { callerOf } from '../access.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { pagePolicy } from '../page-html.ts';
import { RequestProblem } from '../problems.ts';
import { badge, publicPage } from '../public-page.ts';
import { type PublicState, PublicStatusBook } from '../public-status.ts';

/** Visitors of one address; a proxy is one. */
const visitsPerMin = 300;
const HostBadge = z.object({ host: z.string().max(260) });
const CheckBadge = z.object({ host: z.string().max(253), check: z.string().max(260) });

const badgePolicy = "default-src 'none'; frame-ancestors 'none'";

export function publicStatusRoutes(app: ApiServer, options: ApiOptions): void {
  const book = new PublicStatusBook(options);
  const visits = app.createRateLimit({
    max: visitsPerMin,
    timeWindow: 60_000,
    keyGenerator: callerOf,
  });
  const common = { method: 'GET', config: { scope: 'open' }, schema: { hide: true } } as const;

  async function admitted(request: FastifyRequest): Promise<StatusPageConfig> {
    const { config } = book;
    if (config === undefined) throw nothing(request);
    const verdict = await visits(request);
    if (verdict.isAllowed || !verdict.isExceeded) return config;
    const headers = { 'retry-after': String(verdict.ttlInSeconds) };
    throw new RequestProblem(429, 'too_many_requests', 'Too many visits from this address.', {}, headers);
  }

  app.route({
    ...common,
    url: '/status',
    handler: async (request, reply) => {
      const config = await admitted(request);
      const page = publicPage(config.title, await book.read(config), config.names);
      reply.header('content-security-policy', pagePolicy);
      return send(request, reply, 'text/html', page);
    },
  });

  app.route({
    ...common,
    url: '/badges/:host',
    schema: { hide: true, params: HostBadge },
    handler: async (request, reply) => {
      const config = await admitted(request);
      const name = withoutEnd(request, request.params.host);
      const { state, hosts } = await book.read(config);
      if (name === 'all') return sendBadge(request, reply, config.title, state);
      return sendBadge(request, reply, name, config.names ? hosts.get(name)?.state : undefined);
    },
  });

  app.route({
    ...common,
    url: '/badges/:host/:check',
    schema: { hide: true, params: CheckBadge },
    handler: async (request, reply) => {
      const config = await admitted(request);
      const { host, check } = request.params;
      const checks = config.names ? (await book.read(config)).hosts.get(host)?.checks : undefined;
      const [id = '', other] = fullNames(withoutEnd(request, check), [...(checks?.keys() ?? [])]);
      return sendBadge(request, reply, `${host} ${id}`, other === undefined ? checks?.get(id) : undefined);
    },
  });
}

function withoutEnd(request: FastifyRequest, file: string): string {
  if (!file.endsWith('.svg')) throw nothing(request);
  return file.slice(0, -'.svg'.length);
}

/** What is not public is not there. */
function nothing({ method, url }: FastifyRequest): RequestProblem {
  return new RequestProblem(404, 'route_unknown', `There is no ${method} ${url.split('?', 1)[0] ?? ''}.`);
}

function sendBadge(
  request: FastifyRequest,
  reply: FastifyReply,
  label: string,
  state: PublicState | undefined,
): FastifyReply {
  if (state === undefined) throw nothing(request);
  reply.header('content-security-policy', badgePolicy).header('cross-origin-resource-policy', 'cross-origin');
  return send(request, reply, 'image/svg+xml', badge(label, state));
}

function send(request: FastifyRequest, reply: FastifyReply, type: string, text: string): FastifyReply {
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
  reply.header('cache-control', 'public, max-age=30').header('etag', tag);
  const known = request.headers['if-none-match'] ?? '';
  if (known.split(',').some((each) => each.trim().replace(/^W\//, '') === tag)) return reply.code(304).send();
  return reply.type(type).send(text);
}
