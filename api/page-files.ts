/**
 * Serves the files of the page as they were built. They hold no data, so anybody may have them; what they show is asked from the
 * API with a session.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { fastifyStatic } from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiServer } from './options.ts';

/** The page shows one screen for each of them; which, it decides itself. */
const pagePaths = [
  '/',
  '/incidents/*',
  '/hosts',
  '/hosts/*',
  '/runs',
  '/runs/*',
  '/approvals',
  '/silences',
  '/definitions',
  '/sign-in',
] as const;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function pageFiles(app: ApiServer, directory: string | undefined): void {
  const assets = join(directory ?? '/nonexistent', 'assets');
  app.register(fastifyStatic, { root: assets, serve: false });

  async function sendPage(reply: FastifyReply): Promise<FastifyReply> {
    const page = directory && (await readIfThere(join(directory, 'index.html')));
    if (page === undefined || page === '') {
      const text = 'This installation has no page: it was not built. In a terminal: mendd status.\n';
      return reply.code(503).header('cache-control', 'no-store').type('text/plain').send(text);
    }
    return reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page);
  }

  for (const url of pagePaths) {
    app.route({
      method: 'GET',
      url,
      config: { scope: 'open' },
      schema: { hide: true },
      handler: async (_request, reply) => sendPage(reply),
    });
  }

  app.route<{ Params: { '*': string } }>({
    method: 'GET',
    url: '/assets/*',
    config: { scope: 'open' },
    schema: { hide: true },
    onSend: async (request, reply, payload) => packed(request, reply, payload),
    // Their names change with what is in them.
    handler: async ({ params }, reply) =>
      reply
        .header('content-security-policy', policy)
        .sendFile(params['*'], { maxAge: '365d', immutable: true, dotfiles: 'ignore', index: false }),
  });
}

/** Smaller on its way. No secret is in these files whose length could tell of it. */
function packed({ method, headers }: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  const type = String(reply.getHeader('content-type'));
  if (reply.statusCode !== 200 || !(payload instanceof Readable) || !/javascript|css/.test(type))
    return payload;
  reply.header('vary', 'accept-encoding');
  const accepted = (headers['accept-encoding'] ?? '').split(',').map((each) => each.trim());
  if (method !== 'GET' || !accepted.includes('gzip')) return payload;
  reply.header('content-encoding', 'gzip').removeHeader('content-length');
  const smaller = createGzip();
  // An error of the one ends the other, and with it the answer.
  pipeline(payload, smaller, () => undefined);
  return smaller;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
