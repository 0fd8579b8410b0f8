/**
 * Owns one thing: turning any text into one word of a POSIX shell command. It never runs anything.
 */

/** Words that mean themselves in every POSIX shell, wherever they stand after the command name. */
const plainWord = /^[A-Za-z0-9_@%+:,./-]+$/;

/**
 * The text as one shell word: left as it is when it needs no quotes, otherwise in single quotes.
 * A NUL byte cannot be passed to any command and throws, since silently dropping it would change the meaning.
 * Source: POSIX.1-2017, Shell Command Language, 2.2.2.
 */
export function quoteShell(text: string): string {
  if (text.includes('\0')) throw new Error('A NUL byte cannot be part of a shell command.');
  return plainWord.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
