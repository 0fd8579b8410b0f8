/**
 * Owns which hosts a runbook or a matcher is for: labels, names and globs. An empty selection is a problem, never "all".
 */
import picomatch from 'picomatch';
import type { HostDefinition } from '../core/definitions.ts';
import type { Matcher } from '../core/safety.ts';
import { type ProblemList, suggest } from './problems.ts';
import type { Tree } from './yaml-tree.ts';

/** Stars of one glob; more only make matching slow. */
const starLimit = 4;

export type HostSelector = Readonly<Record<string, string>> | readonly string[];

type Selectable = Pick<HostDefinition, 'name' | 'labels'>;

/** All hosts, and which of them have a label: made once, asked by every runbook. */
export class HostIndex<H extends Selectable = HostDefinition> {
  readonly hosts: ReadonlyMap<string, H>;
  /** More hosts may come from inventories: that nobody is selected is no mistake then, and told as a warning. */
  readonly mayGrow: boolean;
  readonly names: readonly string[];
  /** Names by label and value, in the order of the hosts files. */
  readonly labels = new Map<string, Map<string, string[]>>();

  constructor(hosts: ReadonlyMap<string, H>, mayGrow = false) {
    this.hosts = hosts;
    this.mayGrow = mayGrow;
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
  fleet: HostIndex<Selectable>,
  problems: ProblemList,
): string[] {
  const count = (): number => problems.problems.length + problems.warnings.length;
  const found = count();
  const chosen = isNames(selector)
    ? selectNames(selector, tree, fleet, problems)
    : selectLabels(selector, tree, fleet, problems);
  if (chosen.length === 0 && count() === found) {
    const hint = 'an empty selection is refused, never read as every host; mend the selector';
    absent(fleet, problems, tree.place, 'these `hosts` select no host', hint);
  }
  return chosen;
}

/** What no host has is a mistake, unless hosts may still come that have it. */
function absent(
  { mayGrow }: Pick<HostIndex, 'mayGrow'>,
  problems: ProblemList,
  ...what: Parameters<ProblemList['warn']>
): void {
  if (mayGrow) problems.warn(...what);
  else problems.add(...what);
}

function isNames(selector: HostSelector): selector is readonly string[] {
  return Array.isArray(selector);
}

function selectLabels(
  selector: Readonly<Record<string, string>>,
  tree: Tree,
  fleet: HostIndex<Selectable>,
  problems: ProblemList,
): string[] {
  const { hosts, labels } = fleet;
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
      absent(fleet, problems, place, `no host has the label \`${label}\``, suggest(label, labels.keys()));
    } else {
      const place = entry?.tree.place ?? tree.place;
      absent(
        fleet,
        problems,
        place,
        `no host has the label \`${label}: ${value}\``,
        suggest(value, values.keys()),
      );
    }
  }
  return (fewest ?? []).filter((name) =>
    wanted.every(([label, value]) => hosts.get(name)?.labels[label] === value),
  );
}

function selectNames(
  patterns: readonly string[],
  tree: Tree,
  fleet: HostIndex<Selectable>,
  problems: ProblemList,
): string[] {
  const { hosts, names } = fleet;
  const chosen = new Set<string>();
  const leftOut = new Set<string>();
  for (const [index, written] of patterns.entries()) {
    const place = tree.entries.get(String(index))?.tree.place ?? tree.place;
    const without = written.startsWith('!');
    const pattern = without ? written.slice(1) : written;
    const problem = globProblem(pattern);
    if (problem !== undefined) {
      problems.add(place, `\`${written}\`: ${problem}`, globHint);
      continue;
    }
    const matched = matchNames(pattern, names, hosts);
    for (const name of matched) (without ? leftOut : chosen).add(name);
    if (matched.length > 0) continue;
    if (isGlob(pattern)) problems.warn(place, `\`${written}\` matches no host`, 'delete it, or mend it');
    else absent(fleet, problems, place, `there is no host \`${pattern}\``, suggest(pattern, names));
  }
  return names.filter((name) => chosen.has(name) && !leftOut.has(name));
}

function matchNames(
  pattern: string,
  names: readonly string[],
  hosts: ReadonlyMap<string, unknown>,
): readonly string[] {
  if (!isGlob(pattern)) return hosts.has(pattern) ? [pattern] : [];
  return names.filter(globMatcher(pattern));
}

/**
 * Names of the hosts a matcher covers, in the order of the hosts files: all that its names and its labels let through.
 * One that says nothing at all covers none. The globs are those that `matcherProblem` lets through.
 */
export function matchHosts(match: Matcher, hosts: ReadonlyMap<string, HostDefinition>): string[] {
  const covers = hostMatcher(match);
  return [...hosts.values()].filter(covers).map(({ name }) => name);
}

/** Whether a matcher covers any host at all. */
export function coversSome(match: Matcher, hosts: ReadonlyMap<string, HostDefinition>): boolean {
  return [...hosts.values()].some(hostMatcher(match));
}

/** Whether a matcher covers a host. For many questions about one matcher. */
export function hostMatcher(match: Matcher): (host: HostDefinition) => boolean {
  if (saysNothing(match)) return () => false;
  const isNamed = anyOf(match.hosts);
  const labels = Object.entries(match.labels);
  return (host) => isNamed(host.name) && labels.every(([label, value]) => host.labels[label] === value);
}

/** Whether a matcher covers a check, given the id; `host` is the host's own trouble. */
export function matchesCheck(match: Matcher, checkId: string): boolean {
  return !saysNothing(match) && anyOf(match.checks)(checkId);
}

/** Why a matcher that a person wrote is refused, as a sentence that says what to do; undefined when it is right. */
export function matcherProblem(
  match: Matcher,
  hosts: ReadonlyMap<string, HostDefinition>,
): string | undefined {
  if (saysNothing(match)) return `The matcher is empty; ${emptyMatcherHint}.`;
  for (const written of [...match.hosts, ...match.checks]) {
    const problem = globProblem(withoutMark(written));
    if (problem !== undefined) return `\`${written}\`: ${problem}; ${globHint}.`;
  }
  for (const patterns of [match.hosts, match.checks]) {
    if (onlyLeavesOut(patterns)) return `\`${patterns[0]}\` only leaves out; ${onlyLeavesOutHint}.`;
  }
  if (coversSome(match, hosts)) return undefined;
  const unknown = match.hosts.find((name) => !isGlob(name) && !name.startsWith('!') && !hosts.has(name));
  const near = unknown === undefined ? undefined : suggest(unknown, hosts.keys(), 'mend its names.')();
  return `The matcher covers no host; ${near ?? 'mend its names or labels.'}`;
}

export const globHint = 'write a simpler glob, or several';
export const emptyMatcherHint = 'write `hosts`, `labels` or `checks`; `hosts: ["*"]` means all';
export const onlyLeavesOutHint = 'put "*" before it, to leave out of all';

export function saysNothing({ hosts, labels, checks }: Matcher): boolean {
  return hosts.length === 0 && checks.length === 0 && Object.keys(labels).length === 0;
}

/** `!` alone selects nothing, as in runbooks. */
export function onlyLeavesOut(patterns: readonly string[]): boolean {
  return patterns.length > 0 && patterns.every((each) => each.startsWith('!'));
}

/** Why a glob is refused, without its hint. */
export function globProblem(pattern: string): string | undefined {
  if (!isGlob(pattern)) return undefined;
  if ((pattern.match(/\*+/g)?.length ?? 0) > starLimit) return `a glob has at most ${starLimit} stars`;
  return /[()]/.test(pattern) ? 'brackets `()` are not known in globs' : undefined;
}

export function withoutMark(pattern: string): string {
  return pattern.startsWith('!') ? pattern.slice(1) : pattern;
}

/** Made once for each list, since a silence is asked about every check of every host. */
const matchers = new WeakMap<readonly string[], (name: string) => boolean>();

/** Whether some pattern takes a name and none leaves it out; no patterns narrow nothing. */
export function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const known = matchers.get(patterns);
  if (known !== undefined) return known;
  const globs = patterns.map((each) => ({
    without: each.startsWith('!'),
    matches: globMatcher(withoutMark(each)),
  }));
  const made = (name: string): boolean => {
    const hits = globs.filter(({ matches }) => matches(name));
    return globs.length === 0 || (hits.length > 0 && !hits.some(({ without }) => without));
  };
  matchers.set(patterns, made);
  return made;
}

function isGlob(pattern: string): boolean {
  return /[*?[\]{}()]/.test(pattern);
}

function globMatcher(pattern: string): (name: string) => boolean {
  if (!isGlob(pattern)) return (name) => name === pattern;
  const matches = picomatch(pattern, { dot: true, nonegate: true, noextglob: true });
  // Alone, since what `filter` passes beside the name would mean something to it.
  return (name) => matches(name);
}
