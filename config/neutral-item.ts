/**
 * Owns what stands for a check or an action that cannot be rendered on a host. Why it cannot is not known here.
 */
import type { ItemKind } from './shared-items.ts';
import { pathKey, replaceValues, type Site, treeOf } from './tree-templates.ts';
import type { Entry, Tree } from './yaml-tree.ts';

/** Of checks, what says when they are asked and what they hang on. */
const keptKeys = [
  'every',
  'schedule',
  'timezone',
  'retry_every',
  'timeout',
  'max_attempts',
  'depends_on',
  'flapping',
  'when',
];
/** Of actions, what stands where a template does: it would fail. What has none of these is left out. */
const standIns: Readonly<Record<string, string>> = {
  run: 'false',
  systemd_restart: 'not-rendered',
  reboot: '10m',
  command: 'false',
  drain: 'false',
  undrain: 'false',
  before: 'false',
  run_on: 'local',
};
/** Refused beside `run_on: local`. */
const targetKeys = ['human_intent', 'min_uptime', 'require_evidence'];

/**
 * Stands for an item that cannot be rendered, so that what names it still finds it. A check asks nothing; an action keeps all that has
 * no template, since a run of it may be under way that is looked up and verified by it.
 */
export function neutralItem(
  tree: Tree,
  { kind, name }: { kind: ItemKind; name: string },
  sites: readonly Site[],
): Tree {
  const paths = sites
    .filter(({ path }) => path[0] === kind && path[1] === name)
    .map(({ path }) => path.slice(2));
  return kind === 'checks' ? neutralCheck(tree, paths) : neutralAction(tree, paths);
}

function neutralCheck(tree: Tree, sites: readonly (readonly string[])[]): Tree {
  const templated = new Set(sites.map(([key]) => key));
  const kept = [...tree.entries].filter(([key]) => keptKeys.includes(key) && !templated.has(key));
  const { place } = tree;
  const run = { keyPlace: place, tree: { value: ':', place, entries: new Map() } };
  return treeOf(new Map<string, Entry>([...kept, ['run', run]]), tree);
}

function neutralAction(tree: Tree, sites: readonly (readonly string[])[]): Tree {
  const values = new Map<string, unknown>();
  for (const path of sites) {
    const [key = ''] = path;
    // Of a map for a reboot only what has a template; another map has no meaning without one of its keys.
    const at = key === 'reboot' ? path : [key];
    values.set(pathKey(at), standIns[at.at(-1) ?? '']);
    if (key === 'run_on') for (const each of targetKeys) values.set(each, undefined);
  }
  // A reboot is never asked of the ops box.
  if (tree.entries.has('reboot') && values.has('run_on')) values.set('run_on', undefined);
  return replaceValues(tree, values);
}
