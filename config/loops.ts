/** Owns finding loops among things that name each other. It knows nothing of what the things are. */

/**
 * Each loop once, as names in order, the first repeated at the end. Linear and without recursion, since chains may be
 * thousands long. Edges to names that are no key are ignored.
 */
export function findLoops(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const loops: string[][] = [];
  const done = new Set<string>();
  for (const start of edges.keys()) {
    const path: { name: string; next: Iterator<string> }[] = [];
    const onPath = new Map<string, number>();
    const enter = (name: string): void => {
      onPath.set(name, path.length);
      path.push({ name, next: (edges.get(name) ?? []).values() });
    };
    if (!done.has(start)) enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { value: name, done: ended } = top.next.next();
      if (ended === true) {
        path.pop();
        onPath.delete(top.name);
        done.add(top.name);
      } else if (onPath.has(name)) {
        loops.push([...path.slice(onPath.get(name)).map((step) => step.name), name]);
      } else if (edges.has(name) && !done.has(name)) {
        enter(name);
      }
    }
  }
  return loops;
}

export function loopWords(loop: readonly string[]): string {
  return loop.map((name) => `\`${name}\``).join(' -> ');
}
