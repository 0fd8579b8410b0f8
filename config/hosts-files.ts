/**
 * Owns reading the hosts files: defaults, groups and hosts of each, all their keys judged. How they come together for one
 * host is known in config/resolve-hosts.ts.
 */
import { expandHostRange, type RangedName } from './host-range.ts';
import {
  type HostDefaults,
  type HostGroupInput,
  type HostInput,
  hostDefaultsSchema,
  hostGroupSchema,
  hostPatternSchema,
  hostSchema,
  hostsFileSchema,
} from './hosts-schema.ts';
import { hostNamePattern, hostNameRule } from './names.ts';
import { formatPlace, type ProblemList } from './problems.ts';
import { findSites } from './tree-templates.ts';
import { type Entry, emptyTree, keyPlace, mapEntries, mergeTrees, type Tree, treeAt } from './yaml-tree.ts';
import { readPartly, splitHint } from './zod-problems.ts';

/** A host as its entry in the hosts files tells it; one entry may stand for a range of them. */
export interface WrittenHost {
  name: string;
  /** What `{n}` stands for. */
  n?: string;
  input: HostInput;
  entry: Entry;
}

export interface WrittenGroup {
  name: string;
  input: HostGroupInput;
  entry: Entry;
}

export interface WrittenDefaults {
  input: Partial<HostDefaults>;
  tree: Tree;
}

export interface HostsFiles {
  hosts: ReadonlyMap<string, WrittenHost>;
  groups: readonly WrittenGroup[];
  /** By file. */
  defaults: ReadonlyMap<string, WrittenDefaults>;
  /** Names of hosts that are written but have problems: they exist, and nothing more is known of them. */
  broken: ReadonlySet<string>;
  /** What templates read of facts. */
  factPaths: readonly string[];
}

export function readHostsFiles(trees: readonly Tree[], problems: ProblemList): HostsFiles {
  const defaults = new Map<string, WrittenDefaults>();
  const groups = new Map<string, WrittenGroup>();
  const factPaths = new Set<string>();
  let merged: Tree | undefined;
  for (const tree of trees) {
    readPartly(hostsFileSchema, tree, 'hosts file', problems);
    for (const { template } of findSites(
      tree,
      problems,
      namesAt,
      (path) => !mayHoldTemplate(path, tree, problems),
    ))
      for (const path of template.reads) if (/^facts\b/.test(path)) factPaths.add(path);
    const own = treeAt(tree, ['defaults']);
    if (own !== undefined) {
      const { parts } = readPartly(hostDefaultsSchema, own, 'defaults', problems);
      defaults.set(tree.place.file, { input: parts, tree: own });
      refuseUselessDefaults(tree, problems);
    }
    readGroups(tree, groups, problems);
    const hosts = treeAt(tree, ['hosts']);
    if (hosts !== undefined) merged = merged === undefined ? hosts : mergeTrees(merged, hosts, problems);
  }
  const written = new Map<string, WrittenHost>();
  const broken = new Set<string>();
  for (const [pattern, entry] of merged === undefined ? [] : mapEntries(merged, [])) {
    const read = readHost(pattern, entry, problems);
    if (read.length === 0) for (const name of namesOf(pattern)) broken.add(name);
    for (const host of read) {
      const earlier = written.get(host.name);
      if (earlier !== undefined) {
        const hint = `it is also defined at ${formatPlace(earlier.entry.keyPlace)}; keep one`;
        problems.add(entry.keyPlace, `the host \`${host.name}\` is defined twice`, hint);
        break;
      }
      written.set(host.name, host);
    }
  }
  return { hosts: written, groups: [...groups.values()], defaults, broken, factPaths: [...factPaths] };
}

const templated = ['labels', 'vars', 'address', 'user'];

function mayHoldTemplate(path: readonly string[], tree: Tree, problems: ProblemList): boolean {
  const isOurs = path[0] !== 'groups' || path[2] !== 'hosts';
  if (isOurs && path.some((key, index) => index > 0 && templated.includes(key))) return true;
  const place = treeAt(tree, path)?.place ?? tree.place;
  const hint = 'in hosts files they stand in `labels`, `vars`, `address` and `user`; write the value itself';
  problems.add(place, 'a template cannot stand here', hint);
  return false;
}

/** For the hosts of all files there are groups. */
function refuseUselessDefaults(tree: Tree, problems: ProblemList): void {
  if (tree.entries.has('hosts') || tree.entries.has('inventories')) return;
  const hint =
    'move them to the hosts, or write a group with `hosts: ["*"]`, which is for those of all files';
  problems.add(keyPlace(tree, 'defaults'), 'these `defaults` are for no host: the file has none', hint);
}

/** Values of one host are made one after the other: `vars`, then `labels`, then `address` and `user`. */
function namesAt(path: readonly string[]): readonly string[] {
  const key = path[path[0] === 'defaults' ? 1 : 2];
  const before = key === 'vars' ? [] : key === 'labels' ? ['vars'] : ['labels', 'vars'];
  return ['facts', 'host', ...before];
}

function readGroups(tree: Tree, groups: Map<string, WrittenGroup>, problems: ProblemList): void {
  for (const [name, entry] of mapEntries(tree, ['groups'])) {
    const { whole } = readPartly(hostGroupSchema, entry.tree, name, problems);
    const earlier = groups.get(name);
    if (earlier !== undefined) {
      const hint = `it is also defined at ${formatPlace(earlier.entry.keyPlace)}; give one another name`;
      problems.add(entry.keyPlace, `the group \`${name}\` is defined twice`, hint);
    } else if (whole !== undefined) groups.set(name, { name, input: whole, entry });
  }
}

function namesOf(pattern: string): string[] {
  const expanded = expandHostRange(pattern);
  return 'problem' in expanded ? [] : expanded.value.map(({ name }) => name);
}

/** The hosts of an entry; after the first name that is wrong no more, since a range would only repeat itself. */
function readHost(pattern: string, entry: Entry, problems: ProblemList): WrittenHost[] {
  const tree = entry.tree.value === null ? emptyTree(entry.keyPlace) : entry.tree;
  const { whole } = readPartly(hostSchema, tree, pattern, problems);
  const expanded = hostPatternSchema.safeParse(pattern).success
    ? expandHostRange(pattern)
    : { problem: `is no name for a host; ${hostNameRule}` };
  if ('problem' in expanded) {
    const [message, hint] = splitHint(expanded.problem);
    const text = `\`${pattern}\`${message.startsWith('is') ? '' : ':'} ${message}`;
    problems.add(entry.keyPlace, text, hint);
    return [];
  }
  if (whole === undefined || !isLocalRight(whole, tree, problems)) return [];
  const wrong = expanded.value.find(({ name }) => isRefused(name, whole));
  if (wrong !== undefined) {
    refuseName(wrong, entry, problems);
    return [];
  }
  const same = { ...entry, tree };
  return expanded.value.map(({ name, n }) => ({
    name,
    ...(n === undefined ? {} : { n }),
    input: whole,
    entry: same,
  }));
}

function isLocalRight({ transport }: HostInput, tree: Tree, problems: ProblemList): boolean {
  const useless = transport === 'local' ? ['user', 'port', 'jump', 'parents', 'batch'] : [];
  const written = useless.filter((key) => tree.entries.has(key));
  for (const key of written) {
    const hint = 'delete it; the ops box is reached without SSH, and never down';
    problems.add(keyPlace(tree, key), `\`${key}\` means nothing for \`transport: local\``, hint);
  }
  return written.length === 0;
}

/** `run_on` knows two words; only the ops box itself can be `local`. */
export function isReserved(name: string, transport: string | undefined): boolean {
  return name === 'target' || (name === 'local' && transport !== 'local');
}

function isRefused(name: string, { transport }: HostInput): boolean {
  return isReserved(name, transport) || !hostNamePattern.test(name);
}

function refuseName({ name }: RangedName, entry: Entry, problems: ProblemList): void {
  const reserved = name === 'target' || name === 'local';
  const hint = reserved
    ? '`run_on` knows it as a word; only the ops box itself can be `local`'
    : hostNameRule;
  problems.add(entry.keyPlace, `\`${name}\` is ${reserved ? 'a reserved word' : 'no name for a host'}`, hint);
}
