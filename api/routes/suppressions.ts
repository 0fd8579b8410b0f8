/**
 * What people lay upon actions for a time: silences, downtimes and acknowledgements. The daemon adds id and author, and judges
 * whom they cover.
 */

import { hostCheck } from '../../core/definitions.ts';
import type { Suppression as Suppressed } from '../../core/safety.ts';
import type { DaemonPort, NewSuppression } from '../../core/views.ts';
import { refuseChanged, tagOf } from '../entity-tags.ts';
import { findCheck, findHost } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { hasLabels, pageBy } from '../paging.ts';
import { RequestProblem, unlessRejected, wrongBody, wrongQuery } from '../problems.ts';
import { DryQuery, NoQuery, WhyBody } from '../queries.ts';
import {
  AcknowledgementBody,
  DowntimeBody,
  KindQuery,
  SilenceBody,
  SuppressionPath,
  SuppressionsQuery,
  suppressionKinds,
} from '../restraint-queries.ts';
import { Suppression } from '../restraint-shapes.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

/** What lasts longer belongs into the definitions, where it is reviewed. */
const longestMs = 366 * 86_400_000;

interface Span {
  from?: number | undefined;
  until?: number | undefined;
  for?: number | undefined;
}

/** Wall times; the shape of the body has made sure that one of `until` and `for` is there. */
function spanOf(
  { from, until, for: lengthMs }: Span,
  nowMs: number,
): { startsAtMs?: number; endsAtMs: number } {
  const startMs = from ?? nowMs;
  const endsAtMs = until ?? startMs + (lengthMs ?? 0);
  const place = until === undefined ? '#/for' : '#/until';
  if (endsAtMs <= nowMs) throw wrongBody(place, 'must end in the future');
  if (endsAtMs <= startMs) throw wrongBody(place, 'must be after `from`');
  if (endsAtMs - startMs > longestMs) throw wrongBody(place, 'must be 366d or less after its beginning');
  return { ...(from === undefined ? {} : { startsAtMs: from }), endsAtMs };
}

function matchOf({ match }: SilenceBody | DowntimeBody) {
  const { hosts = [], labels = {}, checks = [] } = match;
  return { hosts, labels, checks };
}

function windowOf(
  body: DowntimeBody,
  nowMs: number,
): Extract<NewSuppression, { kind: 'downtime' }>['window'] {
  const { schedule, timezone = 'UTC', lasts = 0, flexible } = body;
  if (schedule !== undefined) return { kind: 'recurring', cron: schedule, timezone, lastsMs: lasts };
  const { startsAtMs = nowMs, endsAtMs } = spanOf(body, nowMs);
  return flexible === undefined
    ? { kind: 'fixed', startsAtMs, endsAtMs }
    : { kind: 'flexible', startsAtMs, endsAtMs, lastsMs: flexible };
}

function listingRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  const list = async (query: SuppressionsQuery) => {
    if (query.check !== undefined && query.host === undefined && query.label === undefined)
      throw wrongQuery('#/check', 'is a check of hosts; say which, by host or label');
    const isWanted = suppressionFilter(daemon, query);
    return toWire(pageBy(daemon.suppressions().filter(isWanted), ({ id }) => id, query));
  };
  const all = 'Silences, downtimes and acknowledgements that have not ended, by id';
  app.route({
    method: 'GET',
    url: '/api/v1/suppressions',
    config: { scope: 'read' },
    schema: {
      ...describe('restraint', 'listSuppressions', all, pageOf(Suppression)),
      querystring: SuppressionsQuery,
    },
    handler: ({ query }) => list(query),
  });
  for (const kind of suppressionKinds) {
    const name = `${kind[0]?.toUpperCase()}${kind.slice(1)}s`;
    app.route({
      method: 'GET',
      url: `/api/v1/${kind}s`,
      config: { scope: 'read' },
      schema: {
        ...describe('restraint', `list${name}`, `${name} that have not ended, by id`, pageOf(Suppression)),
        querystring: KindQuery,
      },
      handler: ({ query }) => list({ ...query, kind }),
    });
  }
}

/** Of which kind, and whether one of these hosts is among those it is for. Labels are those of today. */
function suppressionFilter(
  daemon: Pick<DaemonPort, 'coverage' | 'hosts'>,
  { kind, host, label, check }: SuppressionsQuery,
): (each: Suppressed) => boolean {
  const chosen = label === undefined ? named(host) : labelled(daemon, label, host);
  return (each) => {
    if (kind !== undefined && kind !== each.kind) return false;
    return chosen === undefined || daemon.coverage.isFor(each, chosen, check);
  };
}

function named(host: string | undefined): ReadonlySet<string> | undefined {
  return host === undefined ? undefined : new Set([host]);
}

function labelled(
  daemon: Pick<DaemonPort, 'hosts'>,
  label: readonly string[],
  host: string | undefined,
): ReadonlySet<string> {
  const found = daemon
    .hosts()
    .filter(({ name, labels }) => hasLabels(labels, label) && name === (host ?? name));
  return new Set(found.map(({ name }) => name));
}

export function suppressionRoutes(app: ApiServer, options: ApiOptions): void {
  const { daemon } = options;
  addingRoutes(app, options);
  listingRoutes(app, options);

  const find = (id: string) => daemon.suppressions().find((each) => each.id === id);

  app.route({
    method: 'GET',
    url: '/api/v1/suppressions/:id',
    config: { scope: 'read' },
    schema: {
      ...describe(
        'restraint',
        'getSuppression',
        'One; its ETag may go with the order to end it',
        Suppression,
      ),
      params: SuppressionPath,
      querystring: NoQuery,
    },
    handler: async ({ params }, reply) => {
      const found = find(params.id);
      if (found === undefined)
        throw new RequestProblem(404, 'not_found', `There is no suppression ${params.id} in force.`);
      const tag = tagOf(JSON.stringify(found));
      return reply.header('etag', tag).header('cache-control', 'no-store').send(toWire(found));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/api/v1/suppressions/:id',
    config: { scope: 'ack', keepsIfMatch: true },
    schema: {
      ...describe('restraint', 'endSuppression', 'End one before its time', Suppression),
      params: SuppressionPath,
      querystring: DryQuery,
      body: WhyBody,
    },
    handler: async (request) => {
      const { params, query, body, person } = request;
      const found = find(params.id);
      refuseChanged(request, found && tagOf(JSON.stringify(found)));
      return toWire(
        unlessRejected(daemon.endSuppression(params.id, person, body?.reason, query.dry_run === true)),
      );
    },
  });
}

function addingRoutes(app: ApiServer, { daemon, clock }: ApiOptions): void {
  app.route({
    method: 'POST',
    url: '/api/v1/silences',
    config: { scope: 'ack' },
    schema: {
      ...describe('restraint', 'addSilence', 'Let nothing act on what it covers until it ends', Suppression),
      querystring: DryQuery,
      body: SilenceBody,
    },
    handler: async ({ body, query, person }) => {
      const times = spanOf(body, clock.nowMs());
      const wanted = { kind: 'silence' as const, match: matchOf(body), reason: body.reason, ...times };
      return toWire(unlessRejected(daemon.addSuppression(wanted, person, query.dry_run === true)));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/downtimes',
    config: { scope: 'ack' },
    schema: {
      ...describe('restraint', 'addDowntime', 'Planned work: nothing acts on what it covers', Suppression),
      querystring: DryQuery,
      body: DowntimeBody,
    },
    handler: async ({ body, query, person }) => {
      const window = windowOf(body, clock.nowMs());
      const wanted = { kind: 'downtime' as const, match: matchOf(body), reason: body.reason, window };
      return toWire(unlessRejected(daemon.addSuppression(wanted, person, query.dry_run === true)));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/acknowledgements',
    config: { scope: 'ack' },
    schema: {
      ...describe(
        'restraint',
        'acknowledge',
        'Take one problem on yourself: nothing acts on it',
        Suppression,
      ),
      querystring: DryQuery,
      body: AcknowledgementBody,
    },
    handler: async ({ body, query, person }) => {
      const { host, sticky, reason } = body;
      const isHost = body.check === hostCheck;
      const check = isHost ? hostCheck : findCheck(daemon, host, body.check).check;
      if (isHost) findHost(daemon, host);
      const ends = body.until === undefined && body.for === undefined ? {} : spanOf(body, clock.nowMs());
      const wanted = { kind: 'acknowledgement' as const, host, check, reason, sticky, ...ends };
      return toWire(unlessRejected(daemon.addSuppression(wanted, person, query.dry_run === true)));
    },
  });
}
