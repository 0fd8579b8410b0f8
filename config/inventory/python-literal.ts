/**
 * Owns reading values of INI inventories as Python's `ast.literal_eval` does: numbers, quoted text, lists, tuples, sets,
 * maps, True, False and None. All else is no literal. It evaluates nothing.
 */
import type { Json } from '../../core/sources.ts';

/** Brackets inside each other. */
const depthLimit = 32;

const escapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The value of a literal, or undefined when the text is none: then it stands for itself. */
export function readPythonLiteral(text: string): { value: Json } | undefined {
  const reader = new LiteralReader(text.replace(/^[ \t]+/, ''));
  return reader.whole();
}

class LiteralReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): { value: Json } | undefined {
    const items = this.#items('');
    if (items === undefined || this.#at < this.#text.length || items.values.length === 0) return undefined;
    // A comma outside of brackets makes a tuple.
    return { value: items.commas > 0 ? items.values : (items.values[0] ?? null) };
  }

  #skip(): void {
    const space = this.#depth > 0 ? /[ \t\f\r\n]*/y : /[ \t\f]*/y;
    space.lastIndex = this.#at;
    this.#at += space.exec(this.#text)?.[0].length ?? 0;
    if (this.#text[this.#at] === '#') this.#at = this.#text.length;
  }

  #take(char: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** Values up to `close`, which is taken, or to the end of the text. */
  #items(close: string): { values: Json[]; commas: number } | undefined {
    const values: Json[] = [];
    for (let commas = 0; ; commas += 1) {
      if (close !== '' && this.#take(close)) return { values, commas };
      this.#skip();
      if (close === '' && this.#at >= this.#text.length) return { values, commas };
      const value = this.#value();
      if (value === undefined) return undefined;
      values.push(value);
      if (this.#take(',')) continue;
      this.#skip();
      const ended = close === '' ? this.#at >= this.#text.length : this.#take(close);
      return ended ? { values, commas } : undefined;
    }
  }

  #value(): Json | undefined {
    this.#skip();
    const char = this.#text[this.#at] ?? '';
    if ('[({'.includes(char) && char !== '') return this.#bracket(char);
    const word = this.#match(/(?:True|False|None)(?![\w])/y);
    if (word !== undefined) return word === 'None' ? null : word === 'True';
    return /[-+.\d]/.test(char) ? this.#number() : this.#strings();
  }

  #bracket(open: string): Json | undefined {
    if (this.#depth >= depthLimit) return undefined;
    this.#at += 1;
    this.#depth += 1;
    const value = open === '{' ? this.#map() : this.#list(open);
    this.#depth -= 1;
    return value;
  }

  #list(open: string): Json | undefined {
    const items = this.#items(open === '[' ? ']' : ')');
    if (items === undefined) return undefined;
    const isGroup = open === '(' && items.commas === 0 && items.values.length === 1;
    return isGroup ? items.values[0] : items.values;
  }

  #map(): Json | undefined {
    const map: Record<string, Json> = {};
    for (let isFirst = true; !this.#take('}'); isFirst = false) {
      const key = this.#value();
      if (key === undefined) return undefined;
      if (!this.#take(':')) return isFirst ? this.#set(key) : undefined;
      const value = this.#value();
      if (value === undefined || (typeof key === 'object' && key !== null)) return undefined;
      if (key !== '__proto__') map[String(key)] = value;
      if (!this.#take(',') && this.#text[this.#at] !== '}') return undefined;
    }
    return map;
  }

  /** In the order of the text. */
  #set(first: Json): Json | undefined {
    if (this.#take('}')) return [first];
    const rest = this.#take(',') ? this.#items('}') : undefined;
    return rest && [first, ...rest.values];
  }

  #number(): Json | undefined {
    const sign = this.#match(/[-+][ \t]*/y)?.startsWith('-') === true ? -1 : 1;
    const text = this.#match(
      /(?:0[xX](?:_?[\da-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*)?\.?(?:\d(?:_?\d)*)?(?:[eE][-+]?\d(?:_?\d)*)?)(?![\w.])/y,
    )?.replaceAll('_', '');
    if (text === undefined || !/\d/.test(text) || /^[eE]/.test(text)) return undefined;
    // 007 is no number of Python, and nothing but zeros is.
    if (/^0+[1-9]\d*$/.test(text)) return undefined;
    const value = sign * Number(text);
    // What a number of JSON cannot hold exactly stays the text that it is.
    return Number.isSafeInteger(value) || !/^\d+$/.test(text) ? value : undefined;
  }

  /** Text next to text is one text. */
  #strings(): string | undefined {
    let joined: string | undefined;
    for (;;) {
      const one = this.#string();
      if (one === undefined) return joined;
      joined = (joined ?? '') + one;
      this.#skip();
    }
  }

  #string(): string | undefined {
    const from = this.#at;
    const open = this.#match(/(?:[rR]|[uU])?(?:"""|'''|"|')/y);
    if (open === undefined) return undefined;
    const quote = open.replace(/^[a-zA-Z]/, '');
    const raw = /^[rR]/.test(open);
    let text = '';
    while (this.#at < this.#text.length) {
      if (this.#text.startsWith(quote, this.#at)) {
        this.#at += quote.length;
        return text;
      }
      const char = this.#text[this.#at] ?? '';
      if (char === '\n' && quote.length === 1) break;
      this.#at += 1;
      text += char === '\\' ? this.#escape(raw) : char;
    }
    this.#at = from;
    return undefined;
  }

  #escape(raw: boolean): string {
    const coded = raw
      ? undefined
      : this.#match(/x[\da-fA-F]{2}|u[\da-fA-F]{4}|U000[\da-fA-F]{5}|U0010[\da-fA-F]{4}|[0-7]{1,3}/y);
    if (coded !== undefined)
      return String.fromCodePoint(
        Number.parseInt(coded.replace(/^[xuU]/, ''), /^[xuU]/.test(coded) ? 16 : 8),
      );
    const char = this.#text[this.#at] ?? '';
    this.#at += 1;
    return raw ? `\\${char}` : (escapes[char] ?? `\\${char}`);
  }
}
