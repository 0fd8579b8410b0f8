/** Tells what would change in a list whose rows are held. Pure. */

/** Rows that would come, go or move. Both by key, in the order they stand and in the order they should. */
export function waitingChanges(held: readonly string[], newest: readonly string[]): number {
  const [before, after] = [new Set(held), new Set(newest)];
  const come = newest.filter((key) => !before.has(key)).length;
  const go = held.filter((key) => !after.has(key)).length;
  const stay = newest.filter((key) => before.has(key));
  const moved = held.filter((key) => after.has(key)).filter((key, index) => stay[index] !== key).length;
  return come + go + moved;
}
