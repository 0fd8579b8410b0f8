/**
 * Owns what hosts name of each other: jump hosts and parents must exist and go in no circle. It makes no hosts.
 */
import type { HostDefinition, SourcePlace } from '../core/definitions.ts';
import { findLoops, loopWords } from './loops.ts';
import { type ProblemList, suggest } from './problems.ts';
import { type Entry, type Tree, treeAt } from './yaml-tree.ts';

interface Linked {
  hosts: ReadonlyMap<string, HostDefinition>;
  /** Those of one range share an entry, and are told of once. */
  entries: ReadonlyMap<string, Entry>;
  /** Names of hosts that are written but have problems: they exist, and nothing more is known of them. */
  broken: ReadonlySet<string>;
}

export function checkHostLinks(
  linked: Linked,
  fleetJump: string | undefined,
  tree: Tree,
  problems: ProblemList,
): void {
  checkJumps(linked, tree, fleetJump, problems);
  checkParents(linked, tree, problems);
}

function checkJumps(
  { hosts, entries, broken }: Linked,
  tree: Tree,
  fleetJump: string | undefined,
  problems: ProblemList,
): void {
  const edges = new Map<string, string[]>();
  const told = new Set<SourcePlace>();
  const place = (host: string): SourcePlace => {
    const entry = entries.get(host);
    const own = entry && treeAt(entry.tree, ['jump'])?.place;
    return own ?? treeAt(tree, ['defaults', 'jump'])?.place ?? entry?.keyPlace ?? tree.place;
  };
  for (const host of hosts.values()) {
    const jump = host.jump ?? fleetJump;
    if (host.transport === 'local' || jump === undefined || jump === host.name || broken.has(jump)) continue;
    const through = hosts.get(jump);
    if (isRemote(through)) edges.set(host.name, [jump]);
    // The fleet's own jump host is checked once, where the daemon file names it.
    if (isRemote(through) || host.jump === undefined || told.has(place(host.name))) continue;
    told.add(place(host.name));
    if (through === undefined) {
      problems.add(place(host.name), `\`jump\`: there is no host \`${jump}\``, suggest(jump, hosts.keys()));
    } else {
      problems.add(place(host.name), `\`jump\`: \`${jump}\` is the ops box itself`, 'delete `jump`');
    }
  }
  for (const loop of findLoops(edges)) {
    const hint = 'a host that names itself is reached without a jump host';
    problems.add(place(loop[0] ?? ''), `\`jump\` goes in a circle: ${loopWords(loop)}`, hint);
  }
}

function checkParents({ hosts, entries, broken }: Linked, tree: Tree, problems: ProblemList): void {
  const edges = new Map<string, readonly string[]>();
  const told = new Set<SourcePlace>();
  const place = (host: string, index: number): SourcePlace => {
    const entry = entries.get(host);
    return (entry && treeAt(entry.tree, ['parents', index])?.place) ?? entry?.keyPlace ?? tree.place;
  };
  for (const { name, parents } of hosts.values()) {
    if (parents.length > 0)
      edges.set(
        name,
        [...new Set(parents)].filter((parent) => parent !== name),
      );
    for (const [index, parent] of parents.entries()) {
      const at = place(name, index);
      const wrong = parentProblem({ hosts, name, parents }, parent, index);
      if (wrong === undefined || told.has(at) || broken.has(parent)) continue;
      told.add(at);
      problems.add(at, `\`parents\`: ${wrong[0]}`, wrong[1]);
    }
  }
  for (const loop of findLoops(edges)) {
    const [first = '', second = ''] = loop;
    const index = hosts.get(first)?.parents.indexOf(second) ?? 0;
    const hint = 'a parent is nearer to the ops box; take one of them out';
    problems.add(place(first, index), `\`parents\` goes in a circle: ${loopWords(loop)}`, hint);
  }
}

function parentProblem(
  { hosts, name, parents }: Pick<Linked, 'hosts'> & Pick<HostDefinition, 'name' | 'parents'>,
  parent: string,
  index: number,
): [message: string, hint: (() => string | undefined) | string] | undefined {
  if (parent === name) return [`\`${name}\` is its own parent`, 'take it out'];
  const host = hosts.get(parent);
  if (host === undefined) return [`there is no host \`${parent}\``, suggest(parent, hosts.keys())];
  if (host.transport === 'local')
    return [`\`${parent}\` is the ops box itself`, 'take it out; the ops box is never down'];
  return parents.indexOf(parent) < index ? [`\`${parent}\` is named twice`, 'keep one'] : undefined;
}

function isRemote(host: HostDefinition | undefined): boolean {
  return host !== undefined && host.transport !== 'local';
}
