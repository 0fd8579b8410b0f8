/**
 * The OpenAPI 3.1 document, made from the schemas that also check the requests and filter the answers.
 */
import { type FastifyDynamicSwaggerOptions, fastifySwagger } from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { Problem } from './control-shapes.ts';
import type { ApiServer } from './options.ts';
import { shapes } from './shapes.ts';

const tags = {
  state: 'What mendd concludes about hosts and checks',
  history: 'What happened, and why',
  actions: 'Runs of actions, and starting or stopping them',
  control: 'The daemon itself',
} as const;

const problem = {
  description: 'What went wrong and what to do (RFC 9457)',
  content: { 'application/problem+json': { schema: Problem } },
};

/** The parts every route's schema has. `ok` is the answer of status 200. */
export function describe<Ok extends z.ZodType>(
  tag: keyof typeof tags,
  operationId: string,
  summary: string,
  ok: Ok,
) {
  return {
    tags: [tag],
    operationId,
    summary,
    response: { 200: ok.describe(summary), default: problem },
  };
}

/** The same for an answer that is not JSON. */
export function describeText(
  tag: keyof typeof tags,
  operationId: string,
  summary: string,
  mediaType: string,
  schema: z.ZodString,
) {
  return {
    tags: [tag],
    operationId,
    summary,
    response: { 200: { description: summary, content: { [mediaType]: { schema } } }, default: problem },
  };
}

const toSchema = createJsonSchemaTransform({ schemaRegistry: shapes });
const toDocument = createJsonSchemaTransformObject({ schemaRegistry: shapes });

const transform: NonNullable<FastifyDynamicSwaggerOptions['transform']> = (route) => {
  const made = toSchema(route);
  const scope = route.route.config?.scope;
  if (scope === undefined || scope === 'open') return made;
  // Reading is free for programs on the same box, hence the empty alternative.
  const security = scope === 'read' ? [{}, { token: [] }] : [{ token: [] }];
  return { ...made, schema: { ...made.schema, security, 'x-scope': scope } };
};

/** Every component is made once for requests and once for answers; no request uses one. */
const transformObject: NonNullable<FastifyDynamicSwaggerOptions['transformObject']> = (source) => {
  const document = toDocument(source);
  const components = 'components' in document ? document.components : undefined;
  for (const name of Object.keys(components?.schemas ?? {})) {
    if (name.endsWith('Input')) delete components?.schemas?.[name];
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
        },
      },
    },
    transform,
    transformObject,
  });
}
