/** Which hosts and checks a matcher is for: asked before a silence or a downtime is made. Changes nothing. */
import { z } from 'zod';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { CoverageQuery } from '../restraint-queries.ts';
import { count, named, noted } from '../shapes.ts';

const Coverage = named(
  'Coverage',
  z.object({
    hosts: count,
    checks: noted('Of the definitions in force', count),
    examples: noted('The first 20', z.array(z.object({ host: z.string(), check: z.string() }))),
    problem: noted('Why such a matcher would be refused', z.string().optional()),
  }),
);

export function coverageRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/coverage',
    config: { scope: 'read' },
    schema: {
      ...describe('restraint', 'getCoverage', 'Which hosts and checks a matcher is for', Coverage),
      querystring: CoverageQuery,
    },
    handler: async ({ query: { host = [], label = [], check = [] } }) => {
      const labels = Object.fromEntries(
        label.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
      );
      return daemon.coverage.of({ hosts: host, labels, checks: check });
    },
  });
}
