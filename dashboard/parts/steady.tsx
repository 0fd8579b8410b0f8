/**
 * Keeps the rows of a list where they are while somebody points at them or stands on one: what is new waits above, what
 * changed is shown in its place.
 */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { count } from './words.ts';

interface Steady<T> {
  items: readonly T[];
  /** For the list's own element. */
  hold: {
    onPointerEnter: () => void;
    onPointerLeave: () => void;
    onFocusIn: () => void;
    onFocusOut: () => void;
  };
  /** What waits, or nothing. */
  notice: ComponentChildren;
}

export function useSteady<T>(items: readonly T[], keyOf: (item: T) => string): Steady<T> {
  const [isPointed, setPointed] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const order = useRef<readonly string[]>([]);
  const known = useRef(new Map<string, T>());
  const newest = new Map(items.map((item) => [keyOf(item), item]));
  const isHeld = (isPointed || isFocused) && order.current.length > 0;
  if (!isHeld) {
    order.current = items.map(keyOf);
    known.current = newest;
  }
  // What left the list meanwhile stays until it is let go of.
  const shown = order.current.flatMap((key) => newest.get(key) ?? known.current.get(key) ?? []);
  const waiting = items.filter((item) => !order.current.includes(keyOf(item))).length;
  return {
    items: shown,
    hold: {
      onPointerEnter: () => setPointed(true),
      onPointerLeave: () => setPointed(false),
      onFocusIn: () => setFocused(true),
      onFocusOut: () => setFocused(false),
    },
    notice: (
      <p class="dim waiting" role="status">
        {waiting === 0 ? '' : `${count(waiting, 'new row')} when you let go`}
      </p>
    ),
  };
}
