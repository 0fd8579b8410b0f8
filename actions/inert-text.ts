/** Owns what makes foreign text harmless wherever it is shown: nothing in it can draw on a terminal or turn the order of reading. Pure. */
import { printable } from '../core/plugin-output.ts';

/** Marks that change the direction of what follows (UAX #9): by them a command can read as another. */
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Without terminal escapes, control characters and changes of direction; tab and line feed stay. */
export function inert(text: string): string {
  return printable(text).replace(directions, '');
}

/** The same on one line. */
export function inertLine(text: string): string {
  return inert(text.replaceAll(/[\s\u2028\u2029]+/g, ' ')).trim();
}

/** At most so many bytes of UTF-8, cut between characters, with `...` at its end when something is gone. */
export function cutBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  const kept = bytes.subarray(0, limit - 3).toString();
  // A character that was cut in two ends as the replacement character.
  return `${kept.replace(/\uFFFD$/, '')}...`;
}
