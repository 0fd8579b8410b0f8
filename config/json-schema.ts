/**
 * Owns the JSON Schema that editors read. It is made from the schema that judges the files, so it cannot drift from it.
 */
import { z } from 'zod';
import { daemonSchema } from './daemon-schema.ts';
import { factsSchema } from './facts/resolve.ts';
import { hostsSchema } from './hosts-schema.ts';
import { runbookSchema } from './runbook-schema.ts';
import { sharedActionsSchema, sharedChecksSchema } from './shared-items.ts';
import { silencesSchema } from './suppression-schema.ts';

export const schemaNames = ['daemon', 'hosts', 'runbook', 'checks', 'actions', 'facts', 'silences'] as const;

export type SchemaName = (typeof schemaNames)[number];

const schemas = {
  daemon: { schema: daemonSchema, title: 'mendd: daemon file (mendd.yaml)' },
  hosts: { schema: hostsSchema, title: 'mendd: hosts file (hosts/*.yaml)' },
  runbook: { schema: runbookSchema, title: 'mendd: runbook (runbooks/**/*.yaml)' },
  checks: { schema: sharedChecksSchema, title: 'mendd: shared checks (checks/*.yaml)' },
  actions: { schema: sharedActionsSchema, title: 'mendd: shared actions (actions/*.yaml)' },
  facts: { schema: factsSchema, title: 'mendd: facts file (facts/*.yaml)' },
  silences: { schema: silencesSchema, title: 'mendd: silences file (silences/*.yaml)' },
};

/** The part of JSON Schema that is used here. */
export interface JsonSchema {
  type?: string;
  pattern?: string;
  description?: string;
  default?: unknown;
  const?: boolean;
  enum?: readonly string[];
  examples?: readonly string[];
  properties?: Record<string, JsonSchema>;
  patternProperties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  required?: string[];
  minimum?: number;
  maximum?: number;
}

const templatedFiles: readonly SchemaName[] = ['runbook', 'checks', 'actions'];
/** What names a thing, or is read before a host is known. */
const untemplated = ['runbook', '$schema', 'params', 'use', 'notify', 'webhook', 'only_if'];

/**
 * What editors judge a file by: draft 07, which yaml-language-server reads. Where a value may be a template, the template is as
 * right as the value.
 */
export function jsonSchema(which: SchemaName): JsonSchema {
  const schema = documentedSchema(which);
  return templatedFiles.includes(which) ? withTemplates(schema) : schema;
}

const template = '\\{\\{|\\{%';

function withTemplates(schema: JsonSchema): JsonSchema {
  const { type, pattern, properties, additionalProperties, items, anyOf } = schema;
  if (pattern !== undefined) return { ...schema, pattern: `(?:${pattern})|${template}` };
  const isScalar = schema.enum !== undefined || ['integer', 'number', 'boolean'].includes(type ?? '');
  if (isScalar) {
    const { description, default: otherwise, ...judged } = schema;
    const told = {
      ...(description !== undefined && { description }),
      ...(otherwise !== undefined && { default: otherwise }),
    };
    return { ...told, anyOf: [judged, { type: 'string', pattern: template }] };
  }
  const inside = Object.entries(properties ?? {}).map(([key, each]): [string, JsonSchema] => [
    key,
    untemplated.includes(key) ? each : withTemplates(each),
  ]);
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(inside) }),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: withTemplates(additionalProperties),
    }),
    ...(items && { items: withTemplates(items) }),
    ...(anyOf && { anyOf: anyOf.map(withTemplates) }),
  };
}

/** Of the input, as people write it. `x-` keys are free at the top. */
export function documentedSchema(which: SchemaName): JsonSchema {
  const { schema, title } = schemas[which];
  const made = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-07',
    // The library drops these two from texts that are transformed, since they might be of the output. Ours are not.
    override: ({ zodSchema, jsonSchema: written }) => {
      const { examples, default: value } = z.globalRegistry.get(zodSchema) ?? {};
      if (Array.isArray(examples)) written.examples ??= examples;
      if (value !== undefined) written.default ??= value as typeof written.default;
    },
  }) as JsonSchema;
  return { ...made, title, patternProperties: { '^x-': {} } } as JsonSchema;
}
