/**
 * Makes text from hosts, people and files safe and straight for a terminal. What a plugin printed is hostile: it must not move
 * the cursor, hide words or change their direction.
 */
import { printable } from '../core/plugin-output.ts';

/** Marks that change the direction of what follows. Source: Unicode 16, UAX #9, explicit and implicit formatting characters. */
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Everything JSON leaves as it is though a terminal may act on it: DEL, C1 controls, direction marks. */
const unsafeInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const zeroWidth = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** One line of text without anything a terminal would act on; with `lines` it may hold line feeds. */
export function plain(text: string, options: { lines?: boolean } = {}): string {
  const safe = printable(text).replaceAll(directions, '').replaceAll('\t', ' ');
  return options.lines === true ? safe : safe.replaceAll(/\s*\n\s*/g, ' ⏎ ').trim();
}

/** JSON text that is the same value and cannot act on a terminal. */
export function plainJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    unsafeInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Columns that text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += zeroWidth.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** At most so many columns; what was cut is marked. */
export function cutToWidth(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
