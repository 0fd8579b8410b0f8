/**
 * Checks: the list with its filters, one by host and name, its results, and running one now.
 */
import type { CheckView } from '../../core/views.ts';
import { hostFilter } from '../host-filter.ts';
import { findCheck } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { historyQuery, matchesGlob, pageAlong } from '../paging.ts';
import { RequestProblem, unlessRejected } from '../problems.ts';
import {
  CheckPath,
  ChecksQuery,
  DryQuery,
  EmptyBody,
  NoQuery,
  ResultsQuery,
  RollupsQuery,
} from '../queries.ts';
import { rollupPage, slotMs } from '../rollup-pages.ts';
import { Check, pageOf, Rollup, StoredResult } from '../shapes.ts';
import { toWire } from '../wire.ts';

/** The longest a caller waits for a check it asked for; the check itself has its own time limit. */
const runNowMs = 600_000;

/** Milliseconds. */
const dayMs = 86_400_000;

export function checkRoutes(app: ApiServer, { daemon, history, clock }: ApiOptions): void {
  const read = (after: string | undefined) => daemon.eachCheck(after?.split(' ', 1)[0]);

  app.route({
    method: 'GET',
    url: '/api/v1/checks',
    config: { scope: 'read' },
    schema: {
      ...describe('state', 'listChecks', 'Checks by host and name', pageOf(Check)),
      querystring: ChecksQuery,
    },
    handler: async ({ query }) => {
      const { exact, matches } = hostFilter(daemon, query);
      const isWanted = ({ host, check, stale, status }: CheckView): boolean => {
        const problem = status.state !== 'ok' && status.state !== 'pending';
        return (
          (query.state?.includes(status.state) ?? true) &&
          (exact === undefined || exact === host) &&
          (matches?.(host) ?? true) &&
          (query.check === undefined || matchesGlob(query.check, check)) &&
          (query.stale === undefined || query.stale === stale) &&
          (query.problems === undefined || query.problems === problem)
        );
      };
      return toWire(await pageAlong(read, ({ host, check }) => `${host} ${check}`, isWanted, query));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/checks/:host/:check',
    config: { scope: 'read' },
    schema: { ...describe('state', 'getCheck', 'One check', Check), params: CheckPath, querystring: NoQuery },
    handler: async ({ params }) => toWire(findCheck(daemon, params.host, params.check)),
  });

  app.route({
    method: 'GET',
    url: '/api/v1/checks/:host/:check/history',
    config: { scope: 'read' },
    schema: {
      ...describe('history', 'listResults', 'Results of a check, newest first', pageOf(StoredResult)),
      params: CheckPath,
      querystring: ResultsQuery,
    },
    handler: async ({ params, query }) => {
      // What is gone from the definitions keeps its history; only what never was is unknown.
      const page = history.results(historyQuery({ ...query, ...params }));
      if (page.items.length > 0) return toWire(page);
      const { host, check } = findCheck(daemon, params.host, params.check);
      return toWire(check === params.check ? page : history.results(historyQuery({ ...query, host, check })));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/checks/:host/:check/rollups',
    config: { scope: 'read' },
    schema: {
      ...describe(
        'history',
        'listRollups',
        'What the results of a check come to in each step that has some, oldest first',
        pageOf(Rollup),
      ),
      params: CheckPath,
      querystring: RollupsQuery,
    },
    handler: async ({ params, query }) => {
      const { until: untilMs = clock.nowMs() } = query;
      const { since: sinceMs = untilMs - dayMs, step: stepMs = slotMs, cursor, limit } = query;
      const span = { untilMs, sinceMs, stepMs };
      const readPage = (path: { host: string; check: string }) =>
        rollupPage((part) => history.rollups({ ...path, ...part }), { ...span, cursor, limit });
      const page = readPage(params);
      // One that is gone from the definitions may have had nothing at first.
      if (page.items.length > 0 || history.rollups({ ...params, ...span }).length > 0) return toWire(page);
      const { host, check } = findCheck(daemon, params.host, params.check);
      return toWire(check === params.check ? page : readPage({ host, check }));
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/checks/:host/:check/run',
    config: { scope: 'act', isSlow: true },
    handlerTimeout: runNowMs,
    schema: {
      ...describe(
        'actions',
        'runCheck',
        'Run a check now and wait for its verdict; with dry_run=true, which one and how it stands',
        Check,
      ),
      params: CheckPath,
      querystring: DryQuery,
      body: EmptyBody,
    },
    handler: async (request) => {
      const found = findCheck(daemon, request.params.host, request.params.check);
      const { host, check, kind } = found;
      if (kind === 'passive')
        throw new RequestProblem(
          409,
          'passive',
          `${check} is never asked: others tell its results (\`mendd submit\`).`,
        );
      if (request.query.dry_run === true) return toWire(found);
      return toWire(unlessRejected(await daemon.checkNow(host, check)));
    },
  });
}
