/**
 * Owns which hosts a runbook is for: labels, names and globs. An empty selection is a problem, never "all".
 */
import picomatch from 'picomatch';
import type { HostDefinition } from '../core/definitions.ts';
import { type ProblemList, suggest } from './problems.ts';
import type { Tree } from './yaml-tree.ts';

/** Stars of one glob; more only make matching slow. */
const starLimit = 4;

export type HostSelector = Readonly<Record<string, string>> | readonly string[];

/** All hosts, and which of them have a label: made once, asked by every runbook. */
export class HostIndex {
  readonly hosts: ReadonlyMap<string, HostDefinition>;
  readonly names: readonly string[];
  /** Names by label and value, in the order of the hosts files. */
  readonly labels = new Map<string, Map<string, string[]>>();

  constructor(hosts: ReadonlyMap<string, HostDefinition>) {
    this.hosts = hosts;
    this.names = [...hosts.keys()];
    for (const host of hosts.values()) {
      for (const [label, value] of Object.entries(host.labels)) this.#add(label, value, host.name);
    }
  }

  #add(label: string, value: string, name: string): void {
    const values = this.labels.get(label) ?? new Map<string, string[]>();
    this.labels.set(label, values);
    const names = values.get(value);
    if (names === undefined) values.set(value, [name]);
    else names.push(name);
  }
}

/** Names of the selected hosts, in the order of the hosts files. */
export function selectHosts(
  selector: HostSelector,
  tree: Tree,
  fleet: HostIndex,
  problems: ProblemList,
): string[] {
  const found = problems.problems.length;
  const chosen = isNames(selector)
    ? selectNames(selector, tree, fleet, problems)
    : selectLabels(selector, tree, fleet, problems);
  if (chosen.length === 0 && problems.problems.length === found) {
    const hint = 'an empty selection is refused, never read as every host; mend the selector';
    problems.add(tree.place, 'these `hosts` select no host', hint);
  }
  return chosen;
}

function isNames(selector: HostSelector): selector is readonly string[] {
  return Array.isArray(selector);
}

function selectLabels(
  selector: Readonly<Record<string, string>>,
  tree: Tree,
  { hosts, labels }: HostIndex,
  problems: ProblemList,
): string[] {
  const wanted = Object.entries(selector);
  let fewest: readonly string[] | undefined;
  for (const [label, value] of wanted) {
    const values = labels.get(label);
    const names = values?.get(value) ?? [];
    if (fewest === undefined || names.length < fewest.length) fewest = names;
    if (names.length > 0) continue;
    const entry = tree.entries.get(label);
    if (values === undefined) {
      const place = entry?.keyPlace ?? tree.place;
      problems.add(place, `no host has the label \`${label}\``, suggest(label, labels.keys()));
    } else {
      const place = entry?.tree.place ?? tree.place;
      problems.add(place, `no host has the label \`${label}: ${value}\``, suggest(value, values.keys()));
    }
  }
  return (fewest ?? []).filter((name) =>
    wanted.every(([label, value]) => hosts.get(name)?.labels[label] === value),
  );
}

function selectNames(
  patterns: readonly string[],
  tree: Tree,
  { hosts, names }: HostIndex,
  problems: ProblemList,
): string[] {
  const chosen = new Set<string>();
  const leftOut = new Set<string>();
  for (const [index, written] of patterns.entries()) {
    const place = tree.entries.get(String(index))?.tree.place ?? tree.place;
    const without = written.startsWith('!');
    const pattern = without ? written.slice(1) : written;
    const matched = matchNames(pattern, names, hosts);
    if (typeof matched === 'string') {
      problems.add(place, `\`${written}\`: ${matched}`, 'write a simpler glob, or several');
      continue;
    }
    for (const name of matched) (without ? leftOut : chosen).add(name);
    if (matched.length > 0) continue;
    if (isGlob(pattern)) problems.warn(place, `\`${written}\` matches no host`, 'delete it, or mend it');
    else problems.add(place, `there is no host \`${pattern}\``, suggest(pattern, names));
  }
  return names.filter((name) => chosen.has(name) && !leftOut.has(name));
}

function isGlob(pattern: string): boolean {
  return /[*?[\]{}()]/.test(pattern);
}

/** The matching names, or why the pattern is refused. */
function matchNames(
  pattern: string,
  names: readonly string[],
  hosts: ReadonlyMap<string, HostDefinition>,
): readonly string[] | string {
  if (!isGlob(pattern)) return hosts.has(pattern) ? [pattern] : [];
  if ((pattern.match(/\*+/g)?.length ?? 0) > starLimit) return `a glob has at most ${starLimit} stars`;
  if (/[()]/.test(pattern)) return 'brackets `()` are not known in globs';
  const matches = picomatch(pattern, { dot: true, nonegate: true, noextglob: true });
  return names.filter((name) => matches(name));
}
