/**
 * What happened and why: transitions, stored decisions, and the explanation of one moment.
 */

import type { Transition as Changed } from '../../core/types.ts';
import { Decision, ExplainAnswer } from '../action-shapes.ts';
import { filteredPage, hostFilter } from '../host-filter.ts';
import { actionName, findCheck, findHost } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { historyQuery } from '../paging.ts';
import { explainPast } from '../past.ts';
import { RequestProblem } from '../problems.ts';
import { DecisionsQuery, ExplainQuery, TransitionsQuery } from '../queries.ts';
import { pageOf, Transition } from '../shapes.ts';
import { instant, toWire } from '../wire.ts';

/** More decisions than one moment of one host has rungs. */
const decisionsAtOnce = 100;

export function historyRoutes(app: ApiServer, { daemon, history, clock }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/transitions',
    config: { scope: 'read' },
    schema: {
      ...describe('history', 'listTransitions', 'Changes of state, newest first', pageOf(Transition)),
      querystring: TransitionsQuery,
    },
    handler: async ({ query }) => {
      const { exact, matches } = hostFilter(daemon, query);
      const { state } = query;
      const isWanted = ({ host, to }: Changed): boolean =>
        (matches?.(host) ?? true) && (state === undefined || (state as string[]).includes(to));
      const chosen = matches !== undefined || state !== undefined;
      const read = (page: { limit: number; cursor?: string }) =>
        history.transitions(historyQuery({ ...query, ...page, host: exact }));
      return toWire(await filteredPage(read, chosen ? isWanted : undefined, query));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/decisions',
    config: { scope: 'read' },
    schema: {
      ...describe('history', 'listDecisions', 'Decisions with their gates, newest first', pageOf(Decision)),
      querystring: DecisionsQuery,
    },
    handler: async ({ query }) => {
      const { exact, matches } = hostFilter(daemon, query);
      const action = query.action === undefined ? {} : { action: query.action };
      const read = (page: { limit: number; cursor?: string }) =>
        history.decisions({ ...historyQuery({ ...query, ...page, host: exact }), ...action });
      return toWire(await filteredPage(read, matches && (({ host }) => matches(host)), query));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/explain',
    config: { scope: 'read' },
    schema: {
      ...describe(
        'history',
        'explain',
        'Why an action runs or not: now, or with `at` as it was decided then',
        ExplainAnswer,
      ),
      querystring: ExplainQuery,
    },
    handler: async ({ query: { host, check, action, at } }) => {
      const nowMs = clock.nowMs();
      const named = (): { check?: string; action?: string } => ({
        ...(check === undefined ? {} : { check: findCheck(daemon, host, check).check }),
        ...(action === undefined ? {} : { action: actionName(daemon, host, action) }),
      });
      if (at === undefined || at === nowMs) {
        findHost(daemon, host);
        const about = named();
        const explanations = daemon.explain(host, about.check, about.action);
        return {
          at: instant(nowMs),
          source: 'now' as const,
          explanations: toWire(explanations),
          decisions: [],
        };
      }
      if (at > nowMs) {
        throw new RequestProblem(400, 'time_ahead', 'at lies in the future; nothing was decided then yet.');
      }
      const read = (about: { check?: string | undefined; action?: string | undefined }) =>
        history.decisions({
          ...historyQuery({ host, check: about.check, limit: decisionsAtOnce }),
          ...(about.action === undefined ? {} : { action: about.action }),
          atMs: at,
        });
      let decisions = read({ check, action });
      // What is gone from the definitions keeps its history; only what never was is unknown.
      if (decisions.items.length === 0) {
        findHost(daemon, host);
        decisions = read(named());
      }
      return {
        at: instant(at),
        source: 'ledger' as const,
        explanations: toWire(explainPast(history, decisions.items, at)),
        decisions: toWire(decisions.items),
      };
    },
  });
}
