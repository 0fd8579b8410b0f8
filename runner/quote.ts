/** Quotes text for POSIX sh; it knows no other language. */

/** Names and paths that mean the same to every shell, csh and fish too, without quotes. */
const plain = /^[A-Za-z0-9_./:@%+,-]+$/;

/**
 * One word of sh that reads back as exactly `text`, newlines included.
 * Errors: throws RangeError for a NUL byte, which no command line can carry; callers refuse it earlier.
 * Source: POSIX.1-2017 XCU 2.2.2 (nothing is special inside single quotes).
 */
export function quote(text: string): string {
  if (text.includes('\0')) throw new RangeError('a NUL byte cannot stand in a shell word');
  return plain.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
