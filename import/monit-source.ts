/**
 * Owns the reading of Monit control files into services and statements: quotes, comments, includes, where a statement
 * ends. What they mean is in the other files. Source: monit(1), The Monit Control File.
 */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Notebook, type Place } from './notebook.ts';
import { findMoved, isDirectory, nameFor, readText } from './text-file.ts';

export interface MonitWord extends Place {
  text: string;
  isQuoted: boolean;
  startsLine: boolean;
}

/** One `if …`, `start program = …`, `depends on …` and so on, or `set …` above all services. */
export interface MonitStatement extends Place {
  /** The first word, in lower case. */
  keyword: string;
  /** Words after it, without noise. */
  words: readonly MonitWord[];
  /** Every line it stands on. */
  places: readonly Place[];
}

export interface MonitService extends Place {
  /** `process`, `file`, `host` ... */
  type: string;
  name: string;
  /** Words of `check …` after the name. */
  head: readonly MonitWord[];
  statements: readonly MonitStatement[];
}

export interface MonitSource {
  settings: readonly MonitStatement[];
  services: readonly MonitService[];
  book: Notebook;
}

/** Words that only make a sentence of it. */
const noise = [
  'and',
  'with',
  'has',
  'using',
  'use',
  'on',
  'only',
  'of',
  'the',
  'program',
  'usage',
  'are',
  'than',
];
const topWords = ['set', 'check', 'include'];
const serviceWords = 'if start stop restart alert noalert every not mode onreboot group depends depend'.split(
  ' ',
);
const actionWords = 'alert restart start stop exec unmonitor timeout monitor'.split(' ');
const types = 'process file fifo filesystem device directory host system program network'.split(' ');

/** Files of one control file with all it includes, each as often as it is included. */
const readsLimit = 2000;
const includesLimit = 10;

/** `path`: monitrc, or a directory with one. Errors: ImportError when it cannot be read. */
export function readMonit(path: string): MonitSource {
  const file = isDirectory(path) ? join(path, 'monitrc') : path;
  const book = new Notebook();
  const words = new Words(dirname(file), book).of(file, 0);
  return new Parser(words, book).parse();
}

class Words {
  readonly #root: string;
  readonly #book: Notebook;
  #reads = 0;

  constructor(root: string, book: Notebook) {
    this.#root = root;
    this.#book = book;
  }

  of(path: string, depth: number): MonitWord[] {
    this.#reads += 1;
    const file = nameFor(path, this.#root);
    const words = wordsOf(readText(path), file);
    for (const { line, text } of words)
      if (!this.#book.has({ file, line })) this.#book.read({ file, line }, text);
    const whole: MonitWord[] = [];
    for (let at = 0; at < words.length; at += 1) {
      const word = words[at];
      const named = words[at + 1];
      if (word === undefined) break;
      const isInclude = !word.isQuoted && word.startsLine && word.text.toLowerCase() === 'include';
      if (!isInclude || named === undefined || named.line !== word.line) {
        whole.push(word);
        continue;
      }
      at += 1;
      for (const each of this.#included(named, path, depth)) whole.push(each);
    }
    return whole;
  }

  #included(named: MonitWord, from: string, depth: number): MonitWord[] {
    const { text } = named;
    const isPattern = /[*?]/.test(basename(text));
    const wanted = isPattern ? dirname(text) : text;
    // Monit takes relative paths from where it was started, which is where the control file is, if anywhere.
    const found = findMoved(wanted, from) ?? findMoved(wanted, join(this.#root, 'monitrc'));
    if (found === undefined || depth >= includesLimit || this.#reads > readsLimit) {
      const why = found === undefined ? 'is not there' : 'is included too deep or too often';
      this.#book.note(named, 'left_out', `${text.slice(0, 200)} ${why}`, 'import again when it is there');
      return [];
    }
    this.#book.carried(named);
    if (!isPattern) return isDirectory(found) ? [] : this.of(found, depth + 1);
    const pattern = basename(text)
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/\*+/g, '.*')
      .replaceAll('?', '.');
    const names = readdirSync(found).filter(
      (name) => new RegExp(`^${pattern}$`).test(name) && !name.startsWith('.'),
    );
    const files = names.sort().map((name) => join(found, name));
    return files.filter((file) => !isDirectory(file)).flatMap((file) => this.of(file, depth + 1));
  }
}

function wordsOf(text: string, file: string): MonitWord[] {
  const words: MonitWord[] = [];
  const form = /#[^\n]*|"([^"]*)"|'([^']*)'|[{},]|[<>=!]+|[^\s{}",<>=!#']+|["']/g;
  let line = 1;
  let counted = 0;
  let lastLine = 0;
  for (const match of text.replaceAll(/[\0\uE000-\uE0FF]/g, '?').matchAll(form)) {
    for (; counted < match.index; counted += 1) if (text[counted] === '\n') line += 1;
    const [whole, double, single] = match;
    if (whole.startsWith('#')) continue;
    const isQuoted = double !== undefined || single !== undefined;
    const value = (double ?? single ?? whole).replaceAll(/\s*\n\s*/g, ' ');
    words.push({ text: value, isQuoted, startsLine: line !== lastLine, file, line });
    lastLine = line;
  }
  return words;
}

class Parser {
  readonly #words: readonly MonitWord[];
  readonly #book: Notebook;
  #at = 0;

  constructor(words: readonly MonitWord[], book: Notebook) {
    this.#words = words;
    this.#book = book;
  }

  parse(): MonitSource {
    const settings: MonitStatement[] = [];
    const services: MonitService[] = [];
    while (this.#at < this.#words.length) {
      const word = this.#peek();
      if (word === 'check' && types.includes(this.#peek(1))) services.push(this.#service());
      else if (word === 'set') settings.push(this.#until(() => this.#isTop()));
      else this.#stray();
    }
    return { settings, services, book: this.#book };
  }

  /** In lower case; '' for what is quoted, and at the end. */
  #peek(ahead = 0): string {
    const word = this.#words[this.#at + ahead];
    return word === undefined || word.isQuoted ? '' : word.text.toLowerCase();
  }

  #isTop(): boolean {
    return this.#words[this.#at]?.startsLine === true && topWords.includes(this.#peek());
  }

  #stray(): void {
    const statement = this.#until(() => this.#isTop());
    for (const place of statement.places)
      this.#book.note(place, 'left_out', 'this stands in no service and is not understood');
  }

  #service(): MonitService {
    const start = this.#words[this.#at];
    const type = this.#peek(1);
    const name = this.#words[this.#at + 2];
    this.#at += 3;
    const head: MonitWord[] = [];
    while (this.#at < this.#words.length && !this.#isTop() && !this.#beginsStatement()) this.#push(head);
    const statements: MonitStatement[] = [];
    while (this.#at < this.#words.length && !this.#isTop()) statements.push(this.#statement());
    const place = { file: start?.file ?? '', line: start?.line ?? 1 };
    this.#book.carried(place, ...head);
    return {
      ...place,
      type: type === 'device' ? 'filesystem' : type,
      name: name?.text ?? type,
      head,
      statements,
    };
  }

  #push(list: MonitWord[]): void {
    const word = this.#words[this.#at];
    if (word !== undefined) list.push(word);
    this.#at += 1;
  }

  #beginsStatement(): boolean {
    const word = this.#peek();
    // `not` begins only `not every`.
    if (word === 'not') return this.#peek(1) === 'every';
    return serviceWords.includes(word);
  }

  #statement(): MonitStatement {
    if (this.#peek() === 'if') return this.#condition();
    // The text of a statement may hold words that begin others, such as `alert x on { timeout }`.
    let depth = 0;
    let isFirst = true;
    return this.#until(() => {
      const word = this.#peek();
      if (word === '{') depth += 1;
      if (word === '}') depth -= 1;
      const ends = !isFirst && depth <= 0 && (this.#isTop() || this.#beginsStatement());
      const joins = word === 'every' && this.#before() === 'not';
      isFirst = false;
      return ends && !joins && this.#before() !== 'as';
    });
  }

  #before(): string {
    return this.#words[this.#at - 1]?.text.toLowerCase() ?? '';
  }

  /** `if … then ACTION [else [if …] then ACTION]`, with all that an action may be followed by. */
  #condition(): MonitStatement {
    const from = this.#at;
    this.#at += 1;
    for (;;) {
      while (this.#at < this.#words.length && this.#peek() !== 'then' && !this.#isTop()) this.#at += 1;
      if (this.#peek() !== 'then') break;
      this.#at += 1;
      if (actionWords.includes(this.#peek())) this.#at += 1;
      while (this.#at < this.#words.length && !this.#isTop() && !this.#beginsStatement()) {
        if (this.#peek() === 'else') break;
        // `exec "…" repeat every 5 cycles`
        this.#at += this.#peek() === 'repeat' && this.#peek(1) === 'every' ? 2 : 1;
      }
      if (this.#peek() !== 'else') break;
      this.#at += this.#peek(1) === 'if' ? 2 : 1;
    }
    return this.#made(from);
  }

  #until(ends: () => boolean): MonitStatement {
    const from = this.#at;
    ends();
    this.#at += 1;
    while (this.#at < this.#words.length && !ends()) this.#at += 1;
    return this.#made(from);
  }

  #made(from: number): MonitStatement {
    const [first, ...rest] = this.#words.slice(from, this.#at);
    const places = [first, ...rest].flatMap((word) =>
      word === undefined ? [] : [{ file: word.file, line: word.line }],
    );
    return {
      file: first?.file ?? '',
      line: first?.line ?? 1,
      keyword: first?.text.toLowerCase() ?? '',
      words: rest.filter(({ text, isQuoted }) => isQuoted || !noise.includes(text.toLowerCase())),
      places,
    };
  }
}
