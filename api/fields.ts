/**
 * `fields=a,b` on every read that answers JSON: only those members of the answer, or of each item of a list. What may be asked for is
 * what the schema of the answer names. The representation is made smaller before it is tagged.
 */
import type { RouteOptions } from 'fastify';
import { z } from 'zod';
import type { ApiServer } from './options.ts';
import { noted } from './shapes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What of the answer can be chosen: the whole, or each of its items. */
    picks?: 'answer' | 'items';
  }
}

const mostFields = 50;

export function pickFields(app: ApiServer): void {
  app.addHook('onRoute', (route) => {
    if (![route.method].flat().every((method) => method === 'GET' || method === 'HEAD')) return;
    const answer = answerOf(route);
    const query = route.schema?.querystring;
    if (answer === undefined || !(query instanceof z.ZodObject) || 'fields' in query.shape) return;
    const { items } = answer instanceof z.ZodObject ? answer.shape : {};
    const isList = items instanceof z.ZodArray;
    const names = memberNames(isList ? items.element : answer);
    if (names.size === 0) return;
    route.schema = { ...route.schema, querystring: query.extend({ fields: fieldsOf(names) }) };
    route.config = { ...route.config, picks: isList ? 'items' : 'answer' };
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const { picks } = request.routeOptions.config;
    const { fields } = request.query as { fields?: string[] };
    if (picks === undefined || fields === undefined || reply.statusCode !== 200) return payload;
    if (typeof payload !== 'string') return payload;
    const answer = JSON.parse(payload) as Members & { items?: Members[] };
    if (picks === 'answer') return JSON.stringify(picked(answer, fields));
    return JSON.stringify({ ...answer, items: answer.items?.map((item) => picked(item, fields)) });
  });
}

type Members = Record<string, unknown>;

function picked(from: Members, names: readonly string[]): Members {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(from, name)).map((name) => [name, from[name]]),
  );
}

/** The schema of status 200, when it is JSON. */
function answerOf({ schema }: RouteOptions): unknown {
  const ok = (
    schema?.response as { 200?: { content?: Record<string, { schema?: unknown }> } } | undefined
  )?.[200];
  return ok?.content?.['application/json']?.schema;
}

/** Of an object, or of any of those that it can be. */
function memberNames(schema: unknown): ReadonlySet<string> {
  if (schema instanceof z.ZodObject) return new Set(Object.keys(schema.shape));
  if (schema instanceof z.ZodUnion)
    return new Set(schema.options.flatMap((option) => [...memberNames(option)]));
  return new Set();
}

function fieldsOf(names: ReadonlySet<string>) {
  const list = z.string().transform((text, context) => {
    const wanted = [...new Set(text.split(','))];
    const unknown = wanted.find((name) => !names.has(name));
    if (unknown === undefined && wanted.length <= mostFields) return wanted;
    const message = `\`${(unknown ?? '').slice(0, 60)}\` is no field; there are ${[...names].join(', ')}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
  return noted('Only these members, such as `a,b`: of each item in a list', list.optional());
}
