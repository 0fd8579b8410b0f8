/**
 * The OpenAPI 3.1 document, made from the schemas that also check the requests and filter the answers.
 */
import { type FastifyDynamicSwaggerOptions, fastifySwagger } from '@fastify/swagger';
import type { RouteOptions } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { Problem } from './control-shapes.ts';
import type { ApiServer } from './options.ts';
import { EmptyBody } from './queries.ts';
import { AnswerHeader } from './restraint-queries.ts';
import { sessionCookie } from './session.ts';
import { shapes } from './shapes.ts';

const tags = {
  state: 'What mendd concludes about hosts and checks',
  history: 'What happened, and why',
  actions: 'Runs of actions, and starting or stopping them',
  restraint: 'What people and rules lay upon actions',
  control: 'The daemon itself',
} as const;

export const problem = {
  description: 'What went wrong and what to do (RFC 9457)',
  content: { 'application/problem+json': { schema: Problem } },
};

/** One answer of a route. */
export function answer<Ok extends z.ZodType>(description: string, schema: Ok) {
  return { description, content: { 'application/json': { schema } } };
}

/** The parts every route's schema has. `ok` is the answer of status 200, JSON unless another media type is named. */
export function describe<Ok extends z.ZodType, Media extends string = 'application/json'>(
  tag: keyof typeof tags,
  operationId: string,
  summary: string,
  ok: Ok,
  mediaType = 'application/json' as Media,
) {
  const content = { [mediaType]: { schema: ok } } as Record<Media, { schema: Ok }>;
  return {
    tags: [tag],
    operationId,
    summary,
    response: { 200: { description: summary, content }, default: problem },
  };
}

/** Every change takes a key; the route's own headers stay. */
function withKey(headers: unknown): object {
  const own = (headers ?? { type: 'object' }) as { properties?: object };
  const key = {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description:
      'For 24 hours a repeat with the same key, token, route and body is answered as the first was (Idempotency-Replayed: true) and does nothing; with another body it is 422, while the first is under way 409',
  };
  return { ...own, properties: { ...own.properties, 'idempotency-key': key } };
}

/** Reads without a tag, and those whose tag is for If-Match alone. */
const untagged = new Set(
  '/healthz /readyz /metrics /api/v1/session /api/v1/events /api/v1/audit/verify'.split(' '),
);
const forIfMatch = new Set('/api/v1/approvals/:id /api/v1/suppressions/:id /api/v1/brakes/:scope'.split(' '));
const tag = { ETag: { type: 'string', description: 'For If-None-Match' } };
const itsTag = { ETag: { type: 'string', description: 'For If-Match of what is decided about it' } };
const later = { 'Retry-After': { type: 'integer', minimum: 1, description: 'Seconds' } };

/** With the answers that any route of its kind may give; the others are under `default`. */
function withUsual(responses: Record<string, object>, { url, schema, method, config }: RouteOptions): object {
  const failed = responses['default'];
  const reads = [method].flat().includes('GET');
  const compares = config?.keepsIfMatch === true;
  const isOurs = forIfMatch.has(url);
  const isTagged = reads && !isOurs && !untagged.has(url);
  const told =
    reads && (isTagged || isOurs) ? { ...responses[200], headers: isOurs ? itsTag : tag } : undefined;
  const same = { description: 'What If-None-Match names is still so', type: 'null', headers: tag };
  return {
    ...responses,
    ...(told && { 200: told }),
    ...(isTagged && { 304: same }),
    ...(compares && { 412: { ...failed, description: 'It is not what If-Match names any more' } }),
    ...(schema?.headers === AnswerHeader && { 428: { ...failed, description: 'If-Match is missing' } }),
    ...(config?.scope !== 'open' && {
      429: { ...failed, description: 'Too many requests', headers: later },
    }),
    503: { ...failed, description: 'Not available now', headers: later },
  };
}

const toSchema = createJsonSchemaTransform({ schemaRegistry: shapes });
const toDocument = createJsonSchemaTransformObject({ schemaRegistry: shapes });

const transform: NonNullable<FastifyDynamicSwaggerOptions['transform']> = (route) => {
  const { body, ...rest } = route.schema;
  // A body that may be left out would be documented as required.
  const { schema, url } = toSchema(body === EmptyBody ? { ...route, schema: rest } : route);
  const response = withUsual((schema?.['response'] ?? {}) as Record<string, object>, route.route);
  const made = { url, schema: { ...schema, response } };
  const scope = route.route.config?.scope;
  if (scope === undefined || scope === 'open' || scope === 'session') return made;
  // Reading is free for programs on the same box, hence the empty alternative.
  const credentials = [{ token: [] }, { session: [] }];
  const security = scope === 'read' ? [{}, ...credentials] : credentials;
  const methods = [route.route.method].flat();
  const takesKey = !methods.includes('GET') && route.route.config?.answersSecret !== true;
  const headers = !takesKey ? {} : { headers: withKey(made.schema?.headers) };
  return { ...made, schema: { ...made.schema, ...headers, security, 'x-scope': scope } };
};

interface BodyDocument {
  required: boolean;
  content: Record<string, { schema: { anyOf?: { type?: string }[] } }>;
}

/** Every component is made once for requests and once for answers; no request uses one. */
const transformObject: NonNullable<FastifyDynamicSwaggerOptions['transformObject']> = (source) => {
  const document = toDocument(source);
  const components = 'components' in document ? document.components : undefined;
  for (const name of Object.keys(components?.schemas ?? {})) {
    if (name.endsWith('Input')) delete components?.schemas?.[name];
  }
  for (const path of Object.values(document.paths ?? {})) {
    for (const { requestBody } of Object.values<{ requestBody?: BodyDocument }>(path ?? {})) {
      const forms = requestBody?.content['application/json']?.schema.anyOf;
      // Null stands for a body that may be left out.
      if (requestBody !== undefined && forms?.some(({ type }) => type === 'null') === true)
        requestBody.required = false;
    }
  }
  return document;
};

export function documentRoutes(app: ApiServer): void {
  app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'mendd',
        version: '1',
        description:
          'States, history and decisions of a mendd daemon. Times are RFC 3339 in UTC; durations carry their unit in the name. Lists are cut into pages: pass `next` as `cursor`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'Made with `mendd token create`' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: sessionCookie,
            description:
              'Set by POST /api/v1/session in exchange for a token. A change by it needs the header `x-mendd-csrf: 1` too, and must come from the page itself',
          },
        },
      },
    },
    transform,
    transformObject,
  });
}
