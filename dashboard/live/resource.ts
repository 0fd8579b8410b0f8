/** Keeps one answer of the API on a screen up to date: read at once, after each event that concerns it, and after a while. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { get, type Problem } from '../http/client.ts';
import type { LiveEvent } from '../http/wire-types.ts';
import { changes, lastEvent } from './now-store.ts';

export interface Resource<T> {
  /** The newest answer; kept while a later one fails. */
  data: ReadonlySignal<T | undefined>;
  problem: ReadonlySignal<Problem | undefined>;
  refresh: () => void;
}

const leastGapMs = 1_000;
const longestGapMs = 30_000;

/**
 * `path` may be undefined while it is not known what to read. `concerns`: events after which it is read again, all without
 * it.
 */
export function useResource<T>(
  path: string | undefined,
  concerns: (event: LiveEvent) => boolean = () => true,
): Resource<T> {
  const kept = useMemo(() => follow<T>(path, concerns), [path]);
  useEffect(() => kept.start(), [kept]);
  return kept;
}

function follow<T>(path: string | undefined, concerns: (event: LiveEvent) => boolean) {
  const data = signal<T | undefined>(undefined);
  const problem = signal<Problem | undefined>(undefined);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let [isReading, isWanted, isOver] = [false, false, false];
  let readMs = -Infinity;

  const read = async (): Promise<void> => {
    if (path === undefined || isReading) return;
    clearTimeout(timer);
    isReading = true;
    isWanted = false;
    readMs = performance.now();
    const answer = await get<T>(path);
    isReading = false;
    if (isOver) return;
    if (answer.ok) data.value = answer.value;
    problem.value = answer.ok ? undefined : answer.problem;
    timer = setTimeout(() => void read(), isWanted ? leastGapMs : longestGapMs);
  };
  const refresh = (): void => {
    isWanted = true;
    if (isReading || isOver) return;
    clearTimeout(timer);
    timer = setTimeout(() => void read(), Math.max(0, readMs + leastGapMs - performance.now()));
  };
  const start = (): (() => void) => {
    isOver = false;
    void read();
    let seen = changes.peek();
    const stop = changes.subscribe((count) => {
      const event = lastEvent.peek();
      if (count !== seen && (event === undefined || concerns(event))) refresh();
      seen = count;
    });
    return () => {
      isOver = true;
      clearTimeout(timer);
      stop();
    };
  };
  return { data, problem, refresh, start };
}
