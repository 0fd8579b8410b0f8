/**
 * Runs of actions: the list, one with its whole story, cancelling one, and a person's own act on a host (its plan
 * first). The gates are the daemon's; nothing is decided here.
 */
import { ActPlan, Run, RunItem } from '../action-shapes.ts';
import { filteredPage, hostFilter } from '../host-filter.ts';
import { actionName } from '../lookup.ts';
import { answer, describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { historyQuery } from '../paging.ts';
import { RequestProblem, unlessRejected } from '../problems.ts';
import {
  ActBody,
  ActionPath,
  DryQuery,
  NoQuery,
  PlanQuery,
  RunPath,
  RunsQuery,
  WhyBody,
} from '../queries.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function actionRoutes(app: ApiServer, options: ApiOptions): void {
  runRoutes(app, options);
  actRoutes(app, options);
}

function runRoutes(app: ApiServer, { daemon, runs }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/runs',
    config: { scope: 'read' },
    schema: {
      ...describe('actions', 'listRuns', 'Runs of actions, newest first', pageOf(RunItem)),
      querystring: RunsQuery,
    },
    handler: async ({ query }) => {
      const { exact, matches } = hostFilter(daemon, query);
      const { status, action } = query;
      const read = (page: { limit: number; cursor?: string }) =>
        runs.list({
          ...historyQuery({ ...query, ...page, host: exact }),
          ...(status === undefined ? {} : { status }),
          ...(action === undefined ? {} : { action }),
        });
      return toWire(await filteredPage(read, matches && (({ host }) => matches(host)), query));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/runs/:id',
    config: { scope: 'read' },
    schema: {
      ...describe('actions', 'getRun', 'One run with its gates, output and story', Run),
      params: RunPath,
      querystring: NoQuery,
    },
    handler: async ({ params }) => {
      const run = runs.get(params.id);
      if (run === undefined) throw new RequestProblem(404, 'run_unknown', `There is no run "${params.id}".`);
      return toWire(run);
    },
  });

  app.route({
    method: 'POST',
    url: '/api/v1/runs/:id/cancel',
    config: { scope: 'act' },
    schema: {
      ...describe('actions', 'cancelRun', 'Cancel a run that has not been sent', Run),
      params: RunPath,
      querystring: DryQuery,
      body: WhyBody,
    },
    handler: async ({ params, query, body, person }) =>
      toWire(unlessRejected(daemon.cancelRun(params.id, person, body?.reason, query.dry_run === true))),
  });
}

function actRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  const url = '/api/v1/hosts/:host/actions/:action/run';
  const plan = describe(
    'actions',
    'planAction',
    'What the action would do, and what each gate says',
    ActPlan,
  );

  app.route({
    method: 'GET',
    url,
    config: { scope: 'read' },
    schema: { ...plan, params: ActionPath, querystring: PlanQuery },
    handler: async ({ params }) => {
      const action = actionName(daemon, params.host, params.action);
      return toWire(unlessRejected(daemon.planAction(params.host, action)));
    },
  });

  app.route({
    method: 'POST',
    url,
    config: { scope: 'act' },
    schema: {
      tags: plan.tags,
      operationId: 'act',
      summary: 'Run the action, or with dry_run=true only plan it',
      params: ActionPath,
      querystring: DryQuery,
      body: ActBody,
      response: {
        200: answer('With dry_run=true: the plan; nothing was started', ActPlan),
        202: answer(
          'Decided. The run is written, and found under Location, once the host has told its facts',
          Run,
        ),
        default: plan.response.default,
      },
    },
    handler: async ({ params: { host, action: named }, query, body, person }, reply) => {
      const action = actionName(daemon, host, named);
      if (query.dry_run === true) {
        return toWire(unlessRejected(daemon.planAction(host, action)));
      }
      const run = unlessRejected(daemon.act(host, action, person, body.reason));
      return reply
        .code(202)
        .header('location', `/api/v1/runs/${encodeURIComponent(run.id)}`)
        .send(toWire(run));
    },
  });
}
