/** What a host tells of itself, and where the values of its definition come from. */
import { z } from 'zod';
import { findHost } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { HostPath, NoQuery } from '../queries.ts';
import { count, named, noted, time } from '../shapes.ts';
import { toWire } from '../wire.ts';

const anything = z.unknown();

const HostFacts = named(
  'HostFacts',
  z.object({
    host: z.string(),
    sources: z.array(
      z.object({
        name: noted('`builtin`, or the name in the facts file', z.string()),
        values: noted('As templates read them', z.record(z.string(), anything)),
        heardAt: noted('Absent when never', time.optional()),
        ageMs: count.optional(),
        everyMs: count,
        problem: noted('Why the newest attempt changed nothing', z.string().optional()),
        warnings: noted('What was left out of the newest answer', z.array(z.string())),
      }),
    ),
  }),
);

const HostOrigins = named(
  'HostOrigins',
  z.object({
    host: z.string(),
    values: z.array(
      z.object({ key: z.string(), value: anything, from: noted('Who says so, and where', z.string()) }),
    ),
  }),
);

export function factRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/hosts/:host/facts',
    config: { scope: 'read' },
    schema: {
      ...describe('state', 'getHostFacts', 'What a host tells of itself, and how old it is', HostFacts),
      params: HostPath,
      querystring: NoQuery,
    },
    handler: async ({ params }) => {
      const { name: host } = findHost(daemon, params.host);
      // The values are somebody else's: no name among them means an instant of ours.
      const sources = daemon.facts.of(host).map(({ values, ...about }) => ({ ...toWire(about), values }));
      return { host, sources };
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/hosts/:host/origin',
    config: { scope: 'read' },
    schema: {
      ...describe('state', 'getHostOrigin', 'Every value of a host, and where it comes from', HostOrigins),
      params: HostPath,
      querystring: NoQuery,
    },
    handler: async ({ params }) => {
      const { name: host } = findHost(daemon, params.host);
      return { host, values: daemon.facts.origin(host) };
    },
  });
}
