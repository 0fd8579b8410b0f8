/**
 * Owns the way from files to `Definitions`: everything is read and judged, and either all of it is right or nothing is
 * returned but the problems. It changes nothing and keeps nothing.
 */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import type { Definitions, HostDefinition, HostPlan, RunbookDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import type { Suppression } from '../core/safety.ts';
import { type DefinitionFiles, discover } from './discover.ts';
import { freezeDeep } from './freeze.ts';
import { PluginFiles } from './plugin-files.ts';
import { asksHostItself, probeFor } from './probes.ts';
import { compareText, formatPlace, type Problem, ProblemList, sortProblems } from './problems.ts';
import {
  type DaemonFile,
  definitionsPath,
  notifyNames,
  readDaemonFile,
  resolveDaemon,
} from './resolve-daemon.ts';
import { resolveHosts } from './resolve-hosts.ts';
import { resolveRunbook } from './resolve-runbook.ts';
import { resolveSuppressions } from './resolve-suppressions.ts';
import { SecretReader } from './secrets.ts';
import { HostIndex } from './selectors.ts';
import { readRegularFile, readSourceText, sourceBytesLimit } from './source-text.ts';
import { parseYaml } from './yaml-source.ts';
import { buildTree, isMapTree, mergeTrees, type Tree, treeAt, withoutKeys } from './yaml-tree.ts';
import { kindOf } from './zod-problems.ts';

export interface LoadOptions {
  /** Path of the daemon file; problems show paths relative to how it is written. */
  configFile: string;
  /** False for offline commands: references are checked in form, no secret is read. Default true. */
  resolveSecrets?: boolean;
  /** For `${env:}` and `${cred:}`. Default: that of the process. */
  environment?: Readonly<Record<string, string | undefined>>;
}

export type LoadOutcome =
  | { ok: true; definitions: Definitions; warnings: Problem[] }
  | { ok: false; problems: Problem[]; warnings: Problem[] };

/**
 * Reads the daemon file and the definitions it names. All problems of all files come at once, sorted by place.
 * Errors: throws CONFIG_MISSING when there is no daemon file; every other mistake is a problem.
 * Limits: 1 MiB a file, 64 levels, 10,000 files, 100,000 hosts, 16 MiB a plugin.
 */
export function loadDefinitions(options: LoadOptions): LoadOutcome {
  const { configFile, resolveSecrets = true, environment = process.env } = options;
  const missing = readRegularFile(configFile, sourceBytesLimit);
  if ('errno' in missing && missing.errno === 'ENOENT') {
    throw new MenddError('CONFIG_MISSING', `There is no daemon file at ${configFile}.`);
  }
  const problems = new ProblemList();
  const load = new Load(problems, new SecretReader({ resolve: resolveSecrets, environment, problems }));
  const definitions = load.definitions(configFile);
  const warnings = sortProblems(problems.warnings);
  if (definitions !== undefined && problems.problems.length === 0) {
    return { ok: true, definitions: freezeDeep(definitions), warnings };
  }
  return { ok: false, problems: sortProblems(problems.problems), warnings };
}

class Load {
  readonly #problems: ProblemList;
  readonly #secrets: SecretReader;
  /** What was read, for the revision: path as named and the values in it. */
  readonly #read: [path: string, value: unknown][] = [];

  constructor(problems: ProblemList, secrets: SecretReader) {
    this.#problems = problems;
    this.#secrets = secrets;
  }

  definitions(configFile: string): Definitions | undefined {
    const problems = this.#problems;
    const tree = this.#readFile(configFile, 'daemon file', 'mendd.yaml');
    if (tree === undefined) return undefined;
    const file = readDaemonFile(tree, problems);
    const directory = definitionsPath(file);
    const named =
      treeAt(tree, ['definitions', 'path'])?.place ?? treeAt(tree, ['definitions'])?.place ?? tree.place;
    const files = directory === undefined ? undefined : discover(directory, configFile, named, problems);
    if (directory === undefined || files === undefined) {
      resolveDaemon(file, undefined, this.#secrets, problems);
      return undefined;
    }
    const hosts = this.#hosts(files, directory, file);
    const daemon = resolveDaemon(file, hosts, this.#secrets, problems);
    const plugins = new PluginFiles(`${directory}/plugins`, files.plugins);
    const runbooks = this.#runbooks(files, directory, file, plugins, hosts);
    const suppressions = this.#suppressions(files, directory, hosts, runbooks);
    if (daemon === undefined || hosts === undefined) return undefined;
    const revision = this.#revision(plugins);
    return { revision, daemon, hosts, runbooks, byHost: planHosts(hosts, runbooks), suppressions };
  }

  /** All hosts, or undefined when any hosts file has a problem: then selections cannot be judged. */
  #hosts(
    files: DefinitionFiles,
    directory: string,
    file: DaemonFile,
  ): ReadonlyMap<string, HostDefinition> | undefined {
    const problems = this.#problems;
    const found = problems.problems.length;
    const trees = files.hosts.map((path) => this.#readFile(path, 'hosts file', relative(directory, path)));
    let merged: Tree | undefined;
    for (const tree of trees) {
      if (tree !== undefined)
        merged = merged === undefined ? tree : mergeTrees(merged, withoutKeys(tree, isSchemaKey), problems);
    }
    if (merged === undefined) return undefined;
    const ssh = file.parts.ssh;
    const fleet = {
      user: ssh?.user ?? 'mendd',
      transport: ssh?.transport ?? 'ssh',
      ...(ssh?.jump === undefined ? {} : { jump: ssh.jump }),
    };
    const { hosts } = resolveHosts(merged, fleet, problems);
    if (problems.problems.length > found) return undefined;
    if (hosts.size > 0) return hosts;
    problems.add(
      merged.place,
      'there are no hosts',
      'write at least one under `hosts`; an empty fleet is refused',
    );
    return undefined;
  }

  #runbooks(
    files: DefinitionFiles,
    directory: string,
    file: DaemonFile,
    plugins: PluginFiles,
    hosts: ReadonlyMap<string, HostDefinition> | undefined,
  ): RunbookDefinition[] {
    const names = notifyNames(file);
    const context = {
      problems: this.#problems,
      secrets: this.#secrets,
      plugins,
      nowMs: Date.now(),
      ...(hosts === undefined ? {} : { fleet: new HostIndex(hosts) }),
      ...(names === undefined ? {} : { notifyNames: names }),
    };
    const byId = new Map<string, RunbookDefinition>();
    for (const path of files.runbooks) {
      const tree = this.#readFile(path, 'runbook', relative(directory, path));
      const runbook = tree && resolveRunbook(tree, context);
      if (runbook === undefined) continue;
      const earlier = byId.get(runbook.id);
      if (earlier === undefined) {
        byId.set(runbook.id, runbook);
        continue;
      }
      const hint = `it is also that of ${formatPlace(earlier.source)}; give one another title`;
      this.#problems.add(runbook.source, `the runbook id \`${runbook.id}\` is taken`, hint);
    }
    return [...byId.values()];
  }

  #suppressions(
    files: DefinitionFiles,
    directory: string,
    hosts: ReadonlyMap<string, HostDefinition> | undefined,
    runbooks: readonly RunbookDefinition[],
  ): Suppression[] {
    const known = runbooks.length === files.runbooks.length;
    const checkIds = runbooks.flatMap(({ checks }) => checks.map(({ id }) => id));
    return files.silences.flatMap((path) => {
      const named = relative(directory, path);
      const tree = this.#readFile(path, 'silences file', named);
      if (tree === undefined) return [];
      return resolveSuppressions(tree, {
        file: named,
        problems: this.#problems,
        nowMs: Date.now(),
        ...(hosts === undefined ? {} : { hosts }),
        ...(known ? { checkIds } : {}),
      });
    });
  }

  /** The tree of a file that holds a map, without its `x-` keys. */
  #readFile(path: string, kind: string, named: string): Tree | undefined {
    const text = readSourceText(path, path, this.#problems);
    const source = text === undefined ? undefined : parseYaml(text, path, this.#problems);
    const tree = source && buildTree(source, this.#problems);
    if (tree === undefined) return undefined;
    if (!isMapTree(tree)) {
      const message = `a ${kind} is a map, and this is ${kindOf(tree.value)}`;
      this.#problems.add(
        tree.place,
        message,
        'write `key: value` lines; docs/configuration.md lists the keys',
      );
      return undefined;
    }
    const kept = withoutKeys(tree, (key) => key.startsWith('x-'));
    this.#read.push([named, kept.value]);
    return kept;
  }

  /** First 12 hex digits of a SHA-256. Secrets are in it as they are written, never by value. */
  #revision(plugins: PluginFiles): string {
    const files = [...this.#read].sort(([a], [b]) => compareText(a, b));
    return createHash('sha256')
      .update(JSON.stringify([files, plugins.hashes()]))
      .digest('hex')
      .slice(0, 12);
  }
}

function isSchemaKey(key: string): boolean {
  return key === '$schema';
}

/**
 * Joins runbooks and hosts once. Disabled runbooks apply to no host. Hosts of the same runbooks share their lists, since
 * fleets are large and alike.
 */
function planHosts(
  hosts: ReadonlyMap<string, HostDefinition>,
  runbooks: readonly RunbookDefinition[],
): Map<string, HostPlan> {
  const mine = new Map<string, RunbookDefinition[]>();
  for (const runbook of runbooks) {
    for (const name of runbook.enabled ? runbook.hosts : []) {
      const list = mine.get(name);
      if (list === undefined) mine.set(name, [runbook]);
      else list.push(runbook);
    }
  }
  const shared = new Map<string, Pick<HostPlan, 'checks' | 'ladders'>>();
  const plans = new Map<string, HostPlan>();
  for (const host of hosts.values()) {
    const list = mine.get(host.name) ?? [];
    const key = list.map(({ id }) => id).join(' ');
    const lists = shared.get(key) ?? {
      checks: list.flatMap(({ checks }) => checks),
      ladders: list.flatMap(({ ladders }) => ladders),
    };
    shared.set(key, lists);
    const checks = lists.checks.some(({ probe }) => asksHostItself(probe))
      ? lists.checks.map((check) => ({ ...check, probe: probeFor(check.probe, check.runOn, host) }))
      : lists.checks;
    plans.set(host.name, { host, checks, ladders: lists.ladders });
  }
  return plans;
}
