/**
 * What machines and people ask first: is it alive, is it ready, its metrics and its OpenAPI document.
 */
import { z } from 'zod';
import { Health } from '../control-shapes.ts';
import type { Metrics } from '../metrics.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { RequestProblem } from '../problems.ts';

/** `ownProblem`: what is wrong with the API itself, though it answers. */
export function probeRoutes(
  app: ApiServer,
  { daemon }: ApiOptions,
  metrics: Metrics,
  ownProblem: () => string | undefined,
): void {
  app.route({
    method: 'GET',
    url: '/healthz',
    config: { scope: 'open' },
    schema: describe('control', 'healthz', 'Alive', z.string(), 'text/plain'),
    handler: async (_request, reply) =>
      reply.header('cache-control', 'no-store').type('text/plain').send('ok\n'),
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    config: { scope: 'read' },
    schema: describe(
      'control',
      'readyz',
      'Ready: definitions loaded, store writable, scheduler on time',
      Health,
    ),
    handler: async (_request, reply) => {
      const { ready, problems } = daemon.health();
      if (!ready) {
        throw new RequestProblem(
          503,
          'not_ready',
          problems[0] ?? 'mendd is not ready.',
          { problems },
          { 'retry-after': '5' },
        );
      }
      return reply.header('cache-control', 'no-store').send({ ready, problems: [ownProblem() ?? []].flat() });
    },
  });

  app.route({
    method: 'GET',
    url: '/metrics',
    config: { scope: 'read' },
    schema: describe('control', 'metrics', 'Metrics for Prometheus', z.string(), 'text/plain'),
    handler: async (_request, reply) => {
      const bytes = await metrics.render();
      // To be sent as they are; the schema calls them text.
      return reply
        .header('cache-control', 'no-store')
        .type(metrics.contentType)
        .send(bytes as never);
    },
  });

  app.route({
    method: 'GET',
    url: '/openapi.json',
    config: { scope: 'read' },
    schema: { hide: true },
    handler: async (_request, reply) => reply.type('application/json').send(JSON.stringify(app.swagger())),
  });
}
