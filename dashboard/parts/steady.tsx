/**
 * Keeps the rows of a list where they are while somebody points at them or stands on one: what changed is shown in its
 * place, and what would come, go or move is counted.
 */
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { isAttended, steadyMark } from './attention.ts';
import { waitingChanges } from './held-order.ts';
import { count } from './words.ts';

interface Steady<T> {
  items: readonly T[];
  /** For the list's own element. */
  hold: typeof steadyMark;
  /** What waits, or nothing. Takes no room of its own, so that it moves nothing when it comes. */
  notice: ComponentChildren;
}

export function useSteady<T>(items: readonly T[], keyOf: (item: T) => string): Steady<T> {
  const order = useRef<readonly string[]>([]);
  const known = useRef(new Map<string, T>());
  const keys = items.map(keyOf);
  if (!isAttended.value || order.current.length === 0) {
    order.current = keys;
    known.current = new Map(items.map((item) => [keyOf(item), item]));
  }
  const newest = new Map(items.map((item) => [keyOf(item), item]));
  // What left the list meanwhile stays until it is let go of.
  const shown = order.current.flatMap((key) => newest.get(key) ?? known.current.get(key) ?? []);
  const waiting = waitingChanges(order.current, keys);
  return {
    items: shown,
    hold: steadyMark,
    notice: (
      <p class="waiting" role="status">
        {waiting === 0 ? '' : <span class="chip">{count(waiting, 'change')} when you let go</span>}
      </p>
    ),
  };
}
