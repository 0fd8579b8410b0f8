/**
 * Owns what a daemon file comes to, value by value, as people write them, each with where it stands or that it is a default. It judges
 * nothing and reads no secret.
 */
import type { SecretText } from './fields.ts';
import { documentedSchema, type JsonSchema } from './json-schema.ts';
import { formatPlace } from './problems.ts';
import type { DaemonFile } from './resolve-daemon.ts';
import { shownReference } from './secrets.ts';
import { isMapTree, type Tree } from './yaml-tree.ts';

export interface DaemonValue {
  /** `ssh.user`, `messages.routes[0].to`. */
  key: string;
  /** A secret as its references. */
  value: unknown;
  /** `file:line:column`, or `default`. */
  from: string;
}

/** In the order of the schema. What is not written and has no default is left out. */
export function daemonValues({ tree, parts }: DaemonFile): DaemonValue[] {
  return [...valuesOf('', documentedSchema('daemon'), tree, parts)];
}

/** `parsed`: the same as the schema read it. */
function* valuesOf(key: string, schema: JsonSchema, tree: Tree, parsed: unknown): Generator<DaemonValue> {
  if (isSecret(parsed)) {
    yield { key, value: shownReference(parsed), from: formatPlace(tree.place) };
    return;
  }
  const items = [...tree.entries];
  const isPlainList = !isMapTree(tree) && !items.some(([, item]) => item.tree.entries.size > 0);
  const keys = isMapTree(tree) ? branchOf(schema).properties : undefined;
  if (isPlainList || (items.length === 0 && keys === undefined)) {
    yield { key, value: tree.value, from: formatPlace(tree.place) };
    return;
  }
  for (const [name, each] of Object.entries(keys ?? {})) {
    const entry = tree.entries.get(name);
    if (entry === undefined) yield* defaultsOf(joined(key, name), each, partOf(parsed, name));
    else yield* valuesOf(joined(key, name), each, entry.tree, partOf(parsed, name));
  }
  for (const [name, entry] of items) {
    if (keys?.[name] !== undefined) continue;
    const inside = isMapTree(tree) ? joined(key, name) : `${key}[${name}]`;
    yield* valuesOf(inside, itemOf(schema), entry.tree, partOf(parsed, name));
  }
}

function* defaultsOf(key: string, schema: JsonSchema, parsed: unknown): Generator<DaemonValue> {
  // Of lists and maps of any names the schema for editors has no default; the only one is an empty one.
  const value = schema.default ?? (['[]', '{}'].includes(JSON.stringify(parsed)) ? parsed : undefined);
  if (value === undefined) return;
  const { properties } = typeof value === 'object' ? branchOf(schema) : {};
  if (properties === undefined) yield { key, value, from: 'default' };
  else
    for (const [name, each] of Object.entries(properties))
      yield* defaultsOf(joined(key, name), each, partOf(parsed, name));
}

/** Where several forms are right, the one that is a map. */
function branchOf(schema: JsonSchema): JsonSchema {
  return schema.anyOf?.find(({ type }) => type === 'object') ?? schema;
}

/** Of what a list or a map of any names holds. */
function itemOf(schema: JsonSchema): JsonSchema {
  const { items, additionalProperties } = branchOf(schema);
  return items ?? (typeof additionalProperties === 'object' ? additionalProperties : {});
}

function isSecret(parsed: unknown): parsed is SecretText {
  return typeof parsed === 'object' && parsed !== null && 'reference' in parsed;
}

function partOf(parsed: unknown, name: string): unknown {
  return typeof parsed === 'object' && parsed !== null
    ? (parsed as Record<string, unknown>)[name]
    : undefined;
}

function joined(key: string, name: string): string {
  return key === '' ? name : `${key}.${name}`;
}
