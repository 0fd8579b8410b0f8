/**
 * Hosts: the list with its filters, and one by name.
 */
import { findHost } from '../lookup.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { hasLabels, matchesGlob, pageBy } from '../paging.ts';
import { HostPath, HostsQuery, NoQuery } from '../queries.ts';
import { Host, pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function hostRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/hosts',
    config: { scope: 'read' },
    schema: {
      ...describe('state', 'listHosts', 'Hosts by name', pageOf(Host)),
      querystring: HostsQuery,
    },
    handler: async ({ query }) => {
      const hosts = daemon
        .hosts()
        .filter(
          (host) =>
            (query.state?.includes(host.status.state) ?? true) &&
            (query.host === undefined || matchesGlob(query.host, host.name)) &&
            hasLabels(host.labels, query.label ?? []),
        );
      return toWire(pageBy(hosts, (host) => host.name, query));
    },
  });

  app.route({
    method: 'GET',
    url: '/api/v1/hosts/:host',
    config: { scope: 'read' },
    schema: { ...describe('state', 'getHost', 'One host', Host), params: HostPath, querystring: NoQuery },
    handler: async ({ params }) => toWire(findHost(daemon, params.host)),
  });
}
