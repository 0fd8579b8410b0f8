/** Owns YAML as Automatron reads it, that is YAML 1.1 made by a template: its values, and the line of each in the source. */
import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { Variant } from './jinja-variants.ts';

export interface ReadYaml {
  value: unknown;
  /** Line of a key in the source; of the nearest one above when there is no such key. */
  lineOf: (path: readonly string[]) => number;
  problems: readonly { line: number; message: string }[];
}

/** More lines than these are not mended. */
const mendLimit = 20;
const lineLimit = 4000;
const mendTextLimit = 200_000;

/**
 * Undefined values for what cannot be read; never throws. A value that YAML refuses, such as an unquoted `*\/20` or a
 * command with `: ` in it, is taken as text: Automatron's own documentation has both.
 */
export function readYaml({ text, lines }: Variant): ReadYaml {
  if (isTooDeep(text)) {
    const message = `brackets are nested deeper than ${bracketLimit}`;
    return { value: undefined, lineOf: () => 1, problems: [{ line: 1, message }] };
  }
  const first = parse(text, lines);
  if (!first.isBroken || text.length > mendTextLimit) return first;
  const mended: { line: number; message: string }[] = [];
  const texts = text.split('\n');
  let read: Parsed = first;
  while (read.isBroken && mended.length < mendLimit) {
    const at = (read.brokenLine ?? 0) - 1;
    const [, before, value] =
      /^(\s*(?:- +)?(?:[\w-]+:[ \t]+)?)(\S.*?)\s*$/.exec((texts[at] ?? '').slice(0, lineLimit)) ?? [];
    if (before === undefined || value === undefined || before.trim() === '' || value.startsWith("'"))
      return first;
    texts[at] = `${before}'${value.replaceAll("'", "''")}'`;
    mended.push({ line: lines[at] ?? 1, message: 'YAML refuses this value; it is taken as the text it is' });
    read = parse(texts.join('\n'), lines);
  }
  return read.isBroken ? first : { ...read, problems: [...mended, ...read.problems] };
}

export function readPlainYaml(text: string): ReadYaml {
  return readYaml({ text, lines: text.split('\n').map((_, index) => index + 1) });
}

interface Parsed extends ReadYaml {
  isBroken: boolean;
  /** Line of the text, from 1. */
  brokenLine: number | undefined;
}

function parse(text: string, lines: readonly number[]): Parsed {
  const counter = new LineCounter();
  const sourceLine = (offset: number): number => lines[counter.linePos(offset).line - 1] ?? 1;
  const document = parseDocument(text, {
    version: '1.1',
    // Its own search takes the square of the time.
    uniqueKeys: false,
    lineCounter: counter,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const problems = document.errors.map(({ pos, message }) => ({
    line: sourceLine(pos[0]),
    message: `YAML: ${message}`,
  }));
  for (const offset of document.errors.length > 0 ? [] : repeatedKeys(document))
    problems.push({ line: sourceLine(offset), message: 'this key is written twice; the last one counts' });
  const broken = document.errors.at(0);
  const isBroken = broken !== undefined;
  const brokenLine = broken === undefined ? undefined : counter.linePos(broken.pos[0]).line;
  const lineOf = (path: readonly string[]): number => {
    let node: unknown = document.contents;
    let line = 1;
    for (const key of path) {
      if (!isMap(node)) return line;
      const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === key);
      if (pair === undefined) return line;
      if (isScalar(pair.key) && pair.key.range !== undefined && pair.key.range !== null)
        line = sourceLine(pair.key.range[0]);
      node = pair.value;
    }
    return line;
  };
  try {
    return { value: isBroken ? undefined : document.toJS(), lineOf, problems, isBroken, brokenLine };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const told = [...problems, { line: 1, message: `YAML: ${error.message}` }];
    // An alias without an anchor, most often a `*` that was never quoted.
    const alias = text.split('\n').findIndex((each) => /^\s*(?:- +)?(?:[\w-]+:[ \t]+)?\*\S/.test(each));
    return { value: undefined, lineOf, problems: told, isBroken: true, brokenLine: alias + 1 };
  }
}

/** Where keys stand that their map has already. */
function repeatedKeys(document: ReturnType<typeof parseDocument>): number[] {
  const found: number[] = [];
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<unknown>();
      for (const key of map.items.map((pair) => pair.key).filter((each) => isScalar(each))) {
        if (seen.has(key.value) && key.value !== '<<') found.push(key.range?.[0] ?? 0);
        seen.add(key.value);
      }
    },
  });
  return found;
}

/** Levels of brackets; the parser of YAML needs a level of the stack for each. */
const bracketLimit = 200;

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth = bracket === '[' || bracket === '{' ? depth + 1 : Math.max(0, depth - 1);
    if (depth > bracketLimit) return true;
  }
  return false;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Texts of a list, or of one text; numbers and truth values as texts. */
export function textsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.flatMap((each) =>
    ['string', 'number', 'boolean'].includes(typeof each) ? [String(each)] : [],
  );
}

/** A text, number or truth value as text; empty for all else. */
export function textOf(value: unknown): string {
  return textsOf(value)[0] ?? '';
}

/** A name of a check or an action, unique among those that are taken. */
export function itemNameOf(written: string, taken: ReadonlySet<string>): string {
  const plain = written.replaceAll(/[^A-Za-z0-9_-]+/g, '_').replace(/^[_-]+/, '');
  const base = (plain === '' ? 'item' : plain).slice(0, 44);
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? base : `${base}_${count}`;
    if (!taken.has(name)) return name;
  }
}
