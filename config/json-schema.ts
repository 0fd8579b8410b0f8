/**
 * Owns the JSON Schema that editors read. It is made from the schema that judges the files, so it cannot drift from it.
 */
import { z } from 'zod';
import { daemonSchema } from './daemon-schema.ts';
import { hostsSchema } from './hosts-schema.ts';
import { runbookSchema } from './runbook-schema.ts';
import { silencesSchema } from './suppression-schema.ts';

export type SchemaName = 'daemon' | 'hosts' | 'runbook' | 'silences';

export const schemaNames = ['daemon', 'hosts', 'runbook', 'silences'] as const satisfies SchemaName[];

const schemas = {
  daemon: { schema: daemonSchema, title: 'mendd: daemon file (mendd.yaml)' },
  hosts: { schema: hostsSchema, title: 'mendd: hosts file (hosts/*.yaml)' },
  runbook: { schema: runbookSchema, title: 'mendd: runbook (runbooks/**/*.yaml)' },
  silences: { schema: silencesSchema, title: 'mendd: silences file (silences/*.yaml)' },
};

/** The part of JSON Schema that is used here. */
export interface JsonSchema {
  type?: string;
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

/** Draft 07, which yaml-language-server reads; of the input, as people write it. `x-` keys are free at the top. */
export function jsonSchema(which: SchemaName): JsonSchema {
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
