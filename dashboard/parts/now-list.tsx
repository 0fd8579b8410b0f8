/** A titled list of rows on Now, which stay where they are while somebody points at them or walks among them. */
import type { ComponentChildren } from 'preact';
import { useHeld } from './attention.ts';
import { useSteady } from './steady.tsx';

export interface Line {
  key: string;
  row: ComponentChildren;
}

interface ListProps {
  title: string;
  id: string;
  lines: readonly Line[];
  /** Of all, when not all are shown. */
  total?: number;
  /** What else there is, of which it is not known how many lines it would be. */
  rest?: ComponentChildren;
  slim?: boolean;
}

export function List({ title, id, lines, total = lines.length, rest, slim = false }: ListProps) {
  const { items, hold, notice } = useSteady(lines, ({ key }) => key);
  const isThere = useHeld(lines.length > 0);
  if (!isThere || items.length === 0) return null;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        {title}{' '}
        <span class="count">
          ({total}
          {rest === undefined ? '' : '+'})
        </span>
      </h2>
      {notice}
      <ul class={slim ? 'rows slim' : 'rows'} {...hold}>
        {items.map(({ row }) => row)}
      </ul>
      {total > lines.length ? <p class="dim">and {total - lines.length} more</p> : undefined}
      {rest === undefined ? undefined : <p class="dim">{rest}</p>}
    </section>
  );
}

export function line(key: string, row: ComponentChildren): Line {
  return { key, row };
}
