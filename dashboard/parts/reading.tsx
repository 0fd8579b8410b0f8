/** What a screen shows while an answer is on its way, is refused, or is there. */
import type { ComponentChildren } from 'preact';
import type { Resource } from '../live/resource.ts';
import { ProblemNote } from './problem.tsx';

interface ReadingProps<T> {
  of: Resource<T>;
  /** Of the whole view, until the answer brings its own. */
  title?: string;
  children: (value: T) => ComponentChildren;
}

/** An old answer stays when a newer one failed, and it is said that it is old. */
export function Reading<T>({ of, title, children }: ReadingProps<T>) {
  const value = of.data.value;
  const problem = of.problem.value;
  return (
    <>
      {value === undefined && title !== undefined ? <h1>{title}</h1> : undefined}
      {problem === undefined ? undefined : <ProblemNote problem={problem} isOld={value !== undefined} />}
      {value === undefined ? problem === undefined && <p class="dim">Loading…</p> : children(value)}
    </>
  );
}
