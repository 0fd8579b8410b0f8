/**
 * Takes from hostile text what a terminal or a browser would obey, and cuts it to a length that a page can bear. Pure; it is the one
 * place where that is decided.
 */

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
