/**
 * Owns the translation of what the schema library found into problems with places. It checks nothing itself.
 */
import type { z } from 'zod';
import type { SourcePlace } from '../core/definitions.ts';
import type { IssueNote, KeyNote } from './fields.ts';
import { type ProblemList, suggest } from './problems.ts';
import { isMapTree, type Tree, treeAt } from './yaml-tree.ts';

type Issue = z.core.$ZodIssue;

/** What could be read of a map: all of it, or the keys that are right by themselves. */
export interface PartlyRead<T> {
  whole?: T;
  parts: Partial<T>;
}

/**
 * Reads a map, every reason against it among the problems. Keys that are right are returned all the same, so that what
 * they mean together can be checked in the same go.
 */
export function readPartly<S extends z.ZodRawShape>(
  schema: z.ZodObject<S, z.core.$strict>,
  tree: Tree,
  name: string,
  problems: ProblemList,
): PartlyRead<z.output<z.ZodObject<S, z.core.$strict>>> {
  type Whole = z.output<z.ZodObject<S, z.core.$strict>>;
  const parsed = schema.safeParse(tree.value);
  if (parsed.success) return { whole: parsed.data, parts: parsed.data };
  for (const issue of parsed.error.issues) report({ tree, name, problems }, issue, []);
  if (!isMapTree(tree)) return { parts: {} };
  const wrong = new Set(parsed.error.issues.map((issue) => issue.path[0]));
  const parts: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(schema.shape)) {
    if (wrong.has(key)) continue;
    const part = (field as z.ZodType).safeParse(tree.entries.get(key)?.tree.value);
    if (part.success && part.data !== undefined) parts[key] = part.data;
  }
  return { parts: parts as Partial<Whole> };
}

interface Context {
  tree: Tree;
  /** What to call the tree itself. */
  name: string;
  problems: ProblemList;
}

function report(context: Context, issue: Issue, base: readonly PropertyKey[]): void {
  const path = [...base, ...issue.path];
  const { tree, problems } = context;
  const at = treeAt(tree, path);
  if (issue.code === 'unrecognized_keys') {
    const note = JSON.parse(issue.message) as KeyNote;
    for (const key of issue.keys) reportKey(context, at ?? tree, path, key, note);
    return;
  }
  if (issue.code === 'invalid_union') {
    reportUnion(context, issue.errors, path);
    return;
  }
  const place = at?.place ?? missingPlace(tree, path);
  const name = nameOf(path, context.name);
  if (issue.code === 'invalid_key') {
    const [message, hint] = splitHint(issue.issues[0]?.message ?? 'is no valid name');
    problems.add(entryPlace(tree, path) ?? place, `\`${String(path.at(-1))}\` ${message}`, hint);
    return;
  }
  if (at === undefined) {
    problems.add(place, `\`${name}\` is missing`, missingHint(issue));
    return;
  }
  const expected = expectedOf(issue);
  if (expected !== undefined) {
    const message = `\`${name}\`: expected ${expected}, not ${kindOf(at.value)}`;
    problems.add(place, message, typeHint(expected, at));
    return;
  }
  const [message, hint] = splitHint(wordsOf(issue));
  problems.add(place, `\`${name}\`: ${message}`, hint);
}

/** The branch that took the value's type tells what is wrong; when none did, all of them were possible. */
function reportUnion(context: Context, branches: readonly Issue[][], path: readonly PropertyKey[]): void {
  const at = treeAt(context.tree, path);
  const name = nameOf(path, context.name);
  const expected = branches.flat().flatMap((issue) => expectedOf(issue) ?? []);
  if (expected.includes('`false`') && typeof at?.value === 'string' && isNo.test(at.value)) {
    context.problems.add(at.place, `\`${name}\`: expected \`false\`, not text`, 'write `false`');
    return;
  }
  const taken = branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || expectedOf(issue) === undefined),
  );
  if (taken !== undefined) {
    for (const issue of taken) report(context, issue, path);
    return;
  }
  if (at === undefined) {
    const hint = `write ${expected.join(' or ')}`;
    context.problems.add(missingPlace(context.tree, path), `\`${name}\` is missing`, hint);
    return;
  }
  const message = `\`${name}\`: expected ${expected.join(' or ')}, not ${kindOf(at.value)}`;
  context.problems.add(at.place, message, unionHint(expected, at));
}

/** What YAML once took for `false`, and people still do. */
const isNo = /^(no|off|false|none|never)$/i;

/** A slip that one of the types explains; otherwise all that is possible. */
function unionHint(expected: readonly string[], at: Tree): string {
  const isTruth = typeof at.value === 'boolean';
  const slip = isTruth ? undefined : expected.find((each) => typeHint(each, at) !== exampleOf(each));
  return slip === undefined ? `write ${expected.join(' or ')}` : typeHint(slip, at);
}

/** Keys that people look for in another place than theirs. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['drain', 'it stands inside `reboot: { ... }`'],
  ['undrain', 'it stands inside `reboot: { ... }`'],
  ['guard', 'it stands in an action'],
  ['on_recovery', 'it stands in an action'],
  ['brake', 'it stands under `remediation` of the daemon file'],
  ['self_doubt', 'it stands under `remediation` of the daemon file'],
  ['parents', 'each host has its own'],
  ['silences', 'write them into silences/*.yaml of the definitions'],
  ['downtimes', 'write them into silences/*.yaml of the definitions'],
]);

function reportKey(
  { name, problems }: Context,
  at: Tree,
  path: readonly PropertyKey[],
  key: string,
  note: KeyNote,
): void {
  const place = at.entries.get(key)?.keyPlace ?? at.place;
  if (note.later.includes(key)) {
    problems.add(place, `\`${key}\` is not supported yet`, 'remove it; this version would not obey it');
    return;
  }
  const hint = key.startsWith('x-')
    ? '`x-` keys stand at the top of a file'
    : (elsewhere.get(key) ?? suggest(key, note.known));
  problems.add(place, `unknown key \`${key}\` in \`${nameOf(path, name)}\``, hint);
}

function expectedOf(issue: Issue): string | undefined {
  if (issue.code === 'custom') return (issue.params as IssueNote | undefined)?.expected;
  if (issue.code !== 'invalid_type') return undefined;
  switch (issue.expected) {
    case 'object':
    case 'record':
      return 'a map';
    case 'array':
      return 'a list';
    case 'boolean':
      return '`true` or `false`';
    case 'int':
      return 'a whole number';
    default:
      return issue.expected === 'number' ? 'a number' : issue.expected;
  }
}

function wordsOf(issue: Issue): string {
  if (issue.code === 'too_small') {
    return issue.origin === 'array'
      ? 'the list is empty; write at least one item'
      : `the least is ${issue.minimum}; write ${issue.minimum} or more`;
  }
  if (issue.code === 'too_big' && issue.origin === 'array')
    return `the list is too long; write at most ${issue.maximum} items`;
  return issue.code === 'too_big'
    ? `the most is ${issue.maximum}; write ${issue.maximum} or less`
    : issue.message;
}

function missingHint(issue: Issue): string {
  return exampleOf(expectedOf(issue) ?? 'it');
}

/** What to write in place of `value`: nearest to what was meant where that can be seen, an example otherwise. */
function typeHint(expected: string, { value, written }: Tree): string {
  if (value === null) return 'write a value, or delete the key';
  if (typeof value === 'string') {
    if (expected.startsWith('`true`') && /^(yes|on|true)$/i.test(value)) return 'write `true`';
    if (expected.startsWith('`true`') && isNo.test(value)) return 'write `false`';
    if (expected === 'a list') return `write \`[${listWords(value)}]\``;
    if (expected.endsWith('number') && /^\d+$/.test(value)) return 'write it without quotes';
  }
  const scalar = typeof value === 'number' || typeof value === 'boolean';
  if (scalar && isTextual(expected)) return `write it in quotes: "${written ?? value}"`;
  return exampleOf(expected);
}

function exampleOf(expected: string): string {
  return examples[expected] ?? `write ${expected}`;
}

const examples: Readonly<Record<string, string>> = {
  'a map': 'write a map: `{ key: value }`',
  'a list': 'write a list: `[a, b]`',
  'a number': 'write a number, for example `3`',
  'a whole number': 'write a whole number, for example `3`',
  '`true` or `false`': 'write `true` or `false`',
  text: 'write text in quotes',
  'a condition': 'write for example `facts.os.id == "debian"`, without braces',
};

function isTextual(expected: string): boolean {
  return expected === 'text' || expected === 'a title' || expected.startsWith('a name');
}

function listWords(text: string): string {
  const words = text.trim().split(/\s+/);
  return words.length === 1 ? text : words.map((word) => JSON.stringify(word)).join(', ');
}

export function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'boolean') return `\`${value}\``;
  return typeof value === 'number' ? `the number ${value}` : 'text';
}

/** `what is wrong; what to do`, as core/ and the fields word it. */
export function splitHint(message: string): [message: string, hint?: string] {
  const at = message.indexOf('; ');
  return at === -1 ? [message] : [message.slice(0, at), message.slice(at + 2)];
}

/** `args[1]` for a list item, the key otherwise. */
function nameOf(path: readonly PropertyKey[], root: string): string {
  const last = path.at(-1);
  if (last === undefined) return root;
  return typeof last === 'number' ? `${nameOf(path.slice(0, -1), root)}[${last}]` : String(last);
}

function entryPlace(tree: Tree, path: readonly PropertyKey[]): SourcePlace | undefined {
  return treeAt(tree, path.slice(0, -1))?.entries.get(String(path.at(-1)))?.keyPlace;
}

/** A misspelt key explains what seems to be missing; told twice it would be noise. */
export function hasUnknownKey(schema: z.ZodObject, tree: Tree): boolean {
  return [...tree.entries.keys()].some((key) => !Object.hasOwn(schema.shape, key));
}

/** Where a missing key should be: at what should hold it. */
function missingPlace(tree: Tree, path: readonly PropertyKey[]): SourcePlace {
  for (let length = path.length - 1; length > 0; length -= 1) {
    const holder = treeAt(tree, path.slice(0, length));
    if (holder !== undefined) return entryPlace(tree, path.slice(0, length)) ?? holder.place;
  }
  return tree.place;
}
