/**
 * Owns the way from hosts files to host definitions: defaults, ranges, addresses, duplicates, jump hosts. It selects
 * nothing.
 */
import { isIP } from 'node:net';
import type { HostDefinition, SourcePlace } from '../core/definitions.ts';
import { expandHostRange, type RangedName } from './host-range.ts';
import {
  type HostDefaults,
  type HostInput,
  hostDefaultsSchema,
  hostPatternSchema,
  hostSchema,
  hostsFileSchema,
} from './hosts-schema.ts';
import { findLoops, loopWords } from './loops.ts';
import { hostNamePattern, hostNameRule } from './names.ts';
import { formatPlace, type ProblemList, suggest } from './problems.ts';
import { type Entry, emptyTree, isMapTree, keyPlace, type Tree, treeAt } from './yaml-tree.ts';
import { readPartly, splitHint } from './zod-problems.ts';

/** Hosts in all. */
const hostLimit = 100_000;

export interface ResolvedHosts {
  hosts: ReadonlyMap<string, HostDefinition>;
  /** Where each host is written; those of one range share an entry. */
  entries: ReadonlyMap<string, Entry>;
}

export function resolveHosts(
  tree: Tree,
  daemon: { user: string; jump?: string },
  problems: ProblemList,
): ResolvedHosts {
  readPartly(hostsFileSchema, tree, 'hosts file', problems);
  const defaultsTree = treeAt(tree, ['defaults']);
  const defaults =
    defaultsTree === undefined
      ? {}
      : readPartly(hostDefaultsSchema, defaultsTree, 'defaults', problems).parts;
  const hosts = new Map<string, HostDefinition>();
  const entries = new Map<string, Entry>();
  for (const [pattern, entry] of treeAt(tree, ['hosts'])?.entries ?? []) {
    for (const host of resolvePattern(
      pattern,
      entry,
      { ...defaults, user: defaults.user ?? daemon.user },
      problems,
    )) {
      const earlier = entries.get(host.name);
      if (earlier === undefined) {
        hosts.set(host.name, host);
        entries.set(host.name, entry);
        continue;
      }
      const hint = `it is also defined at ${formatPlace(earlier.keyPlace)}; keep one`;
      problems.add(entry.keyPlace, `the host \`${host.name}\` is defined twice`, hint);
      break;
    }
    if (hosts.size > hostLimit) {
      problems.add(
        entry.keyPlace,
        `there are more than ${hostLimit.toLocaleString('en-US')} hosts`,
        'split the fleet',
      );
      break;
    }
  }
  checkJumps({ hosts, entries }, tree, daemon.jump, problems);
  return { hosts, entries };
}

function resolvePattern(
  pattern: string,
  entry: Entry,
  defaults: Partial<HostDefaults> & { user: string },
  problems: ProblemList,
): HostDefinition[] {
  const tree = entry.tree.value === null ? emptyTree(entry.keyPlace) : entry.tree;
  const { whole } = readPartly(hostSchema, tree, pattern, problems);
  if (whole === undefined || !isMapTree(tree)) return [];
  const expanded = expandHostRange(pattern);
  if (!hostPatternSchema.safeParse(pattern).success || 'problem' in expanded) {
    const [message, hint] = splitHint(
      'problem' in expanded ? expanded.problem : `is no name for a host; ${hostNameRule}`,
    );
    problems.add(entry.keyPlace, `\`${pattern}\` ${message}`, hint);
    return [];
  }
  return refuseLocalKeys(whole, tree, problems)
    ? expanded.value.flatMap((ranged) => oneHost(ranged, whole, tree, entry, defaults, problems) ?? [])
    : [];
}

function refuseLocalKeys(input: HostInput, tree: Tree, problems: ProblemList): boolean {
  if (input.transport !== 'local') return true;
  const wrong = ['user', 'port', 'jump'].filter((key) => tree.entries.has(key));
  for (const key of wrong) {
    problems.add(
      keyPlace(tree, key),
      `\`${key}\` means nothing for \`transport: local\``,
      'delete it; the ops box is reached without SSH',
    );
  }
  return wrong.length === 0;
}

function oneHost(
  { name, n }: RangedName,
  input: HostInput,
  tree: Tree,
  entry: Entry,
  defaults: Partial<HostDefaults> & { user: string },
  problems: ProblemList,
): HostDefinition | undefined {
  const local = input.transport === 'local';
  if (!hostNamePattern.test(name) || name === 'target' || (name === 'local' && !local)) {
    const reserved = hostNamePattern.test(name);
    const hint = reserved
      ? '`run_on` knows it as a word; only the ops box itself (`transport: local`) can be `local`'
      : hostNameRule;
    problems.add(
      entry.keyPlace,
      `\`${name}\` ${reserved ? 'is a reserved word' : 'is no name for a host'}`,
      hint,
    );
    return undefined;
  }
  const fill = (key: string, text: string): string | undefined => {
    if (!text.includes('{')) return text;
    const filled = n === undefined ? text : text.replaceAll('{n}', n);
    if (!/[{}]/.test(filled)) return filled;
    const hint = '`{n}` stands for the range of a name with exactly one range';
    problems.add(
      treeAt(tree, [key])?.place ?? entry.keyPlace,
      `\`${key}\`: \`${text}\` cannot be filled in`,
      hint,
    );
    return undefined;
  };
  const address = fill('address', input.address ?? (local ? '127.0.0.1' : name));
  const user = fill('user', input.user ?? defaults.user);
  const jumpText = local ? undefined : (input.jump ?? defaults.jump);
  const jump = jumpText === undefined ? undefined : fill('jump', jumpText);
  if (address === undefined || user === undefined || (jumpText !== undefined && jump === undefined))
    return undefined;
  const checked = checkAddress(address, input.address?.includes('{n}') === true);
  if ('problem' in checked) {
    const [message, hint] = splitHint(checked.problem);
    problems.add(treeAt(tree, ['address'])?.place ?? entry.keyPlace, `\`address\`: ${message}`, hint);
    return undefined;
  }
  const labels = { ...defaults.labels, ...input.labels };
  for (const [key, text] of Object.entries(input.labels ?? {})) labels[key] = fill('labels', text) ?? text;
  return {
    name,
    transport: input.transport ?? 'ssh',
    address: checked.value,
    port: input.port ?? defaults.port ?? 22,
    user,
    labels,
    ...(jump === undefined ? {} : { jump }),
    zone: labels['zone'] ?? 'default',
  };
}

/**
 * A number of a range may be padded for the name, but resolvers read `10.0.0.010` as octal: digits that came from `{n}`
 * lose their zeros, and those a person wrote are refused.
 */
function checkAddress(address: string, ranged: boolean): { value: string } | { problem: string } {
  if (!/^\d+(\.\d+){3}$/.test(address)) {
    const wrong = address.includes(':') && isIP(address.replace(/%.*$/, '')) !== 6;
    return wrong
      ? { problem: `\`${address}\` is no address; put the port into \`port\`` }
      : { value: address };
  }
  const plain = address.split('.').map(Number).join('.');
  if (isIP(plain) === 0) return { problem: `\`${address}\` is no IP address; each number is at most 255` };
  if (plain === address || ranged) return { value: plain };
  return {
    problem: `\`${address}\` has a number with a leading zero, which some programs read as octal; write \`${plain}\``,
  };
}

function checkJumps(
  { hosts, entries }: ResolvedHosts,
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
    if (host.transport === 'local' || jump === undefined || jump === host.name) continue;
    const through = hosts.get(jump);
    if (through?.transport === 'ssh') edges.set(host.name, [jump]);
    // The fleet's own jump host is checked once, where the daemon file names it.
    if (through?.transport === 'ssh' || host.jump === undefined || told.has(place(host.name))) continue;
    told.add(place(host.name));
    if (through === undefined) {
      problems.add(
        place(host.name),
        `\`jump\`: there is no host \`${jump}\``,
        suggest(jump, [...hosts.keys()]),
      );
    } else {
      problems.add(place(host.name), `\`jump\`: \`${jump}\` is the ops box itself`, 'delete `jump`');
    }
  }
  for (const loop of findLoops(edges)) {
    const hint = 'a host that names itself is reached without a jump host';
    problems.add(place(loop[0] ?? ''), `\`jump\` goes in a circle: ${loopWords(loop)}`, hint);
  }
}
