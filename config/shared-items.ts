/**
 * Owns reusable checks and actions: `use: name` with `with: {...}` in a runbook becomes the shared one with its own keys laid
 * over it. What parameters stand for is told to templates later.
 */
import { z } from 'zod';
import { actionSchema } from './action-schema.ts';
import { checkSchema } from './check-schema.ts';
import { map, named } from './fields.ts';
import { itemNamePattern, itemNameRule } from './names.ts';
import { formatPlace, type ProblemList, suggest } from './problems.ts';
import { pathKey, treeOf } from './tree-templates.ts';
import { type Entry, isMapTree, keyPlace, mapEntries, type Tree, treeAt } from './yaml-tree.ts';
import { kindOf } from './zod-problems.ts';

export type ItemKind = 'checks' | 'actions';

interface SharedItem {
  name: string;
  entry: Entry;
  /** Null: must be given. */
  params: ReadonlyMap<string, Tree | null>;
}

export type SharedItems = Readonly<Record<ItemKind, ReadonlyMap<string, SharedItem>>>;

/** What one item of a runbook gives for the parameters of the shared one it uses, by the name of the parameter. */
export type Params = ReadonlyMap<string, Tree>;

export interface ExpandedRunbook {
  tree: Tree;
  /** By the path of the item. */
  params: ReadonlyMap<string, Params>;
}

const paramsKey = named('a parameter', /^[A-Za-z_]\w{0,62}$/, 'use letters, digits and `_`', z.unknown())
  .optional()
  .meta({
    description:
      'What users of it give `with`: by name the value without it, nothing where one must be given. Templates read `params.<name>`.',
  });
const $schema = z.string().optional().meta({ description: 'For editors; ignored.' });
const { use: _use, with: _with, ...checkShape } = checkSchema.shape;
const { use: _used, with: _given, ...actionShape } = actionSchema.shape;

/** For editors; values are judged where they are used. */
export const sharedChecksSchema = map({
  $schema,
  checks: named('a check', itemNamePattern, itemNameRule, map({ ...checkShape, params: paramsKey })).meta({
    description: 'Checks that runbooks name with `use`.',
  }),
});

export const sharedActionsSchema = map({
  $schema,
  actions: named('an action', itemNamePattern, itemNameRule, map({ ...actionShape, params: paramsKey })).meta(
    {
      description: 'Actions that runbooks name with `use`.',
    },
  ),
});

const words = { checks: 'check', actions: 'action' } as const;
const keysOf = {
  checks: new Set([...Object.keys(checkShape), 'params']),
  actions: new Set([...Object.keys(actionShape), 'params']),
};

/** The shared checks or actions of all files. */
export function readSharedItems(
  kind: ItemKind,
  trees: readonly Tree[],
  problems: ProblemList,
): ReadonlyMap<string, SharedItem> {
  const items = new Map<string, SharedItem>();
  for (const tree of trees) {
    for (const [key, entry] of tree.entries) {
      if (key === kind || key === '$schema') continue;
      problems.add(
        entry.keyPlace,
        `unknown key \`${key}\``,
        `this file holds shared ${kind} under \`${kind}\``,
      );
    }
    if (!tree.entries.has(kind))
      problems.add(tree.place, `\`${kind}\` is missing`, `write \`${kind}:\` and each by its name`);
    for (const [name, entry] of mapEntries(tree, [kind])) {
      const earlier = items.get(name);
      if (earlier !== undefined) {
        const hint = `it is also defined at ${formatPlace(earlier.entry.keyPlace)}; give one another name`;
        problems.add(entry.keyPlace, `the shared ${words[kind]} \`${name}\` is defined twice`, hint);
      } else if (isRight(kind, name, entry, problems)) {
        const params = [...mapEntries(entry.tree, ['params'])].map(
          ([param, { tree: value }]): [string, Tree | null] => [param, value.value === null ? null : value],
        );
        items.set(name, { name, entry, params: new Map(params) });
      }
    }
  }
  return items;
}

/** Values are judged where they are used, with the parameters in them. */
function isRight(
  kind: ItemKind,
  name: string,
  { tree, keyPlace: place }: Entry,
  problems: ProblemList,
): boolean {
  const found = problems.problems.length;
  if (!itemNamePattern.test(name)) problems.add(place, `\`${name}\` is no name`, itemNameRule);
  if (!isMapTree(tree))
    problems.add(tree.place, `\`${name}\`: expected a map, not ${kindOf(tree.value)}`, 'write its keys');
  for (const key of tree.entries.keys()) {
    if (key === 'use' || key === 'with')
      problems.add(
        keyPlace(tree, key),
        `\`${key}\` stands in a shared ${words[kind]}`,
        'one shared thing uses no other; write its keys here',
      );
    else if (!keysOf[kind].has(key))
      problems.add(keyPlace(tree, key), `unknown key \`${key}\` in \`${name}\``, suggest(key, keysOf[kind]));
  }
  const params = treeAt(tree, ['params']);
  if (params !== undefined && !isMapTree(params))
    problems.add(
      params.place,
      `\`params\`: expected a map, not ${kindOf(params.value)}`,
      'write `params: { unit: , signal: TERM }`',
    );
  for (const [param, { keyPlace: at }] of mapEntries(tree, ['params']))
    if (!/^[A-Za-z_]\w{0,62}$/.test(param))
      problems.add(at, `\`${param}\` is no name of a parameter`, 'use letters, digits and `_`');
  return problems.problems.length === found;
}

export function expandUses(tree: Tree, shared: SharedItems, problems: ProblemList): ExpandedRunbook {
  const params = new Map<string, Params>();
  let expanded = tree;
  for (const kind of ['checks', 'actions'] as const) {
    const at = treeAt(tree, [kind]);
    if (at === undefined || !isMapTree(at)) continue;
    const entries = new Map<string, Entry>();
    for (const [name, entry] of at.entries) {
      const used = expandOne(kind, name, entry, shared, problems);
      if (used?.params !== undefined) params.set(pathKey([kind, name]), used.params);
      entries.set(name, used?.entry ?? entry);
    }
    const outer = new Map(expanded.entries);
    const here = outer.get(kind);
    if (here !== undefined) outer.set(kind, { ...here, tree: treeOf(entries, at) });
    expanded = treeOf(outer, expanded);
  }
  return { tree: expanded, params };
}

function expandOne(
  kind: ItemKind,
  name: string,
  entry: Entry,
  shared: SharedItems,
  problems: ProblemList,
): { entry: Entry; params?: Params } | undefined {
  const { tree } = entry;
  const use = treeAt(tree, ['use']);
  const given = mapEntries(tree, ['with']);
  if (use === undefined) {
    if (tree.entries.has('with'))
      problems.add(
        keyPlace(tree, 'with'),
        '`with` means nothing without `use`',
        `name the shared ${words[kind]}, or delete it`,
      );
    return undefined;
  }
  const item = shared[kind].get(String(use.value));
  if (item === undefined) {
    const hint = suggest(
      String(use.value),
      shared[kind].keys(),
      `define it in ${kind}/*.yaml under \`${kind}\``,
    );
    problems.add(use.place, `there is no shared ${words[kind]} \`${String(use.value)}\``, hint);
    return { entry: { ...entry, tree: askingNothing(without(tree, ['use', 'with'])) } };
  }
  for (const [param, { keyPlace: at }] of given)
    if (!item.params.has(param))
      problems.add(
        at,
        `\`${item.name}\` has no parameter \`${param}\``,
        suggest(param, item.params.keys(), 'delete it'),
      );
  const params = new Map<string, Tree>();
  for (const [param, otherwise] of item.params) {
    const value = given.get(param)?.tree ?? otherwise;
    if (value === null)
      problems.add(
        use.place,
        `\`${name}\` gives nothing for the parameter \`${param}\``,
        `write \`with: { ${param}: ... }\``,
      );
    else params.set(param, value);
  }
  const own = without(tree, ['use', 'with']);
  const laid = new Map([...without(item.entry.tree, ['params']).entries, ...own.entries]);
  return { entry: { ...entry, tree: treeOf(laid, tree) }, params };
}

/** What is missing is told once: the rest is judged as if it asked something. */
function askingNothing(tree: Tree): Tree {
  const run = { keyPlace: tree.place, tree: { value: ':', place: tree.place, entries: new Map() } };
  return treeOf(new Map([...tree.entries, ['run', tree.entries.get('run') ?? run]]), tree);
}

function without(tree: Tree, keys: readonly string[]): Tree {
  return treeOf(new Map([...tree.entries].filter(([key]) => !keys.includes(key))), tree);
}
