/** Signing in and out of the page: a token is exchanged for a cookie that holds it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Access, scopesOf } from '../access.ts';
import { describe, problem } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { DryQuery, EmptyBody, NoQuery } from '../queries.ts';
import { endSession, startSession } from '../session.ts';
import { Session, SessionBody } from '../session-shapes.ts';

const signedOut = z.null();

export function sessionRoutes(app: ApiServer, options: ApiOptions, access: Access): void {
  const { clock, daemon } = options;
  const { version } = daemon;

  async function sessionOf(request: FastifyRequest, reply: FastifyReply): Promise<Session> {
    const token = await access.callerOf(request, reply);
    const scopes = scopesOf(token);
    const canRead = scopes.includes('read') || (token === undefined && access.readsFreely(request));
    return {
      ...(token === undefined ? {} : { name: token.name }),
      scopes,
      signedIn: token !== undefined,
      canRead,
      version,
    };
  }

  app.route({
    method: 'GET',
    url: '/api/v1/session',
    config: { scope: 'open' },
    schema: {
      ...describe('control', 'getSession', 'Who asks, and what they may do', Session),
      querystring: NoQuery,
    },
    handler: async (request, reply) => {
      const session = await sessionOf(request, reply);
      return reply.header('cache-control', 'no-store').send(session);
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/session',
    config: { scope: 'session' },
    schema: {
      ...describe('control', 'signIn', 'Exchange a token for a session in a cookie', Session),
      querystring: DryQuery,
      body: SessionBody,
    },
    handler: async (request, reply) => {
      const secret = request.body.token;
      const nowMs = clock.nowMs();
      const token = await access.signIn(request, secret);
      if (request.query.dry_run !== true)
        startSession(request, reply, { secret, token, nowMs }, access.place);
      const scopes = scopesOf(token);
      const canRead = scopes.includes('read');
      return reply
        .header('cache-control', 'no-store')
        .send({ name: token.name, scopes, signedIn: true, canRead, version });
    },
  });

  app.route({
    method: 'DELETE',
    url: '/api/v1/session',
    config: { scope: 'session' },
    schema: {
      ...describe('control', 'signOut', 'End the session of this browser', Session),
      response: {
        204: { description: 'Signed out', content: { 'application/json': { schema: signedOut } } },
        default: problem,
      },
      querystring: DryQuery,
      body: EmptyBody,
    },
    handler: async (request, reply) => {
      if (request.query.dry_run !== true) endSession(request, reply, access.place);
      return reply.code(204).send(null);
    },
  });
}
