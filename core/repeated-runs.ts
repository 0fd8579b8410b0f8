/** Folds runs that went the same way into one line, for the page and for terminals. It formats nothing. */

export interface RepeatedRun<T> {
  /** The newest of them. */
  run: T;
  times: number;
}

/** One entry for each action and status, the one that happened last at the end. `runs`: oldest first. */
export function foldRuns<T extends { action: string; status: string }>(runs: readonly T[]): RepeatedRun<T>[] {
  const folded = new Map<string, RepeatedRun<T>>();
  for (const run of runs) {
    const key = `${run.action} ${run.status}`;
    const times = (folded.get(key)?.times ?? 0) + 1;
    folded.delete(key);
    folded.set(key, { run, times });
  }
  return [...folded.values()];
}
