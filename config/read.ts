/**
 * Owns the way from a daemon file and a directory to trees of values: every file is read and parsed once, and what was read
 * is kept together. It knows no meaning but where the definitions lie.
 */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import type { HostDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import { type DefinitionFiles, discover } from './discover.ts';
import { PluginFiles } from './plugin-files.ts';
import { compareText, type ProblemList, ProblemList as Problems } from './problems.ts';
import { type DaemonFile, definitionsPath, readDaemonFile } from './resolve-daemon.ts';
import { isMessageWords } from './resolve-messages.ts';
import { SecretReader, type SecretsRead } from './secrets.ts';
import { readRegularFile, readSourceText, sourceBytesLimit } from './source-text.ts';
import { toEnd } from './steps.ts';
import { refuseTemplates } from './tree-templates.ts';
import { parsingYaml } from './yaml-source.ts';
import { buildTree, isMapTree, type Tree, treeAt, withoutKeys } from './yaml-tree.ts';
import { kindOf } from './zod-problems.ts';

export interface LoadOptions {
  /** Path of the daemon file; problems show paths relative to how it is written. */
  configFile: string;
  /** In place of `definitions.path`: where a commit of `definitions.git` was checked out. */
  directory?: string;
  /** There is none at `configFile`: `directory` is judged by the defaults, and whom it notifies is not known. */
  isWithoutDaemonFile?: boolean;
  /** False for offline commands: references are checked in form, no secret is read. Default true. */
  resolveSecrets?: boolean;
  /** For `${env:}` and `${cred:}`. Default: that of the process. */
  environment?: Readonly<Record<string, string | undefined>>;
}

/** All that was read, for as long as these definitions are in force. */
export interface DefinitionsRead {
  daemon: DaemonFile;
  /** That is only the defaults: there is none. */
  isWithoutDaemonFile: boolean;
  directory: string;
  /** Trees of the files of each kind; one that cannot be read is among the problems. */
  trees: Readonly<Record<FileKind, readonly Tree[]>>;
  /** Some file of the kind could not be read. */
  isPartial: Readonly<Record<FileKind, boolean>>;
  plugins: PluginFiles;
  factPlugins: PluginFiles;
  /** Found while reading. */
  problems: ProblemList;
  /** Reads each secret once, however often the definitions are resolved. What it read is seen nowhere. */
  secretReader: (problems: ProblemList) => SecretReader;
  /** Path of a file within the directory. */
  nameOf: (tree: Tree) => string;
  /** Path as named, and the values in it. */
  contents: readonly (readonly [path: string, value: unknown])[];
}

export type FileKind = 'hosts' | 'runbooks' | 'silences' | 'checks' | 'actions' | 'facts';

const words: Readonly<Record<FileKind, string>> = {
  hosts: 'hosts file',
  runbooks: 'runbook',
  silences: 'silences file',
  checks: 'file of shared checks',
  actions: 'file of shared actions',
  facts: 'facts file',
};

/** Hosts between two moments at which others may go on. */
const digestSlice = 1_000;

/** Read once, before anything is known of a host. */
const untemplated: readonly FileKind[] = ['silences', 'facts'];

/**
 * Every file, or undefined without the daemon file or the directory, which is among the problems then.
 * Errors: throws CONFIG_MISSING when there is no daemon file.
 * Limits: 1 MiB a file, 64 levels, 10,000 files, 16 MiB a plugin.
 */
export function* readDefinitions(
  options: LoadOptions,
  problems: ProblemList = new Problems(),
): Generator<void, (Pick<DefinitionsRead, 'daemon'> & Partial<DefinitionsRead>) | undefined> {
  const { configFile, isWithoutDaemonFile = false } = options;
  const missing = isWithoutDaemonFile ? {} : readRegularFile(configFile, sourceBytesLimit);
  if ('errno' in missing && missing.errno === 'ENOENT') {
    throw new MenddError('CONFIG_MISSING', `There is no daemon file at ${configFile}.`);
  }
  const tree = isWithoutDaemonFile
    ? yield* treeOf('ssh: { agent: true, host_keys: accept_new }', configFile, 'daemon file', problems)
    : yield* readTree(configFile, 'daemon file', problems);
  if (tree === undefined) return undefined;
  const daemon = daemonFileOf(tree, problems);
  const directory = options.directory ?? definitionsPath(daemon);
  const named =
    treeAt(tree, ['definitions', 'path'])?.place ?? treeAt(tree, ['definitions'])?.place ?? tree.place;
  const files = directory === undefined ? undefined : discover(directory, configFile, named, problems);
  if (directory === undefined && daemon.parts.definitions?.git !== undefined) {
    const hint = '`mendd serve` fetches it; a clone of it is checked by `mendd validate DIRECTORY`';
    problems.add(named, 'no commit of the repository was in force here yet', hint);
  }
  if (directory === undefined || files === undefined) return { daemon };
  const contents: [string, unknown][] = [['mendd.yaml', tree.value]];
  const trees: Record<FileKind, Tree[]> = {
    hosts: [],
    runbooks: [],
    silences: [],
    checks: [],
    actions: [],
    facts: [],
  };
  const isPartial: Record<string, boolean> = {};
  for (const kind of Object.keys(trees) as FileKind[]) {
    for (const path of files[kind]) {
      const read = yield* readTree(path, words[kind], problems);
      yield;
      if (read === undefined) {
        isPartial[kind] = true;
        continue;
      }
      if (untemplated.includes(kind))
        refuseTemplates(read, problems, `a ${words[kind]} is the same for all hosts`);
      contents.push([relative(directory, path), read.value]);
      trees[kind].push(read);
    }
  }
  return {
    daemon,
    isWithoutDaemonFile,
    directory,
    trees,
    isPartial: isPartial as Record<FileKind, boolean>,
    ...pluginsOf(directory, files),
    problems,
    secretReader: secretReaderOf(options),
    nameOf: (read) => relative(directory, read.place.file),
    contents,
  };
}

/** The daemon file by itself, for whoever needs no definitions; undefined when nothing of it can be read. */
export function readDaemonAlone(configFile: string, problems: ProblemList): DaemonFile | undefined {
  const tree = toEnd(readTree(configFile, 'daemon file', problems));
  return tree && daemonFileOf(tree, problems);
}

function daemonFileOf(tree: Tree, problems: ProblemList): DaemonFile {
  const why = 'the daemon file is read before anything is known of a host';
  refuseTemplates(tree, problems, why, isMessageWords);
  return readDaemonFile(tree, problems);
}

export function secretReaderOf(options: LoadOptions): DefinitionsRead['secretReader'] {
  const { resolveSecrets = true, environment = process.env } = options;
  const known: SecretsRead = new Map();
  return (problems) => new SecretReader({ resolve: resolveSecrets, environment, problems, known });
}

function pluginsOf(
  directory: string,
  files: DefinitionFiles,
): Pick<DefinitionsRead, 'plugins' | 'factPlugins'> {
  return {
    plugins: new PluginFiles(`${directory}/plugins`, files.plugins),
    factPlugins: new PluginFiles(`${directory}/plugins/facts`, files.factPlugins),
  };
}

/** The tree of a file that holds a map, without its `x-` keys. */
function* readTree(path: string, kind: string, problems: ProblemList): Generator<void, Tree | undefined> {
  const text = readSourceText(path, path, problems);
  return text === undefined ? undefined : yield* treeOf(text, path, kind, problems);
}

function* treeOf(
  text: string,
  path: string,
  kind: string,
  problems: ProblemList,
): Generator<void, Tree | undefined> {
  const source = yield* parsingYaml(text, path, problems);
  const tree = source && buildTree(source, problems);
  if (tree === undefined) return undefined;
  if (!isMapTree(tree)) {
    const hint = 'write `key: value` lines; docs/configuration.md lists the keys';
    problems.add(tree.place, `a ${kind} is a map, and this is ${kindOf(tree.value)}`, hint);
    return undefined;
  }
  return withoutKeys(tree, (key) => key.startsWith('x-'));
}

/**
 * First 12 hex digits of a SHA-256 of everything that definitions are made of. Secrets are in it as they are written, never
 * by value.
 */
export function revisionOf({ contents, plugins, factPlugins }: DefinitionsRead, outside: unknown): string {
  const files = [...contents].sort(([a], [b]) => compareText(a, b));
  return createHash('sha256')
    .update(JSON.stringify([files, plugins.hashes(), ...factPlugins.hashes(), outside]))
    .digest('hex')
    .slice(0, 12);
}

/** Of hosts with all that is known of them. */
export function* hostsDigest(hosts: ReadonlyMap<string, HostDefinition>): Generator<void, string> {
  const hash = createHash('sha256');
  for (const [index, host] of [...hosts.values()].entries()) {
    hash.update(`${JSON.stringify(host)}\n`);
    if (index % digestSlice === digestSlice - 1) yield;
  }
  return hash.digest('hex');
}
