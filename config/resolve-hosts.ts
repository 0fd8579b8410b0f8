/**
 * Owns which hosts there are: those of the hosts files, of inventories and of registrations, and the groups they are in.
 * One host is made in config/host-maker.ts, what hosts name of each other is judged in config/host-links.ts.
 */
import type { HostDefinition } from '../core/definitions.ts';
import type { FoundHost } from '../core/sources.ts';
import type { HostValue } from './host-layers.ts';
import { checkHostLinks } from './host-links.ts';
import { type Candidate, checkAddress, HostMaker, type HostsInput } from './host-maker.ts';
import { type HostsFiles, isReserved, readHostsFiles, type WrittenGroup } from './hosts-files.ts';
import { hostSchema } from './hosts-schema.ts';
import { holdsTemplate } from './inventory/found-hosts.ts';
import { lostJumps } from './inventory/found-jumps.ts';
import { hostNamePattern } from './names.ts';
import type { ProblemList } from './problems.ts';
import { HostIndex, selectHosts } from './selectors.ts';
import type { Scope } from './templates.ts';
import { type Entry, emptyTree, treeAt } from './yaml-tree.ts';
import { splitHint } from './zod-problems.ts';

/** Hosts in all. */
const hostLimit = 100_000;
/** Hosts between two moments at which others may go on. */
const slice = 100;

export interface ResolvedHosts {
  hosts: ReadonlyMap<string, HostDefinition>;
  /** What templates in runbooks read of a host. */
  scopeOf: (name: string) => Scope;
  /** Some of its labels, variables or checks wait for facts. */
  isPending: (name: string) => boolean;
  /** What the hosts files read of facts. */
  factPaths: readonly string[];
  /** More hosts may come, or labels that wait for facts: a selector may come to select more. */
  mayGrow: boolean;
  /** Every value of a host with where it comes from. */
  explain: (name: string) => HostValue[];
}

export function* resolveHosts(input: HostsInput, problems: ProblemList): Generator<void, ResolvedHosts> {
  const files = readHostsFiles(input.trees, problems);
  yield;
  const candidates = gather(files, input, problems);
  yield;
  const makers = new Map<string, HostMaker>();
  for (const candidate of candidates.values())
    makers.set(candidate.name, new HostMaker(candidate, files, input, problems));
  yield;
  yield* joinGroups(files.groups, makers, input, problems);
  const hosts = new Map<string, HostDefinition>();
  const wrong = new Set<Entry>();
  for (const [index, maker] of [...makers.values()].entries()) {
    // A range would only repeat itself.
    const host = wrong.has(maker.entry) ? undefined : maker.make();
    if (host === undefined) wrong.add(maker.entry);
    else hosts.set(host.name, host);
    if (index % slice === slice - 1) yield;
  }
  const entries = new Map([...makers].map(([name, { entry }]) => [name, entry]));
  const broken = new Set([...files.broken, ...[...makers.keys()].filter((name) => !hosts.has(name))]);
  checkHostLinks({ hosts, entries, broken }, input.daemon.jump, input.place, problems);
  return {
    hosts,
    scopeOf: (name) => makers.get(name)?.scope() ?? {},
    isPending: (name) => makers.get(name)?.isPending === true,
    factPaths: files.factPaths,
    mayGrow: input.isOpen || anyPending(makers),
    explain: (name) => makers.get(name)?.explain() ?? [],
  };
}

function gather(files: HostsFiles, input: HostsInput, problems: ProblemList): Map<string, Candidate> {
  const candidates = new Map<string, Candidate>();
  for (const written of files.hosts.values()) candidates.set(written.name, { name: written.name, written });
  const take = (host: FoundHost, from: string, at: Entry, file: string | undefined): void => {
    const wrong = wrongWith(host);
    if (wrong !== undefined) {
      problems.warn(
        at.keyPlace,
        `the host \`${host.name.slice(0, 120)}\` of ${from} is left out: ${wrong[0]}`,
        wrong[1],
      );
      return;
    }
    const known = candidates.get(host.name);
    const found = { host, from, file, entry: at };
    if (known === undefined) candidates.set(host.name, { name: host.name, found });
    else if (known.found === undefined) candidates.set(host.name, { ...known, found });
  };
  for (const { source, state } of input.inventories) {
    const entry = { keyPlace: source.source, tree: emptyTree(source.source) };
    for (const host of state?.hosts ?? []) {
      const labels = { ...source.labels, ...host.labels };
      const vars = { ...source.vars, ...host.vars };
      take({ ...host, labels, vars }, `the inventory \`${source.name}\``, entry, source.source.file);
    }
  }
  const { place } = input.place;
  for (const host of input.world.registered)
    take(host, 'the registrations', { keyPlace: place, tree: emptyTree(place) }, undefined);
  leaveOutLost(candidates, problems);
  if (candidates.size <= hostLimit) return candidates;
  problems.add(place, `there are more than ${hostLimit.toLocaleString('en-US')} hosts`, 'split the fleet');
  return new Map([...candidates].slice(0, hostLimit));
}

function leaveOutLost(candidates: Map<string, Candidate>, problems: ProblemList): void {
  const only = [...candidates.values()].filter(({ written }) => written === undefined);
  const found = new Map(
    only.flatMap((each) => (each.found === undefined ? [] : [[each.name, each.found] as const])),
  );
  const lost = lostJumps(new Map([...found].map(([name, { host }]) => [name, host])), (name) => {
    const is = candidates.get(name);
    if (is === undefined) return undefined;
    return (is.written?.input.transport ?? is.found?.host.transport) === 'local' ? 'local' : 'remote';
  });
  for (const [name, why] of lost) {
    const { entry, from } = found.get(name) ?? {};
    candidates.delete(name);
    if (entry === undefined || from === undefined) continue;
    const message = `the host \`${name}\` of ${from} is left out: ${why}`;
    problems.warn(entry.keyPlace, message, 'write the jump host under `hosts`');
  }
}

/** What an inventory tells is judged as if it were written, but no mistake of it stops the others. */
function wrongWith({ name, ...told }: FoundHost): [message: string, hint: string | undefined] | undefined {
  if (!hostNamePattern.test(name) || isReserved(name, told.transport))
    return ['it is no name for a host', 'rename it there'];
  if (holdsTemplate({ ...told }))
    return ['it holds a template, which only hosts files may', 'write what is meant'];
  const parsed = hostSchema.safeParse(told);
  const address = told.address === undefined ? undefined : checkAddress(told.address, false);
  if (parsed.success && (address === undefined || 'value' in address)) return undefined;
  const issue = parsed.error?.issues[0];
  const text = address !== undefined && 'problem' in address ? address.problem : (issue?.message ?? '');
  const [message, hint] = splitHint(`${issue === undefined ? '' : `\`${issue.path.join('.')}\` `}${text}`);
  return [message, hint];
}

/** Groups go by what hosts, inventories and defaults say: what one group sets selects nothing for another. */
function* joinGroups(
  groups: readonly WrittenGroup[],
  makers: ReadonlyMap<string, HostMaker>,
  { isOpen }: HostsInput,
  problems: ProblemList,
): Generator<void> {
  if (groups.length === 0) return;
  const previews = new Map<string, ReturnType<HostMaker['preview']>>();
  for (const [name, maker] of makers) {
    previews.set(name, maker.preview());
    if (previews.size % slice === 0) yield;
  }
  const mayGrow = isOpen || anyPending(makers);
  const index = new HostIndex(previews, mayGrow);
  for (const group of groups) {
    const tree = treeAt(group.entry.tree, ['hosts']) ?? group.entry.tree;
    for (const name of selectHosts(group.input.hosts, tree, index, problems))
      makers.get(name)?.groups.push(group);
    yield;
  }
}

function anyPending(makers: ReadonlyMap<string, HostMaker>): boolean {
  return [...makers.values()].some(({ isPending }) => isPending);
}
