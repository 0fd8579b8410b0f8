/**
 * Owns text of others that must mean nothing here: no template (`{{`, `{%`), no reference to a secret (`${env:…}`), no shell
 * code. Marks of import/nagios-macros.ts count as templates that may follow.
 */
import { quoteShell } from '../core/shell-quote.ts';

/** A brace that would begin a template. */
export const templateBrace = /\{(?=[{%\uE000-\uE0FF])/g;
/** A dollar that would begin a reference to a secret. */
const secretDollar = /\$(?=\{(?:env|cred|file):)/g;

/** Whether it holds what reads as a reference to a secret, which no value may hold, not even one that is rendered. */
export function looksSecret(text: string): boolean {
  return text.search(secretDollar) !== -1;
}

/** A value in which templates are rendered. What looks like a reference to a secret gets a space. */
export function literalValue(text: string): string {
  return text.replaceAll(secretDollar, '$$ ').replaceAll(templateBrace, '{{ "{" }}');
}

/** One word of a shell command; quotes are closed and opened again where a meaning would begin. */
export function literalWord(text: string): string {
  return quoteShell(text).replaceAll(templateBrace, "{''").replaceAll(secretDollar, "$$''");
}

/** A character of a shell command where such a meaning would begin, within or outside of quotes. */
export function literalStart(text: string, at: number, quote: string): string | undefined {
  const rest = text.slice(at, at + 7);
  const begins = rest.search(templateBrace) === 0 || rest.search(secretDollar) === 0;
  return begins ? `${rest[0]}${quote === "'" ? "''" : '""'}` : undefined;
}

/** Words for people, where nothing is rendered. */
export function literalTitle(text: string): string {
  return text.replaceAll(/([{$])(?=[{%])/g, '$1 ');
}
