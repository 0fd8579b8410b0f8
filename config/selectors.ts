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

/** Names of the selected hosts, in the order of the hosts files. */
export function selectHosts(
  selector: HostSelector,
  tree: Tree,
  hosts: ReadonlyMap<string, HostDefinition>,
  problems: ProblemList,
): string[] {
  const found = problems.problems.length;
  const chosen = isNames(selector)
    ? selectNames(selector, tree, hosts, problems)
    : selectLabels(selector, tree, hosts, problems);
  if (chosen.length === 0 && problems.problems.length === found) {
    problems.add(
      tree.place,
      'these `hosts` select no host',
      'an empty selection is refused, never read as every host; mend the selector',
    );
  }
  return chosen;
}

function isNames(selector: HostSelector): selector is readonly string[] {
  return Array.isArray(selector);
}

function selectLabels(
  selector: Readonly<Record<string, string>>,
  tree: Tree,
  hosts: ReadonlyMap<string, HostDefinition>,
  problems: ProblemList,
): string[] {
  const wanted = Object.entries(selector);
  const all = [...hosts.values()];
  for (const [label, value] of wanted) {
    const values = new Set(all.flatMap((host) => host.labels[label] ?? []));
    if (values.has(value)) continue;
    const entry = tree.entries.get(label);
    if (values.size > 0) {
      problems.add(
        entry?.tree.place ?? tree.place,
        `no host has the label \`${label}: ${value}\``,
        suggest(value, values),
      );
      continue;
    }
    const labels = new Set(all.flatMap((host) => Object.keys(host.labels)));
    problems.add(entry?.keyPlace ?? tree.place, `no host has the label \`${label}\``, suggest(label, labels));
  }
  if (wanted.length === 0) return [];
  return all
    .filter((host) => wanted.every(([label, value]) => host.labels[label] === value))
    .map((host) => host.name);
}

function selectNames(
  patterns: readonly string[],
  tree: Tree,
  hosts: ReadonlyMap<string, HostDefinition>,
  problems: ProblemList,
): string[] {
  const names = [...hosts.keys()];
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
