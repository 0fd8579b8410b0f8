/**
 * Text that a host, a plugin or a person wrote. It is hostile until shown here: only ever a text node, without what a terminal or
 * a browser would obey, and cut to a length that a page can bear.
 */

import { cut, inert } from './inert.ts';

const defaultLimit = 2_000;

interface OutputProps {
  text: string;
  /** Characters. */
  limit?: number;
  /** Many lines, as they came; otherwise one run of text. */
  block?: boolean;
  /** A sentence, and shown like one. */
  prose?: boolean;
  class?: string;
}

export function Output({
  text,
  limit = defaultLimit,
  block = false,
  prose = false,
  class: look = '',
}: OutputProps) {
  const shown = cut(text, limit);
  const words = inert(shown.text);
  const rest = shown.left === 0 ? undefined : <span class="dim"> … {shown.left} more characters</span>;
  return block ? (
    // It scrolls, so the keyboard must reach it.
    <pre class={`output ${look}`} dir="ltr" tabIndex={0}>
      {words}
      {rest}
    </pre>
  ) : (
    <span class={prose ? 'prose' : `output ${look}`} dir="ltr">
      {words}
      {rest}
    </span>
  );
}
