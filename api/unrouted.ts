/** What no route takes: 404, or 405 with the methods that the path has. It comes after access, so it tells strangers nothing. */
import type { FastifyRequest } from 'fastify';
import type { ApiLog, ApiServer } from './options.ts';
import { RequestProblem, sendProblem } from './problems.ts';

/** After the check of access and before the first route. */
export function refuseUnrouted(app: ApiServer, log: ApiLog): void {
  const routes: { path: RegExp; methods: string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    const path = url.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll(/:\w+/g, '[^/]+');
    routes.push({ path: new RegExp(`^${path}$`), methods: [method].flat() });
  });

  function problemOf({ method, url }: FastifyRequest): RequestProblem {
    const asked = url.split('?', 1)[0] ?? '';
    const taken = routes.filter(({ path }) => path.test(asked)).flatMap(({ methods }) => methods);
    const hint = 'See /openapi.json for what there is.';
    // A file that is not there met its route.
    if (taken.length === 0 || taken.includes(method))
      return new RequestProblem(404, 'route_unknown', `There is no ${method} ${asked}.`, { hint });
    const allow = [...new Set(taken)].toSorted().join(', ');
    const detail = `${asked} does not take ${method}; it takes ${allow}.`;
    return new RequestProblem(405, 'method_not_allowed', detail, { hint }, { allow });
  }
  app.setNotFoundHandler((request, reply) => sendProblem(problemOf(request), request, reply, log));
}
