/**
 * What rules lay upon actions and only people lift: brakes, lost trust, a ledger that is not believed; and what actions came to.
 */
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { pageBy } from '../paging.ts';
import { unlessRejected } from '../problems.ts';
import { DryQuery } from '../queries.ts';
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

  app.route({
    method: 'POST',
    url: '/api/v1/brakes/:scope/release',
    config: { scope: 'act' },
    schema: {
      ...describe('restraint', 'releaseBrake', 'Let actions go on in spite of the trouble', Brake),
      params: BrakePath,
      querystring: DryQuery,
      body: ReasonBody,
    },
    handler: async ({ params, query, body, person }) => {
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
    config: { scope: 'admin' },
    schema: {
      ...describe('restraint', 'promote', 'Give an action its trust back; answers its mode', Promotion),
      params: TrustPath,
      querystring: DryQuery,
      body: ReasonBody,
    },
    handler: async ({ params, query, body, person }) =>
      toWire(unlessRejected(daemon.promote(params.action, person, body.reason, query.dry_run === true))),
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
