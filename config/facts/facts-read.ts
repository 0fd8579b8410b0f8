/**
 * Owns what the definitions in force have read of facts: the values that templates and conditions name, and no others. What
 * changes beside them changes no definition.
 */
import { createHash } from 'node:crypto';
import type { FactsByHost, FactsHeard, Json } from '../../core/sources.ts';

/** Facts as templates see them: built-in ones at the top, those of a program below its name. */
export function factsScope(heard: ReadonlyMap<string, FactsHeard> | undefined): Record<string, Json> {
  const scope: Record<string, Json> = { ...heard?.get('builtin')?.values };
  for (const [name, { values }] of heard ?? []) if (name !== 'builtin') scope[name] = values;
  return scope;
}

/** Of one host: equal as long as everything that is read is. `paths`: such as `facts.os.id`; `facts` alone is all of them. */
export function factsFingerprint(
  heard: ReadonlyMap<string, FactsHeard> | undefined,
  paths: Iterable<string>,
): string {
  const scope = factsScope(heard);
  return JSON.stringify([...paths].map((path) => valueAt(scope, path) ?? null));
}

/** Of all hosts. */
export function factsDigest(facts: FactsByHost, paths: ReadonlySet<string>): string {
  const hash = createHash('sha256');
  for (const [host, heard] of [...facts].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${JSON.stringify(host)} ${factsFingerprint(heard, paths)}\n`);
  return hash.digest('hex');
}

/** What is not written as plain names is read as all below what is. */
function valueAt(scope: Record<string, Json>, path: string): Json | undefined {
  const [plain = ''] = /^facts(?:\.[A-Za-z_][\w-]*)*/.exec(path) ?? [];
  let value: Json | undefined = scope;
  for (const key of plain.split('.').slice(1)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as { readonly [key: string]: Json })[key];
  }
  return value;
}
