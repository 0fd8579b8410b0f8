/**
 * Owns where in a shell command a mark stands: as a word, inside quotes, where the shell counts. It quotes nothing and is
 * no parser: it errs towards "not a word".
 */

/** What stands around a mark. Only a word can take any value without becoming code, or something else than was meant. */
export type ShellPlace = 'word' | 'comment' | 'quotes' | 'arithmetic' | 'here_document' | 'escape' | 'code';

interface Level {
  kind: 'command' | 'double' | 'parameter' | 'arithmetic';
  /** Ends a command inside a command. */
  end?: string;
  /** Parentheses inside arithmetic. */
  open: number;
  /** Where the text of a parameter starts. */
  from?: number;
  /** What the words of a command are taken for; those of a test until `]]`. */
  words?: 'code' | 'sum' | 'test';
  /** The command is a shell, which takes what follows `-c` for code. */
  isShell?: boolean;
}

/** A word of a command can begin after these. */
const boundary = /^$|[\s;&|()`{!]/;
/** Bash counts in `[[ ]]` and `let`, and runs what stands in brackets of what it counts: `a[$(id)]`. */
const takers = [
  [/(?:eval|trap)(?=\s)/y, 'code'],
  [/let(?=\s)/y, 'sum'],
  [/\[\[(?=\s)/y, 'test'],
] as const;
const shell = /(?:[^\s;&|()"'`\0]{0,200}\/)?(?:(?:ba|da|a|k|z)?sh|su)(?=\s)/y;
const testEnds = /\]\](?=[\s;&|)]|$)/y;
/** Of a parameter, what comes before a word that stands in its place. */
const parameterWord = /^\w+:?[-=+?]/;

/** The character that stands for a value; no command can hold it. */
export const mark = '\0';

/**
 * The place of each mark in a command, in order.
 * Source: POSIX.1-2017, Shell Command Language, 2.2 Quoting, 2.3 Token Recognition, 2.6 Word Expansions.
 */
export function placesInShell(text: string): ShellPlace[] {
  return new Scan(text).run();
}

class Scan {
  readonly #text: string;
  readonly #places: ShellPlace[] = [];
  readonly #levels: Level[] = [{ kind: 'command', open: 0 }];
  #at = 0;
  #hereDocument = false;

  constructor(text: string) {
    this.#text = text;
  }

  run(): ShellPlace[] {
    while (this.#at < this.#text.length) this.#step();
    return this.#places;
  }

  get #top(): Level {
    return this.#levels.at(-1) ?? { kind: 'command', open: 0 };
  }

  #step(): void {
    const char = this.#text[this.#at] ?? '';
    const { kind } = this.#top;
    if (char === mark) this.#found(this.#placeHere());
    else if (char === '\\') this.#escape();
    else if (char === '$') this.#dollar();
    else if (char === '`') this.#backquote();
    else if (char === '"') this.#doubleQuote();
    else if (kind === 'arithmetic') this.#arithmetic(char);
    else if (kind === 'double') this.#at += 1;
    else if (char === "'") this.#singleQuote(false);
    else if (kind === 'parameter') this.#parameter(char);
    else this.#command(char);
  }

  #placeHere(): ShellPlace {
    if (this.#levels.some(({ kind }) => kind === 'arithmetic')) return 'arithmetic';
    const inner = this.#levels.findLastIndex(({ kind }) => kind === 'command');
    const outer = this.#levels.slice(inner + 1);
    if (outer.some(({ kind }) => kind === 'double')) return 'quotes';
    const isWord = ({ from = 0 }: Level): boolean => parameterWord.test(this.#text.slice(from, this.#at));
    if (!outer.every(isWord)) return 'arithmetic';
    const { words, isShell = false } = this.#levels[inner] ?? {};
    if (words !== undefined) return words === 'code' ? 'code' : 'arithmetic';
    if (isShell && /\s-[a-z]*c\s+$/.test(this.#text.slice(Math.max(0, this.#at - 40), this.#at)))
      return 'code';
    return this.#hereDocument ? 'here_document' : 'word';
  }

  #found(place: ShellPlace): void {
    this.#places.push(place);
    this.#at += 1;
  }

  #escape(): void {
    this.#at += 1;
    if (this.#text[this.#at] === mark) this.#found('escape');
    else this.#at += 1;
  }

  #dollar(): void {
    const rest = this.#text.slice(this.#at, this.#at + 3);
    const inQuotes = this.#top.kind === 'double';
    if (rest === '$((') this.#push({ kind: 'arithmetic', open: 2 }, 3);
    else if (rest.startsWith('$(')) this.#push({ kind: 'command', end: ')', open: 0 }, 2);
    else if (rest.startsWith('${')) this.#push({ kind: 'parameter', open: 0, from: this.#at + 2 }, 2);
    else if (rest.startsWith("$'") && !inQuotes) {
      this.#at += 1;
      this.#singleQuote(true);
    } else this.#at += 1;
  }

  #push(level: Level, length: number): void {
    this.#levels.push(level);
    this.#at += length;
  }

  #pop(length = 1): void {
    if (this.#levels.length > 1) this.#levels.pop();
    this.#at += length;
  }

  #backquote(): void {
    const open = this.#levels.findLastIndex(({ end }) => end === '`');
    if (open === -1) this.#push({ kind: 'command', end: '`', open: 0 }, 1);
    else {
      this.#levels.length = open;
      this.#at += 1;
    }
  }

  #doubleQuote(): void {
    if (this.#top.kind === 'double') this.#pop();
    else this.#push({ kind: 'double', open: 0 }, 1);
  }

  #singleQuote(escapes: boolean): void {
    this.#at += 1;
    for (; this.#at < this.#text.length; this.#at += 1) {
      const char = this.#text[this.#at];
      if (char === mark) this.#places.push('quotes');
      if (char === '\\' && escapes) this.#at += 1;
      if (char === "'") break;
    }
    this.#at += 1;
  }

  #arithmetic(char: string): void {
    const top = this.#top;
    if (char === '(') top.open += 1;
    if (char === ')') top.open -= 1;
    if (top.open === 0) this.#pop();
    else this.#at += 1;
  }

  #parameter(char: string): void {
    if (char === '}') this.#pop();
    else this.#at += 1;
  }

  #command(char: string): void {
    if (boundary.test(this.#text[this.#at - 1] ?? '')) this.#word();
    if (/[;&|\n]/.test(char)) this.#commandEnds();
    if (char === '#' && /^$|[\s;&|()`]/.test(this.#text[this.#at - 1] ?? '')) {
      this.#comment();
    } else if (char === '<' && this.#text[this.#at + 1] === '<') {
      const isString = this.#text[this.#at + 2] === '<';
      this.#hereDocument ||= !isString;
      this.#at += isString ? 3 : 2;
    } else if (char === '(') {
      const counts = this.#text[this.#at + 1] === '(';
      if (counts) this.#push({ kind: 'arithmetic', open: 2 }, 2);
      else this.#push({ kind: 'command', end: ')', open: 0 }, 1);
    } else if (char === ')' && this.#top.end === ')') this.#pop();
    else this.#at += 1;
  }

  #word(): void {
    const is = (pattern: RegExp): boolean => {
      pattern.lastIndex = this.#at;
      return pattern.test(this.#text);
    };
    const top = this.#top;
    if (is(testEnds)) delete top.words;
    if (is(shell)) top.isShell = true;
    const taken = takers.find(([pattern]) => is(pattern))?.[1];
    if (taken !== undefined) top.words ??= taken;
  }

  /** In `[[ ]]` stand `&&` and `||`. */
  #commandEnds(): void {
    const top = this.#top;
    delete top.isShell;
    if (top.words !== 'test') delete top.words;
  }

  #comment(): void {
    for (; this.#at < this.#text.length && this.#text[this.#at] !== '\n'; this.#at += 1)
      if (this.#text[this.#at] === mark) this.#places.push('comment');
  }
}
