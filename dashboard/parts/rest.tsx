/** Says that a list is not whole, and which command lists the rest. */
import type { PageOf } from '../http/wire-types.ts';

export function Rest({ of: { items, next }, command }: { of: PageOf<unknown>; command: string }) {
  if (next === undefined) return null;
  return (
    <p class="note edge-warn">
      ▲ Not all: these are {items.length}. All of them: <code>{command}</code>
    </p>
  );
}
