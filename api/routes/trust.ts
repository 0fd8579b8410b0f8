/**
 * What rules lay upon actions and only people lift: brakes, lost trust, a ledger that is not believed; and what actions came to.
 */
import { refuseChanged } from '../entity-tags.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { pageBy } from '../paging.ts';
import { RequestProblem, unlessRejected } from '../problems.ts';
import { DryQuery, NoQuery } from '../queries.ts';
import { BrakePath, OutcomesQuery, PageQuery, ReasonBody, TrustPath } from '../restraint-queries.ts';
import { Brake, Outcomes, Promotion, Quarantine, TrustCap } from '../restraint-shapes.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function trustRoutes(app: ApiServer, options: ApiOptions): void {
  brakeRoutes(app, options);
  promotionRoutes(app, options);
  outcomeRoutes(app, options);

  app.route({
    method: 'POST',
    url: '/api/v1/rearm',
    config: { scope: 'admin' },
    schema: {
      ...describe('restraint', 'rearm', 'Trust the ledger again; answers why it was not', Quarantine),
      querystring: DryQuery,
      body: ReasonBody,
    },
    handler: async ({ body, query, person }) =>
      toWire(unlessRejected(options.daemon.rearm(person, body.reason, query.dry_run === true))),
  });
}

function brakeRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/brakes',
    config: { scope: 'read' },
    schema: {
      ...describe(
        'restraint',
        'listBrakes',
        'The brake of the fleet and of each group, on or off',
        pageOf(Brake),
      ),
      querystring: PageQuery,
    },
    handler: async ({ query }) => toWire(pageBy(daemon.brakes(), ({ scope }) => scope, query)),
  });

  const find = (scope: string) => daemon.brakes().find((each) => each.scope === scope);

  app.route({
    method: 'GET',
    url: '/api/v1/brakes/:scope',
    config: { scope: 'read' },
    schema: {
      ...describe('restraint', 'getBrake', 'One; its ETag may go with the order to release it', Brake),
      params: BrakePath,
      querystring: NoQuery,
    },
    handler: async ({ params }, reply) => {
      const found = find(params.scope);
      if (found === undefined)
        throw new RequestProblem(404, 'not_found', `There is no brake of ${params.scope}.`);
      return reply.header('etag', `"${found.tag}"`).header('cache-control', 'no-store').send(toWire(found));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/brakes/:scope/release',
    config: { scope: 'act', keepsIfMatch: true },
    schema: {
      ...describe('restraint', 'releaseBrake', 'Let actions go on in spite of the trouble', Brake),
      params: BrakePath,
      querystring: DryQuery,
      body: ReasonBody,
    },
    handler: async (request) => {
      const { params, query, body, person } = request;
      const found = find(params.scope);
      refuseChanged(request, found && `"${found.tag}"`);
      const isDry = query.dry_run === true;
      return toWire(unlessRejected(daemon.releaseBrake(params.scope, person, body.reason, isDry)));
    },
  });
}

function promotionRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/trust',
    config: { scope: 'read' },
    schema: {
      ...describe('restraint', 'listDemoted', 'Actions that lost trust', pageOf(TrustCap)),
      querystring: PageQuery,
    },
    handler: async ({ query }) => toWire(pageBy(daemon.demoted(), ({ action }) => action, query)),
  });

  app.route({
    method: 'POST',
    url: '/api/v1/trust/:action/promote',
    config: { scope: 'admin', keepsIfMatch: true },
    schema: {
      ...describe('restraint', 'promote', 'Give an action its trust back; answers its mode', Promotion),
      params: TrustPath,
      querystring: DryQuery,
      body: ReasonBody,
    },
    handler: async (request) => {
      const { params, query, body, person } = request;
      const found = daemon.demoted().find(({ action }) => action === params.action);
      refuseChanged(request, found && `"${found.tag}"`);
      const isDry = query.dry_run === true;
      return toWire(unlessRejected(daemon.promote(params.action, person, body.reason, isDry)));
    },
  });
}

function outcomeRoutes(app: ApiServer, { daemon, clock }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/outcomes',
    config: { scope: 'read' },
    schema: {
      ...describe('history', 'listOutcomes', 'What actions came to, by action and host', pageOf(Outcomes)),
      querystring: OutcomesQuery,
    },
    handler: async ({ query }) => {
      const { since, action, host, perHost = false } = query;
      const outcomes = daemon.outcomes({
        sinceMs: typeof since === 'number' ? clock.nowMs() - since : since.atMs,
        ...(action === undefined ? {} : { action }),
        ...(host === undefined ? {} : { host }),
        perHost,
      });
      return toWire(pageBy(outcomes, (each) => `${each.action} ${each.host ?? ''}`, query));
    },
  });
}
