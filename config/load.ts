/**
 * Owns the way from files to `Definitions`: everything is read and judged, and either all of it is right or nothing is
 * returned but the problems. It changes nothing; what was read can be resolved again when the world has changed.
 */
import { resolve } from 'node:path';
import type { Definitions, HostDefinition, RunbookDefinition } from '../core/definitions.ts';
import type { Suppression } from '../core/safety.ts';
import { emptyWorld, type FactSource, type InventoryState, type World } from '../core/sources.ts';
import { factsDigest } from './facts/facts-read.ts';
import { resolveFacts } from './facts/resolve.ts';
import { freezeDeep } from './freeze.ts';
import type { HostValue } from './host-layers.ts';
import { readFileSource } from './inventory/read-source.ts';
import { resolveInventories } from './inventory/resolve.ts';
import { planHosts } from './plan-hosts.ts';
import { formatPlace, type Problem, ProblemList, sortProblems, toldWithin } from './problems.ts';
import {
  type DefinitionsRead,
  hostsDigest,
  type LoadOptions,
  readDefinitions,
  revisionOf,
  secretReaderOf,
} from './read.ts';
import { resolveDaemon, toldNames } from './resolve-daemon.ts';
import { type ResolvedHosts, resolveHosts } from './resolve-hosts.ts';
import { resolveSuppressions } from './resolve-suppressions.ts';
import { resolveWithTemplates } from './runbook-variants.ts';
import type { SecretReader } from './secrets.ts';
import { HostIndex } from './selectors.ts';
import { readSharedItems } from './shared-items.ts';
import { calmly, toEnd } from './steps.ts';
import { emptyTree, mergeTrees, type Tree, treeAt } from './yaml-tree.ts';

export type { LoadOptions } from './read.ts';

export type LoadOutcome =
  | {
      ok: true;
      definitions: Definitions;
      warnings: Problem[];
      /** What templates read of facts, such as `facts.os.id`: another answer for one of them may change the definitions. */
      factPaths: ReadonlySet<string>;
      /** Every value of a host with where it comes from; empty for an unknown one. */
      explainHost: (name: string) => HostValue[];
      /** To be resolved again in another world, without reading the files. */
      read: DefinitionsRead;
    }
  | { ok: false; problems: Problem[]; warnings: Problem[] };

/**
 * Reads the daemon file and the definitions it names. All problems of all files come at once, sorted by place.
 * Errors: throws CONFIG_MISSING when there is no daemon file; every other mistake is a problem.
 * Limits: 1 MiB a file, 64 levels, 10,000 files, 100,000 hosts, 16 MiB a plugin.
 */
export function loadDefinitions(options: LoadOptions & { world?: World }): LoadOutcome {
  return toEnd(loading(options, options.world ?? emptyWorld));
}

/** The same, with the loop free for others in between. */
export function loadCalmly(options: LoadOptions, world: World): Promise<LoadOutcome> {
  return calmly(loading(options, world));
}

/** What was read, in another world: other hosts of inventories, other facts. The files are not looked at. */
export function resolveCalmly(read: DefinitionsRead, world: World): Promise<LoadOutcome> {
  return calmly(resolving(read, world));
}

function* loading(options: LoadOptions, world: World): Generator<void, LoadOutcome> {
  const problems = new ProblemList();
  const read = yield* readDefinitions(options, problems);
  if (read !== undefined && isWhole(read)) return yield* resolving(read, world);
  if (read !== undefined) resolveDaemon(read.daemon, undefined, secretReaderOf(options)(problems), problems);
  return refusal(problems);
}

function isWhole(read: Partial<DefinitionsRead>): read is DefinitionsRead {
  return read.trees !== undefined;
}

function refusal(problems: ProblemList): LoadOutcome {
  return { ok: false, problems: sortProblems(problems.problems), warnings: sortProblems(problems.warnings) };
}

function* resolving(read: DefinitionsRead, world: World): Generator<void, LoadOutcome> {
  const problems = new ProblemList();
  problems.problems.push(...read.problems.problems);
  problems.warnings.push(...read.problems.warnings);
  const work = new Resolution(read, world, problems);
  const definitions = yield* work.definitions();
  if (definitions === undefined || problems.problems.length > 0) return refusal(problems);
  yield* freezing(definitions);
  return {
    ok: true,
    definitions,
    warnings: sortProblems(problems.warnings),
    factPaths: work.factPaths,
    explainHost: work.explainHost,
    read,
  };
}

/** Hosts are most of the definitions: some of them at a time. */
function* freezing(definitions: Definitions): Generator<void> {
  for (const [index, plan] of [...definitions.byHost.values()].entries()) {
    freezeDeep(plan);
    if (index % 200 === 199) yield;
  }
  freezeDeep(definitions);
}

class Resolution {
  readonly factPaths = new Set<string>();
  explainHost: (name: string) => HostValue[] = () => [];
  readonly #read: DefinitionsRead;
  readonly #world: World;
  readonly #problems: ProblemList;
  readonly #secrets: SecretReader;

  constructor(read: DefinitionsRead, world: World, problems: ProblemList) {
    this.#read = read;
    this.#world = world;
    this.#problems = problems;
    this.#secrets = read.secretReader(problems);
  }

  *definitions(): Generator<void, Definitions | undefined> {
    const read = this.#read;
    const problems = this.#problems;
    const inventories = this.#inventories();
    const resolved = yield* this.#hosts(inventories);
    const hosts = resolved?.hosts;
    const daemon = resolveDaemon(read.daemon, hosts, this.#secrets, problems);
    // Hosts may yet be told, or tell of themselves.
    const fleet = resolved && new HostIndex(resolved.hosts, resolved.mayGrow);
    const runbooks = yield* this.#runbooks(resolved, fleet);
    const suppressions = this.#suppressions(hosts, runbooks);
    const facts: readonly FactSource[] = resolveFacts(read.trees.facts, {
      plugins: read.factPlugins,
      problems,
      ...(fleet && { fleet }),
    });
    if (daemon === undefined || hosts === undefined) return undefined;
    yield;
    const byHost = yield* planHosts(hosts, runbooks);
    yield;
    const revision = revisionOf(read, yield* this.#outside(hosts));
    yield;
    const sources = inventories.map(({ source }) => source);
    return {
      revision,
      daemon: { ...daemon, definitionsPath: resolve(read.directory) },
      hosts,
      runbooks,
      byHost,
      suppressions,
      inventories: sources,
      facts,
    };
  }

  /** What the world made of the definitions: hosts and facts. */
  *#outside(hosts: ReadonlyMap<string, HostDefinition>): Generator<void, unknown> {
    if (this.#world === emptyWorld) return undefined;
    const told = yield* hostsDigest(hosts);
    return [told, factsDigest(this.#world.facts, this.factPaths)];
  }

  /** With what each told; files are read here, for those who only judge definitions read them too. */
  #inventories(): { source: Definitions['inventories'][number]; state: InventoryState | undefined }[] {
    let merged: Tree | undefined;
    for (const tree of this.#read.trees.hosts) {
      const list = treeAt(tree, ['inventories']);
      if (list !== undefined) merged = merged === undefined ? list : mergeTrees(merged, list, this.#problems);
    }
    if (merged === undefined) return [];
    const sources = resolveInventories(merged, this.#read.directory, this.#secrets, this.#problems);
    return sources.map((source) => ({ source, state: this.#stateOf(source) }));
  }

  #stateOf(source: Definitions['inventories'][number]): InventoryState | undefined {
    return this.#world.inventories.get(source.name) ?? readFileSource(source, this.#problems);
  }

  /** All hosts, or undefined when any hosts file has a problem: then selections cannot be judged. */
  *#hosts(
    inventories: readonly { source: Definitions['inventories'][number]; state: InventoryState | undefined }[],
  ): Generator<void, ResolvedHosts | undefined> {
    const { trees, isPartial, daemon } = this.#read;
    const problems = this.#problems;
    const found = problems.problems.length;
    const [first] = trees.hosts;
    if (first === undefined) return undefined;
    const ssh = daemon.parts.ssh;
    const resolved = yield* resolveHosts(
      {
        trees: trees.hosts,
        inventories,
        world: this.#world,
        isOpen: inventories.length > 0 || daemon.parts.registration !== undefined,
        daemon: {
          user: ssh?.user ?? 'mendd',
          transport: ssh?.transport ?? 'ssh',
          tree: treeAt(daemon.tree, ['ssh']) ?? emptyTree(daemon.tree.place),
          ...(ssh?.jump === undefined ? {} : { jump: ssh.jump }),
        },
        place: first,
      },
      problems,
    );
    const { directory } = this.#read;
    this.explainHost = (name) =>
      resolved.explain(name).map((value) => ({ ...value, from: toldWithin(directory, value.from) }));
    for (const path of resolved.factPaths) this.factPaths.add(path);
    if (problems.problems.length > found || isPartial.hosts) return undefined;
    if (resolved.hosts.size > 0) return resolved;
    const hint = 'write at least one under `hosts`; an empty fleet is refused';
    if (inventories.length === 0) problems.add(first.place, 'there are no hosts', hint);
    else problems.warn(first.place, 'there are no hosts yet', 'the inventories have not told any');
    return inventories.length === 0 ? undefined : resolved;
  }

  *#runbooks(
    resolved: ResolvedHosts | undefined,
    fleet: HostIndex | undefined,
  ): Generator<void, RunbookDefinition[]> {
    const { trees, daemon, plugins } = this.#read;
    const problems = this.#problems;
    const names = toldNames(daemon);
    const context = {
      problems,
      secrets: this.#secrets,
      plugins,
      nowMs: Date.now(),
      directory: this.#read.directory,
      ...(fleet === undefined ? {} : { fleet }),
      ...(names === undefined ? {} : { notifyNames: names }),
      areNotifyNamesOpen: this.#read.isWithoutDaemonFile,
    };
    const shared = {
      checks: readSharedItems('checks', trees.checks, problems),
      actions: readSharedItems('actions', trees.actions, problems),
    };
    const byId = new Map<string, RunbookDefinition>();
    const viewOf = (host: string) => ({
      host,
      scope: resolved?.scopeOf(host) ?? {},
      isPending: resolved?.isPending(host) === true,
      isForeign: resolved?.hosts.get(host)?.origin !== 'hosts',
    });
    for (const tree of trees.runbooks) {
      const runbook = yield* resolveWithTemplates(tree, context, shared, viewOf, this.factPaths);
      yield;
      if (runbook === undefined) continue;
      const earlier = byId.get(runbook.id);
      if (earlier === undefined) {
        byId.set(runbook.id, runbook);
        continue;
      }
      const hint = `it is also that of ${formatPlace(earlier.source)}; give one another title`;
      problems.add(runbook.source, `the runbook id \`${runbook.id}\` is taken`, hint);
    }
    return [...byId.values()];
  }

  #suppressions(
    hosts: ReadonlyMap<string, HostDefinition> | undefined,
    runbooks: readonly RunbookDefinition[],
  ): Suppression[] {
    const { trees, isPartial } = this.#read;
    const known = runbooks.length === trees.runbooks.length && !isPartial.runbooks;
    const checkIds = runbooks.flatMap(({ checks }) => checks.map(({ id }) => id));
    return trees.silences.flatMap((tree) =>
      resolveSuppressions(tree, {
        file: this.#read.nameOf(tree),
        problems: this.#problems,
        nowMs: Date.now(),
        ...(hosts === undefined ? {} : { hosts }),
        ...(known ? { checkIds } : {}),
      }),
    );
  }
}
