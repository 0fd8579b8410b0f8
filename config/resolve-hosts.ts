/**
 * Owns the way from hosts files to host definitions: defaults, ranges, addresses, duplicates. What hosts
 * name of each other is in config/host-links.ts.
 */
import { isIP } from 'node:net';
import type { HostDefinition, SourcePlace, SshConfig } from '../core/definitions.ts';
import { checkHostLinks } from './host-links.ts';
import { expandHostRange, type RangedName } from './host-range.ts';
import {
  type HostDefaults,
  type HostInput,
  hostDefaultsSchema,
  hostPatternSchema,
  hostSchema,
  hostsFileSchema,
} from './hosts-schema.ts';
import { hostNamePattern, hostNameRule } from './names.ts';
import { formatPlace, type ProblemList } from './problems.ts';
import { type Entry, emptyTree, keyPlace, mapEntries, type Tree, treeAt } from './yaml-tree.ts';
import { readPartly, splitHint } from './zod-problems.ts';

/** Hosts in all. */
const hostLimit = 100_000;

type Defaults = Partial<HostDefaults> & Pick<SshConfig, 'user' | 'transport'>;

export interface ResolvedHosts {
  hosts: ReadonlyMap<string, HostDefinition>;
  /** Where each host is written; those of one range share an entry. */
  entries: ReadonlyMap<string, Entry>;
}

export function resolveHosts(
  tree: Tree,
  daemon: Pick<SshConfig, 'user' | 'transport' | 'jump'>,
  problems: ProblemList,
): ResolvedHosts {
  readPartly(hostsFileSchema, tree, 'hosts file', problems);
  const defaultsTree = treeAt(tree, ['defaults']);
  const defaults = defaultsTree && readPartly(hostDefaultsSchema, defaultsTree, 'defaults', problems).parts;
  const own: Defaults = {
    ...defaults,
    user: defaults?.user ?? daemon.user,
    transport: defaults?.transport ?? daemon.transport,
  };
  const hosts = new Map<string, HostDefinition>();
  const entries = new Map<string, Entry>();
  const broken = new Set<string>();
  for (const [pattern, entry] of mapEntries(tree, ['hosts'])) {
    const reader = new HostReader(entry, own, problems);
    const read = reader.read(pattern);
    if (read.length === 0) for (const name of namesOf(pattern)) broken.add(name);
    for (const host of read) {
      const earlier = entries.get(host.name);
      if (earlier !== undefined) {
        const hint = `it is also defined at ${formatPlace(earlier.keyPlace)}; keep one`;
        problems.add(entry.keyPlace, `the host \`${host.name}\` is defined twice`, hint);
        break;
      }
      hosts.set(host.name, host);
      entries.set(host.name, entry);
    }
    if (hosts.size <= hostLimit) continue;
    problems.add(
      entry.keyPlace,
      `there are more than ${hostLimit.toLocaleString('en-US')} hosts`,
      'split the fleet',
    );
    break;
  }
  checkHostLinks({ hosts, entries, broken }, tree, daemon.jump, problems);
  return { hosts, entries };
}

function namesOf(pattern: string): string[] {
  const expanded = expandHostRange(pattern);
  return 'problem' in expanded ? [] : expanded.value.map(({ name }) => name);
}

/** Reads one entry under `hosts`, which stands for one host or for a range of them. */
class HostReader {
  readonly #entry: Entry;
  readonly #tree: Tree;
  readonly #defaults: Defaults;
  readonly #problems: ProblemList;

  constructor(entry: Entry, defaults: Defaults, problems: ProblemList) {
    this.#entry = entry;
    this.#tree = entry.tree.value === null ? emptyTree(entry.keyPlace) : entry.tree;
    this.#defaults = defaults;
    this.#problems = problems;
  }

  /** The hosts of a name; after the first that is wrong no more, since a range would only repeat itself. */
  read(pattern: string): HostDefinition[] {
    const { whole } = readPartly(hostSchema, this.#tree, pattern, this.#problems);
    const expanded = hostPatternSchema.safeParse(pattern).success
      ? expandHostRange(pattern)
      : { problem: `is no name for a host; ${hostNameRule}` };
    if ('problem' in expanded) {
      const [message, hint] = splitHint(expanded.problem);
      this.#problems.add(
        this.#entry.keyPlace,
        `\`${pattern}\`${message.startsWith('is') ? '' : ':'} ${message}`,
        hint,
      );
      return [];
    }
    if (whole === undefined || !this.#allowed(whole)) return [];
    const hosts: HostDefinition[] = [];
    for (const ranged of expanded.value) {
      const host = this.#one(ranged, whole);
      if (host === undefined) break;
      hosts.push(host);
    }
    return hosts;
  }

  #allowed({ transport }: HostInput): boolean {
    const useless = transport === 'local' ? ['user', 'port', 'jump', 'parents', 'batch'] : [];
    const written = useless.filter((key) => this.#tree.entries.has(key));
    for (const key of written) {
      const hint = 'delete it; the ops box is reached without SSH, and never down';
      this.#problems.add(
        keyPlace(this.#tree, key),
        `\`${key}\` means nothing for \`transport: local\``,
        hint,
      );
    }
    return written.length === 0;
  }

  #one({ name, n }: RangedName, input: HostInput): HostDefinition | undefined {
    const local = input.transport === 'local';
    const reserved = name === 'target' || (name === 'local' && !local);
    if (reserved || !hostNamePattern.test(name)) {
      const hint = reserved
        ? '`run_on` knows it as a word; only the ops box itself can be `local`'
        : hostNameRule;
      this.#problems.add(
        this.#entry.keyPlace,
        `\`${name}\` is ${reserved ? 'a reserved word' : 'no name for a host'}`,
        hint,
      );
      return undefined;
    }
    const address = this.#fill('address', input.address ?? (local ? '127.0.0.1' : name), n);
    const user = this.#fill('user', input.user ?? this.#defaults.user, n);
    const jumpText = local ? undefined : (input.jump ?? this.#defaults.jump);
    const jump = jumpText === undefined ? undefined : this.#fill('jump', jumpText, n);
    if (address === undefined || user === undefined || (jumpText !== undefined && jump === undefined))
      return undefined;
    const checked = checkAddress(address, input.address?.includes('{n}') === true);
    if ('problem' in checked) {
      const [message, hint] = splitHint(checked.problem);
      this.#problems.add(this.#place('address'), `\`address\`: ${message}`, hint);
      return undefined;
    }
    const labels: Record<string, string> = { ...this.#defaults.labels };
    for (const [label, text] of Object.entries(input.labels ?? {})) {
      const filled = this.#fill('labels', text, n);
      if (filled === undefined) return undefined;
      labels[label] = filled;
    }
    const parents: string[] = [];
    for (const [index, text] of (input.parents ?? []).entries()) {
      const filled = this.#fill('parents', text, n, index);
      if (filled === undefined) return undefined;
      parents.push(filled);
    }
    return {
      name,
      transport: input.transport ?? this.#defaults.transport,
      batch: input.batch ?? this.#defaults.batch ?? true,
      address: checked.value,
      port: input.port ?? this.#defaults.port ?? 22,
      user,
      labels,
      ...(jump === undefined ? {} : { jump }),
      zone: labels['zone'] ?? 'default',
      parents,
    };
  }

  #fill(key: string, text: string, n: string | undefined, index?: number): string | undefined {
    const filled = n === undefined ? text : text.replaceAll('{n}', n);
    if (!/[{}]/.test(filled)) return filled;
    const hint = '`{n}` stands for the range of a name with exactly one range';
    this.#problems.add(this.#place(key, index), `\`${key}\`: \`${text}\` cannot be filled in`, hint);
    return undefined;
  }

  #place(key: string, index?: number): SourcePlace {
    const path = index === undefined ? [key] : [key, index];
    return treeAt(this.#tree, path)?.place ?? this.#entry.keyPlace;
  }
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
