/**
 * Owns the reading of Nagios files into objects as they are written: which files there are, continuation, comments,
 * directives. What they mean is in the other files. Source: the object documentation of Nagios Core 4, and how its
 * base/config.c and xdata/xodtemplate.c read lines.
 */
import { dirname, join, resolve } from 'node:path';
import { Notebook, type Place } from './notebook.ts';
import { exists, filesBelow, findMoved, isDirectory, nameFor, readText } from './text-file.ts';

export interface Directive extends Place {
  name: string;
  value: string;
}

/** One `define host { … }`. */
export interface NagiosBlock extends Place {
  type: string;
  directives: readonly Directive[];
}

export interface NagiosSource {
  /** Of nagios.cfg: the last of each name. */
  settings: ReadonlyMap<string, Directive>;
  /** Values of $USER1$ and so on, by `USER1`. */
  users: ReadonlyMap<string, Directive>;
  blocks: readonly NagiosBlock[];
  /** nagios.cfg is among them, so that what it does not say has Nagios's default. */
  isWhole: boolean;
  book: Notebook;
}

/** Private characters that stand for macros later; a source that holds them has them replaced. */
const reserved = /[\0\uE000-\uE0FF]/g;
const mainNames = ['nagios.cfg', 'icinga.cfg'];

/** `path`: nagios.cfg, a file of objects or a directory of them. Errors: ImportError when nothing can be read. */
export function readNagios(path: string): NagiosSource {
  const main = isDirectory(path)
    ? mainNames.map((name) => join(path, name)).find((each) => exists(each))
    : path;
  const reader = new Reader(main === undefined ? path : dirname(main));
  if (main === undefined) {
    for (const file of filesBelow(path, isConfig)) reader.file(file);
  } else {
    reader.file(main);
  }
  return reader;
}

function isConfig(name: string): boolean {
  return name.endsWith('.cfg');
}

class Reader implements NagiosSource {
  readonly settings = new Map<string, Directive>();
  readonly users = new Map<string, Directive>();
  readonly blocks: NagiosBlock[] = [];
  readonly book = new Notebook();
  isWhole = false;
  readonly #root: string;
  readonly #seen = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  file(path: string): void {
    if (this.#seen.has(path)) return;
    this.#seen.add(path);
    const file = nameFor(path, this.#root);
    let block: { type: string; line: number; directives: Directive[] } | undefined;
    for (const { text, line } of logicalLines(readText(path))) {
      const place = { file, line };
      const opened = /^define\s*([A-Za-z_]+)\s*\{?\s*(\}?)$/.exec(text);
      if (block === undefined && opened !== null) {
        block = { type: opened[1] ?? '', line, directives: [] };
        this.book.read(place, text);
      } else if (block === undefined) {
        this.#setting(text, place, path);
      } else if (text === '}') {
        this.blocks.push({ file, ...block });
        block = undefined;
      } else if (text !== '{') {
        this.#directive(block.directives, text, place);
      }
      if (opened?.[2] === '}' && block !== undefined) {
        this.blocks.push({ file, ...block });
        block = undefined;
      }
    }
    if (block !== undefined) {
      this.book.note(
        { file, line: block.line },
        'check',
        'this object has no closing `}`; it is read to the end of the file',
      );
      this.blocks.push({ file, ...block });
    }
  }

  #directive(directives: Directive[], text: string, place: Place): void {
    const [, name = text, value = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
    this.book.read(place, name);
    directives.push({ name, value, ...place });
  }

  #setting(text: string, place: Place, path: string): void {
    const [, name, value] = /^([^=\s]+)\s*=\s*([\s\S]*)$/.exec(text) ?? [];
    this.book.read(place, name ?? text);
    if (name === undefined || value === undefined) {
      this.book.note(place, 'left_out', 'this line is outside of every object and sets nothing');
      return;
    }
    const user = /^\$(USER\d+)\$$/.exec(name)?.[1];
    if (user !== undefined) this.users.set(user, { name: user, value, ...place });
    else if (['cfg_file', 'cfg_dir', 'resource_file', 'include_file', 'include_dir'].includes(name))
      this.#include(name, value, place, path);
    else this.settings.set(name, { name, value, ...place });
  }

  #include(name: string, value: string, place: Place, path: string): void {
    if (name.startsWith('cfg_')) this.isWhole = true;
    const found = findMoved(value, path);
    if (found === undefined || isDirectory(found) !== name.endsWith('_dir')) {
      const hint = 'import again when it is there';
      this.book.note(
        place,
        'left_out',
        `there is no ${name.endsWith('_dir') ? 'directory' : 'file'} ${value}`,
        hint,
      );
      return;
    }
    if (found === resolve(dirname(resolve(path)), value)) this.book.carried(place);
    else
      this.book.note(place, 'changed', `read from ${nameFor(found, this.#root)}, since ${value} is not here`);
    for (const file of name.endsWith('_dir') ? filesBelow(found, isConfig) : [found]) this.file(file);
  }
}

/** Lines with their continuations, without comments and empty ones; `line` is where each begins. */
function* logicalLines(text: string): Generator<{ text: string; line: number }> {
  const lines = text.replaceAll(reserved, '?').split(/\r\n|\n|\r/);
  for (let at = 0; at < lines.length; at += 1) {
    const line = at + 1;
    let whole = lines[at] ?? '';
    while (/(^|[^\\])\\$/.test(whole) && at + 1 < lines.length) {
      at += 1;
      whole = whole.slice(0, -1) + (lines[at] ?? '').trimStart();
    }
    const bare = withoutComment(whole).trim();
    if (bare !== '' && !bare.startsWith('#')) yield { text: bare, line };
  }
}

/** From the first `;` on, unless it is written `\;`, which stands for itself. */
function withoutComment(text: string): string {
  const end = /(^|[^\\]);/.exec(text);
  const kept = end === null ? text : text.slice(0, end.index + (end[1]?.length ?? 0));
  return kept.replaceAll('\\;', ';');
}
