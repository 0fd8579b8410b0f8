/** The routes that fastify itself was given while something starts; the OpenAPI document leaves out what is hidden. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';

/** By method and path, such as `GET /api/v1/hosts/:host`. */
export async function registeredRoutes<Started>(
  start: () => Promise<Started>,
): Promise<{ routes: Map<string, RouteOptions>; started: Started }> {
  const routes = new Map<string, RouteOptions>();
  const note = (route: RouteOptions): void => {
    for (const each of [route.method].flat()) routes.set(`${each} ${route.url}`, route);
  };
  const onCreated = (message: unknown): void => {
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', note);
  };
  subscribe('fastify.initialization', onCreated);
  try {
    return { started: await start(), routes };
  } finally {
    unsubscribe('fastify.initialization', onCreated);
  }
}
