/** Owns the texts of commands as Automatron has them: their words, their secrets, and outputs within their quotes. */
import { literalText } from './jinja-liquid.ts';
import { type Mark, markPattern } from './jinja-variants.ts';
import { looksSecret } from './literal-text.ts';

/** Of one value; those of mendd take 65,536 characters. */
const valueLimit = 60_000;

/** Words of a command line that needs no shell; undefined when it does. */
export function shellWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] ?? '';
    if (quote === "'") {
      if (letter === "'") quote = undefined;
      else word = `${word ?? ''}${letter}`;
    } else if (letter === '\\' && at + 1 < text.length) {
      at += 1;
      word = `${word ?? ''}${text[at]}`;
    } else if (quote === '"') {
      if (letter === '"') quote = undefined;
      else if (letter === '$' || letter === '`') return undefined;
      else word = `${word ?? ''}${letter}`;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= '';
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (/[$`|&;<>()*?[\]~#!{}]/.test(letter) && !(word !== undefined && /[#~!{}]/.test(letter))) {
      return undefined;
    } else word = `${word ?? ''}${letter}`;
  }
  if (quote !== undefined) return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * A text with the Liquid that its marks stand for. In a command a mark within single quotes leaves them for double ones,
 * since what a template gives is quoted by mendd. Undefined when a mark has no Liquid, or the text can be no
 * value: empty, too long, or with what reads as a reference to a secret.
 */
export function restore(
  text: string,
  marks: readonly Mark[],
  { command }: { command: boolean },
): string | undefined {
  if (text.trim() === '' || text.length > valueLimit || /\0|endraw/.test(text) || looksSecret(text))
    return undefined;
  let restored = '';
  let quote: string | undefined;
  let from = 0;
  for (const match of text.matchAll(markPattern)) {
    const literal = text.slice(from, match.index);
    from = match.index + match[0].length;
    const mark = marks[Number(match[1])];
    if (mark === undefined || 'unsaid' in mark) return undefined;
    if (command) quote = quoteAfter(literal, quote);
    restored += literalText(literal) + (quote === "'" ? `'"${mark.liquid}"'` : mark.liquid);
  }
  return restored + literalText(text.slice(from));
}

function quoteAfter(text: string, before: string | undefined): string | undefined {
  let quote = before;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === '\\' && quote !== "'") at += 1;
    else if (letter === quote) quote = undefined;
    else if (quote === undefined && (letter === "'" || letter === '"')) quote = letter;
  }
  return quote;
}

const secretPatterns = [
  /(?<=^|[\s"'])(--?(?:password|passwd|pass|pwd|token|secret|api[-_]?key)(?:=|\s+))('[^']*'|"[^"]*"|[^\s'"\uE000$]+)/gi,
  /(\bmysql\w*\b[^|;&\n]*\s-p)('[^']*'|"[^"]*"|[^\s'"\uE000$]+)/g,
  /(\/\/[^\s/:@]+:)([^\s/@\uE000$]+)(?=@)/g,
  /((?:password|passwd|token|secret|api_?key)=)('[^']*'|"[^"]*"|[^\s'"\uE000$]+)/gi,
];

/** The text with `instead` for each password that can be known as one, and how many there were. */
export function withoutSecrets(text: string, instead: string): { text: string; count: number } {
  let count = 0;
  let cleaned = text;
  for (const pattern of secretPatterns) {
    cleaned = cleaned.replace(pattern, (whole, before: string, value: string) => {
      if (value === instead || value.startsWith('"$(')) return whole;
      count += 1;
      return `${before}${instead}`;
    });
  }
  return { text: cleaned, count };
}
