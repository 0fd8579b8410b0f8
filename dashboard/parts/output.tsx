/**
 * Text that a host, a plugin or a person wrote. It is hostile until shown here: only ever a text node, without what a terminal or
 * a browser would obey, and cut to a length that a page can bear.
 */

const defaultLimit = 2_000;

const [bell, escape] = ['\u0007', '\u001b'];
const sequences = [
  String.raw`\[[0-?]*[ -/]*[@-~]`,
  String.raw`\][^${bell}${escape}]*(?:${bell}|${escape}\\)?`,
  String.raw`[@-Z\\-_]`,
];
const escapes = new RegExp(`${escape}(?:${sequences.join('|')})`, 'g');
// Control characters, and what turns the direction of text or hides in it.
const treacherous = /[\p{Cc}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** Colours of terminals go, anything else that is not to be seen is shown as �; lines and tabs stay. */
export function inert(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(escapes, '')
    .replaceAll(treacherous, (character) =>
      character === '\n' || character === '\t' ? character : '\ufffd',
    );
}

/** `text` up to `limit` characters, whole ones, and how many are left out. */
export function cut(text: string, limit: number): { text: string; left: number } {
  if (text.length <= limit) return { text, left: 0 };
  const head = text.slice(0, limit).replace(/[\ud800-\udbff]$/, '');
  return { text: head, left: text.length - head.length };
}

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
