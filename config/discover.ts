/**
 * Owns which files of a definitions directory are read. What stands there and is not read is a problem or a warning,
 * never silence.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { SourcePlace } from '../core/definitions.ts';
import { compareText, nearest, type ProblemList } from './problems.ts';
import { readFailure } from './source-text.ts';

/** YAML files of one tree, and directories inside each other. */
const filesLimit = 10_000;
const directoryDepthLimit = 16;

const kinds = ['hosts', 'runbooks', 'silences', 'checks', 'actions', 'facts'] as const;
/** `inventories` holds what hosts files name. */
const read: readonly string[] = [...kinds, 'plugins', 'inventories'];
const later = ['guards'];

export interface DefinitionFiles extends Readonly<Record<(typeof kinds)[number], readonly string[]>> {
  /** Names in plugins/ and plugins/facts/. */
  plugins: readonly string[];
  factPlugins: readonly string[];
}

/** Paths in order of their names; undefined when the directory itself cannot be read. `named` is where its path stands in the daemon file. */
export function discover(
  directory: string,
  daemonFile: string,
  named: SourcePlace,
  problems: ProblemList,
): DefinitionFiles | undefined {
  const top = list(directory);
  if (typeof top === 'string') {
    problems.add(
      named,
      `the definitions directory ${directory} ${top}`,
      'mend `definitions.path`, or create the directory',
    );
    return undefined;
  }
  for (const name of top) {
    const place = { file: join(directory, name), line: 1, column: 1 };
    if (later.includes(name) && list(join(directory, name)).length > 0) {
      problems.add(place, `\`${name}/\` is not supported yet`, 'remove it; this version would not obey it');
    } else if (!read.includes(name) && isYaml(name) && resolve(place.file) !== resolve(daemonFile)) {
      problems.warn(
        place,
        'this file is not read',
        'move it into hosts/, runbooks/, checks/, actions/, facts/ or silences/',
      );
    } else if (!read.includes(name) && nearest(name, read) !== undefined && isDirectory(place.file)) {
      problems.warn(place, 'this directory is not read', `did you mean \`${nearest(name, read)}\`?`);
    }
  }
  const files = (kind: (typeof kinds)[number]): string[] =>
    top.includes(kind) ? yamlFiles(join(directory, kind), kind === 'runbooks', problems) : [];
  const [hosts, runbooks] = [files('hosts'), files('runbooks')];
  if (hosts.length === 0) {
    problems.add(
      named,
      `there are no hosts files in ${join(directory, 'hosts')}`,
      'write one, for example hosts/all.yaml; an empty fleet is refused',
    );
  }
  if (runbooks.length === 0) {
    problems.warn(
      named,
      `there are no runbooks in ${join(directory, 'runbooks')}`,
      'write one; nothing is checked without',
    );
  }
  const plugins = top.includes('plugins') ? programs(join(directory, 'plugins'), problems) : [];
  const factPlugins = plugins.includes('facts')
    ? programs(join(directory, 'plugins', 'facts'), problems)
    : [];
  return {
    hosts,
    runbooks,
    silences: files('silences'),
    checks: files('checks'),
    actions: files('actions'),
    facts: files('facts'),
    plugins: plugins.filter((name) => name !== 'facts'),
    factPlugins,
  };
}

function programs(directory: string, problems: ProblemList): readonly string[] {
  const names = list(directory);
  if (typeof names !== 'string') return names;
  problems.add({ file: directory, line: 1, column: 1 }, `this directory ${names}`, 'mend it');
  return [];
}

function yamlFiles(root: string, deep: boolean, problems: ProblemList): string[] {
  const files: string[] = [];
  const waiting = [{ directory: root, depth: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { directory, depth } = next;
    const place = { file: directory, line: 1, column: 1 };
    const names = list(directory);
    if (typeof names === 'string') {
      problems.add(place, `this directory ${names}`, 'mend it');
      continue;
    }
    for (const name of names) {
      const path = join(directory, name);
      if (isYaml(name)) {
        files.push(path);
      } else if (isDirectory(path)) {
        if (deep && depth < directoryDepthLimit) waiting.push({ directory: path, depth: depth + 1 });
        else
          problems.add(
            { ...place, file: path },
            'this directory is not read',
            deep ? 'it lies too deep' : `${basename(root)}/ has no directories in it; move the files up`,
          );
      }
    }
    if (files.length > filesLimit) {
      problems.add(
        place,
        `there are more than ${filesLimit.toLocaleString('en-US')} files`,
        'is this the right directory?',
      );
      return [];
    }
  }
  return files.sort(compareText);
}

/** Names without hidden ones (`.git`, editors' swap files, Kubernetes' `..data`), or why there are none. */
function list(directory: string): string[] | string {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .sort(compareText);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return 'is not a directory';
    return readFailure(error)[0];
  }
}

function isYaml(name: string): boolean {
  return /\.ya?ml$/i.test(name);
}

/** A link that leads nowhere is no directory. */
function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
