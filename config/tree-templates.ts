/**
 * Owns templates inside a tree of values: where they stand, and the same tree with other values in their place. What they
 * are rendered with is not known here.
 */
import type { SourcePlace } from '../core/definitions.ts';
import { type ProblemList, suggest } from './problems.ts';
import {
  type Condition,
  compileCondition,
  compileTemplate,
  hasTemplate,
  strangers,
  type Template,
  type TemplateProblem,
  type TemplateUse,
} from './templates.ts';
import type { Entry, Tree } from './yaml-tree.ts';

/** One value with a template in it. */
export interface Site {
  path: readonly string[];
  tree: Tree;
  template: Template;
}

/** What is known of a host where its hosts files are read. */
export const hostNames = ['facts', 'host', 'labels', 'vars'] as const;

/** Where in a check or an action a text is run by a shell. */
const commands = [
  'run',
  'before',
  'reboot.command',
  'reboot.drain',
  'reboot.drain.run',
  'reboot.undrain',
  'reboot.undrain.run',
];

/** Every template of a tree; those that cannot be read are problems at their own place. `skip`: what holds none of ours. */
export function findSites(
  tree: Tree,
  problems: ProblemList,
  known: (path: readonly string[]) => readonly string[],
  skip: (path: readonly string[]) => boolean,
): Site[] {
  const sites: Site[] = [];
  for (const { path, at } of textsOf(tree, [])) {
    if (skip(path)) continue;
    const compiled = compileTemplate(String(at.value), useOf(path));
    if ('problem' in compiled) addProblem(problems, at, compiled.problem);
    else if (!refuseStrangers(at, compiled.reads, known(path), problems))
      sites.push({ path, tree: at, template: compiled });
  }
  return sites;
}

/** True when it reads a name that nothing can ever have. */
function refuseStrangers(
  at: Tree,
  reads: readonly string[],
  known: readonly string[],
  problems: ProblemList,
): boolean {
  const [stranger] = strangers(reads, known);
  if (stranger === undefined) return false;
  const hint = suggest(stranger, known);
  problems.add(placeOfSnippet(at, stranger), `templates know no \`${stranger}\` here`, hint);
  return true;
}

function useOf([part = '', , ...keys]: readonly string[]): TemplateUse {
  const isItem = part === 'checks' || part === 'actions';
  return isItem && commands.includes(keys.join('.')) ? 'shell' : 'text';
}

/** Files and keys that are read before anything is known of a host hold no templates. */
export function refuseTemplates(
  tree: Tree,
  problems: ProblemList,
  why: string,
  except: (path: readonly string[]) => boolean = () => false,
): void {
  for (const { path, at } of textsOf(tree, [])) {
    if (except(path)) continue;
    problems.add(at.place, 'a template cannot stand here', `${why}; write the value itself`);
  }
}

export function addProblem(problems: ProblemList, at: Tree, problem: TemplateProblem): void {
  problems.add(placeOfSnippet(at, problem.snippet), problem.message, problem.hint);
}

export function placeOfSnippet(at: Tree, snippet: string | undefined): SourcePlace {
  return snippet === undefined ? at.place : (at.locate?.(snippet) ?? at.place);
}

/** The condition at a key; undefined when there is none, or it cannot be read and is among the problems. */
export function conditionAt(
  tree: Tree,
  key: string,
  known: readonly string[],
  problems: ProblemList,
): Condition | undefined {
  const at = tree.entries.get(key)?.tree;
  if (at === undefined || typeof at.value !== 'string') return undefined;
  const condition = compileCondition(at.value);
  if ('problem' in condition) addProblem(problems, at, condition.problem);
  else if (!refuseStrangers(at, condition.reads, known, problems)) return condition;
  return undefined;
}

function* textsOf(tree: Tree, path: readonly string[]): Generator<{ path: readonly string[]; at: Tree }> {
  if (typeof tree.value === 'string' && hasTemplate(tree.value)) yield { path, at: tree };
  for (const [key, entry] of tree.entries) yield* textsOf(entry.tree, [...path, key]);
}

/** The same tree with other values at some paths; `undefined` takes the key or item out. Places stay. */
export function replaceValues(tree: Tree, values: ReadonlyMap<string, unknown>, path = ''): Tree {
  const changed = new Map<string, Entry>();
  let isChanged = false;
  for (const [key, entry] of tree.entries) {
    const at = path === '' ? key : `${path}\n${key}`;
    if (values.has(at)) {
      isChanged = true;
      const value = values.get(at);
      if (value !== undefined) changed.set(key, { ...entry, tree: valueTree(value, entry.tree) });
      continue;
    }
    const inner = entry.tree.entries.size === 0 ? entry.tree : replaceValues(entry.tree, values, at);
    isChanged ||= inner !== entry.tree;
    changed.set(key, inner === entry.tree ? entry : { ...entry, tree: inner });
  }
  return isChanged ? treeOf(changed, tree) : tree;
}

export function pathKey(path: readonly string[]): string {
  return path.join('\n');
}

/** Plain data or a tree, at the place of what it stands for. */
function valueTree(value: unknown, at: Tree): Tree {
  if (isTree(value)) return value;
  return { value, place: at.place, entries: new Map() };
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && 'entries' in value && 'place' in value;
}

/** A map or list of these entries, like another tree otherwise. */
export function treeOf(entries: ReadonlyMap<string, Entry>, like: Tree): Tree {
  if (Array.isArray(like.value)) {
    const items = [...entries.values()];
    return {
      value: items.map((item) => item.tree.value),
      place: like.place,
      entries: new Map(items.map((item, index) => [String(index), item])),
    };
  }
  const value = Object.fromEntries([...entries].map(([name, entry]) => [name, entry.tree.value]));
  return { value, place: like.place, entries };
}
