/** Folds what went the same way into one line. Pure. */

export interface Folded<T> {
  /** The newest of them. */
  item: T;
  times: number;
}

/** One entry for each key, in the order of their newest. `items`: oldest first. */
export function fold<T>(items: readonly T[], keyOf: (item: T) => string): Folded<T>[] {
  const folded = new Map<string, Folded<T>>();
  for (const item of items) {
    const key = keyOf(item);
    const times = (folded.get(key)?.times ?? 0) + 1;
    folded.delete(key);
    folded.set(key, { item, times });
  }
  return [...folded.values()];
}
