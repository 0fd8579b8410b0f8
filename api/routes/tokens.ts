/** Tokens of the API, for admins: which there are, a new one, and making one worthless. */
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { pageBy } from '../paging.ts';
import { unlessRejected, wrongBody } from '../problems.ts';
import { DryQuery, EmptyBody } from '../queries.ts';
import { PageQuery } from '../restraint-queries.ts';
import { MadeToken, Token, TokenBody, TokenPath } from '../session-shapes.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function tokenRoutes(app: ApiServer, { daemon, clock }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/tokens',
    config: { scope: 'admin' },
    schema: {
      ...describe('control', 'listTokens', 'Tokens, without their secrets', pageOf(Token)),
      querystring: PageQuery,
    },
    handler: async ({ query }) => toWire(pageBy(daemon.tokens.list(), ({ id }) => id, query)),
  });

  app.route({
    method: 'POST',
    url: '/api/v1/tokens',
    config: { scope: 'admin', answersSecret: true },
    schema: {
      ...describe('control', 'createToken', 'Make a token; its secret is told this once', MadeToken),
      querystring: DryQuery,
      body: TokenBody,
    },
    handler: async ({ query, body: { name, scopes, for: lifeMs, until }, person }, reply) => {
      const nowMs = clock.nowMs();
      const expiresAtMs = lifeMs === undefined ? until : nowMs + lifeMs;
      if (expiresAtMs !== undefined && expiresAtMs <= nowMs)
        throw wrongBody('#/until', 'must be in the future');
      const wanted = { name, scopes, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) };
      const { token, secret } = daemon.tokens.create(wanted, person, query.dry_run === true);
      const answer = { ...toWire(token), ...(secret === undefined ? {} : { secret }) };
      return reply.header('cache-control', 'no-store').send(answer);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/api/v1/tokens/:id',
    config: { scope: 'admin' },
    schema: {
      ...describe('control', 'revokeToken', 'Make a token worthless, at once', Token),
      params: TokenPath,
      querystring: DryQuery,
      body: EmptyBody,
    },
    handler: async ({ params, query, person }) =>
      toWire(unlessRejected(daemon.tokens.revoke(params.id, person, query.dry_run === true))),
  });
}
