/**
 * Owns YAML and JSON of other programs as plain data: read as PyYAML reads it, copied within limits, without what could
 * be a prototype, and without vaulted values. It knows no inventory.
 */
import { type CollectionTag, Composer, type CST, LineCounter, Parser, type ScalarTag } from 'yaml';
import type { Json } from '../../core/sources.ts';
import { depthLimit, refuseDepth } from '../yaml-source.ts';
import { type Notes, shown, Unreadable } from './reading.ts';

/** Characters of YAML; it is read many times slower than JSON, and while it is read nothing else happens. */
const yamlCharsLimit = 2_097_152;

/** Values of one text, once aliases are followed. */
const valuesLimit = 2_000_000;

/** Stands for a value that only ansible-vault can read. */
const vaulted = Symbol('vaulted');

export type PlainMap = { readonly [key: string]: Json };

export function isPlainMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON where the text begins like it, YAML otherwise. Errors: Unreadable. */
export function readPlainData(text: string, notes: Notes): Json {
  if (/^\s*[[{]/.test(text)) {
    refuseDeepBrackets(text);
    const json = parseJson(text);
    if (json !== undefined) return new Copier(notes).copy(json, '', 0) ?? null;
  }
  return new Copier(notes).copy(parseYaml(text), '', 0) ?? null;
}

/** Before anything is parsed: parsers of what nests without end are slow, or end the process. */
function refuseDeepBrackets(text: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\\n]|\\.)*"|[[\]{}]/g)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > depthLimit) throw tooDeep();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    // Nesting too deep for the stack of the parser.
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
}

function tooDeep(): Unreadable {
  return new Unreadable(
    `lists and maps are nested more than ${depthLimit} levels deep`,
    'look for what makes it',
  );
}

function parseYaml(text: string): unknown {
  if (text.length > yamlCharsLimit) {
    const limit = yamlCharsLimit.toLocaleString('en-US');
    throw new Unreadable(`is more than ${limit} characters of YAML`, 'split it, or give it as JSON');
  }
  const lines = new LineCounter();
  const tokens: CST.Token[] = [];
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    const fail = (offset: number, message: string, hint: string): Unreadable =>
      new Unreadable(message, hint, lines.linePos(offset).line);
    // At the first: what is no YAML at all would make thousands of them.
    if (token.type === 'error') throw fail(token.offset, `is no valid YAML: ${token.message}`, 'mend it');
    const refused = token.type === 'document' ? refuseDepth(token) : undefined;
    if (refused !== undefined) throw fail(refused.offset, refused.message, 'look for what makes it');
    tokens.push(token);
  }
  const composer = new Composer({
    version: '1.1',
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
    customTags: (tags) => [...tags.filter(isKept), ...pythonTags],
  });
  for (const document of composer.compose(tokens, true)) {
    const [first] = document.errors;
    if (first !== undefined) {
      const { line } = lines.linePos(first.pos[0]);
      throw new Unreadable(`is no valid YAML: ${first.message}`, 'mend it', line);
    }
    try {
      return document.toJS({ maxAliasCount: 100_000 }) as unknown;
    } catch (error) {
      // Aliases without an anchor or too many of them, merges of what is no map, nesting without end: all of it is the text's.
      if (!(error instanceof Error) || error instanceof TypeError) throw error;
      throw new Unreadable(`is no valid YAML: ${error.message}`, 'mend it');
    }
  }
  return null;
}

type Tag = ScalarTag | CollectionTag | string;

/** Of YAML 1.1, what PyYAML reads otherwise or what has no JSON form. */
function isKept(tag: Tag): boolean {
  if (typeof tag === 'string') return true;
  return !/:(bool|int|float|timestamp|binary|omap|pairs|set)$/.test(tag.tag);
}

/** Source: PyYAML 6, resolver.py and constructor.py. */
const pythonTags: ScalarTag[] = [
  {
    tag: 'tag:yaml.org,2002:bool',
    default: true,
    test: /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/,
    resolve: () => true,
  },
  {
    tag: 'tag:yaml.org,2002:bool',
    default: true,
    test: /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/,
    resolve: () => false,
  },
  {
    tag: 'tag:yaml.org,2002:int',
    default: true,
    test: /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
    resolve: readInteger,
  },
  {
    tag: 'tag:yaml.org,2002:float',
    default: true,
    test: /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$/,
    resolve: (text: string) => Number(text.replaceAll('_', '')),
  },
  { tag: '!vault', resolve: () => vaulted },
  { tag: '!vault-encrypted', resolve: () => vaulted },
  { tag: '!unsafe', resolve: (text: string) => text },
];

function readInteger(written: string): number | string {
  const text = written.replaceAll('_', '');
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '');
  if (digits.includes(':')) return sign * digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  if (/^0[0-7]+$/.test(digits)) return sign * Number.parseInt(digits, 8);
  const value = sign * Number(digits);
  return Number.isSafeInteger(value) ? value : text;
}

/** Copies, since what YAML and JSON make may be shared without end, or be a prototype. */
class Copier {
  readonly #notes: Notes;
  #values = 0;

  constructor(notes: Notes) {
    this.#notes = notes;
  }

  /** Undefined for what is left out; `name` is what it is called in a note. */
  copy(value: unknown, name: string, depth: number): Json | undefined {
    this.#values += 1;
    if (this.#values > valuesLimit) {
      const limit = valuesLimit.toLocaleString('en-US');
      throw new Unreadable(`holds more than ${limit} values`, 'split it');
    }
    if (depth > depthLimit) throw tooDeep();
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
    if (typeof value === 'bigint') return Number(value);
    if (Array.isArray(value)) {
      const items = (value as unknown[]).map((item) => this.copy(item, name, depth + 1));
      return items.filter((item) => item !== undefined);
    }
    if (value === vaulted || isVaultedJson(value)) {
      this.#notes.add(`${shown(name)} is vaulted and left out; give it as a secret where it is needed`);
      return undefined;
    }
    if (typeof value !== 'object' || value instanceof Map || ArrayBuffer.isView(value)) {
      this.#notes.add(`${shown(name)} is of a kind that has no JSON form, and left out`);
      return undefined;
    }
    return this.#copyMap(value, depth);
  }

  #copyMap(value: object, depth: number): Json | undefined {
    const entries = Object.entries(value);
    const [only] = entries;
    // How Ansible writes text that is never a template.
    if (entries.length === 1 && only?.[0] === '__ansible_unsafe') return this.copy(only[1], '', depth + 1);
    const copied: Record<string, Json> = {};
    for (const [key, item] of entries) {
      if (key === '__proto__') {
        this.#notes.add('a key is `__proto__`, and left out');
        continue;
      }
      const plain = this.copy(item, key, depth + 1);
      if (plain !== undefined) copied[key] = plain;
    }
    return copied;
  }
}

function isVaultedJson(value: unknown): boolean {
  return isPlainMap(value) && Object.hasOwn(value, '__ansible_vault');
}
