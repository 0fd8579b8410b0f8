import { expect, test } from 'vitest';
import { documentedSchema, type JsonSchema, jsonSchema, schemaNames } from '../../config/json-schema.ts';

/** Each map of keys in a schema, with its path. */
function* maps(schema: JsonSchema, path: string): Generator<[string, JsonSchema]> {
  if (schema.properties !== undefined) yield [path, schema];
  for (const [key, each] of Object.entries(schema.properties ?? {})) yield* maps(each, `${path}.${key}`);
  for (const each of schema.anyOf ?? []) yield* maps(each, path);
  if (schema.items !== undefined) yield* maps(schema.items, path);
  if (typeof schema.additionalProperties === 'object') yield* maps(schema.additionalProperties, `${path}.*`);
}

test.each(schemaNames)('%s: editors complete every key, tell what it is and refuse others', (which) => {
  const schema = documentedSchema(which);
  const found = [...maps(schema, which)];
  expect(found.length).toBeGreaterThan(2);
  for (const [path, each] of found) {
    expect(each.additionalProperties, path).toBe(false);
    for (const [key, property] of Object.entries(each.properties ?? {})) {
      expect(property.description, `${path}.${key}`).toMatch(/\.$/);
    }
  }
  expect(schema).toMatchObject({
    $schema: 'http://json-schema.org/draft-07/schema#',
    patternProperties: { '^x-': {} },
  });
});

test('defaults, examples, alternatives and required keys survive', () => {
  const { properties, required } = documentedSchema('runbook');
  expect(required).toEqual(['runbook', 'hosts', 'checks']);
  expect(properties?.['every']).toMatchObject({
    type: 'string',
    default: '1m',
    examples: ['30s', '5m', '1h30m'],
  });
  const check = properties?.['checks']?.additionalProperties as JsonSchema;
  expect(check.properties?.['tcp']?.anyOf?.map(({ type }) => type)).toEqual(['integer', 'object']);
  expect(check.required).toBeUndefined();
  const host = jsonSchema('hosts').properties?.['hosts']?.additionalProperties as JsonSchema;
  expect(host.anyOf?.map(({ type }) => type)).toEqual(['object', 'null']);
});

test('where a value may be a template, editors take one', () => {
  const { properties } = jsonSchema('runbook');
  const check = properties?.['checks']?.additionalProperties as JsonSchema;
  expect(new RegExp(check.properties?.['every']?.pattern ?? '').test('{{ vars.every }}')).toBe(true);
  expect(new RegExp(check.properties?.['every']?.pattern ?? '').test('5 minutes')).toBe(false);
  expect(check.properties?.['max_attempts']?.anyOf?.map(({ type }) => type)).toEqual(['integer', 'string']);
  expect(properties?.['runbook']?.pattern).toBe(documentedSchema('runbook').properties?.['runbook']?.pattern);
  expect(jsonSchema('silences')).toEqual(documentedSchema('silences'));
});
