/**
 * Owns which of the facts that templates read are others than before. Pure; what a path means is the language's: built-in
 * facts stand at the top of `facts`, others below the name of their source.
 */
import type { Json } from '../core/sources.ts';

type Values = { readonly [key: string]: Json };

/** `watched`: `facts.os.id` and the like. `before` is absent when nothing was known. */
export function changedPaths(
  watched: Iterable<string>,
  source: string,
  before: Values | undefined,
  after: Values,
): string[] {
  const [old, now] = [before ?? {}, after].map((values) =>
    source === 'builtin' ? values : { [source]: values },
  );
  return [...watched].filter((path) => {
    const keys = keysOf(path);
    const [first] = keys;
    // What another source tells stays what it is.
    if (source !== 'builtin' && first !== undefined && first !== source) return false;
    return textAt(old, keys) !== textAt(now, keys);
  });
}

/** `facts.queue.max` -> queue, max; what is in brackets may be anything, and ends the path. */
function keysOf(path: string): string[] {
  const plain = path.split('[', 1)[0] ?? path;
  return plain.split('.').slice(1);
}

/** Lists and text have names of the language's own behind them, such as `size`: then all of them counts. */
function textAt(values: Values | undefined, keys: readonly string[]): string | undefined {
  let at: Json | undefined = values;
  for (const key of keys) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) break;
    at = Object.hasOwn(at, key) ? (at as Values)[key] : undefined;
  }
  return JSON.stringify(at);
}
