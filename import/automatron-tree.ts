/** Owns the files of an installation of Automatron: where config.yml, runbooks and plugins are, and which hosts have which. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { isRecord, readYaml, textsOf } from './automatron-source.ts';
import { leavesOf, variantsOf } from './jinja-variants.ts';
import { ImportError, type ImportNote } from './report.ts';

const bytesLimit = 256 * 1024;
const filesLimit = 2000;
const depthLimit = 10;

export interface FoundTree {
  /** What paths in notes are relative to. */
  root: string;
  config: string | undefined;
  /** A directory; or one file, when that is what was named. */
  runbooks: string;
}

/** Errors: ImportError when there is nothing at the path. */
export function findTree(path: string, runbookPathOf: (config: string) => string | undefined): FoundTree {
  const root = resolve(path);
  const kind = kindOf(root);
  if (kind === undefined)
    throw new ImportError(
      `there is nothing at ${path}`,
      'Name the directory of Automatron, its config.yml or a runbook.',
    );
  if (kind === 'file' && !/^config\.ya?ml/.test(basename(root)))
    return { root: dirname(root), config: undefined, runbooks: root };
  const config = (kind === 'file' ? [root] : configNames.map((name) => join(root, name))).find(
    (each) => kindOf(each) === 'file',
  );
  const top = kind === 'file' ? dirname(root) : root;
  const written = config === undefined ? undefined : runbookPathOf(config);
  const bases = [top, ...(config === undefined ? [] : [dirname(config), dirname(dirname(config))])];
  const candidates = [
    ...(written === undefined ? [] : bases.map((base) => resolve(base, written))),
    join(top, 'config/runbooks'),
    join(top, 'runbooks'),
  ];
  const runbooks = candidates.find((each) => kindOf(each) === 'directory') ?? top;
  return { root: top, config, runbooks };
}

const configNames = ['config/config.yml', 'config.yml', 'config/config.yml.example', 'config.yml.example'];

/** The directory of plugins, from `plugin_path` or as it is by default. */
export function findPlugins({ root, config }: FoundTree, written: string | undefined): string | undefined {
  const bases = [
    root,
    ...(config === undefined ? [] : [dirname(dirname(config))]),
    dirname(root),
    dirname(dirname(root)),
  ];
  return bases
    .map((base) => resolve(base, written ?? 'plugins'))
    .find((each) => kindOf(each) === 'directory');
}

export interface FoundRunbook {
  /** Relative to the root, with `/`. */
  file: string;
  /** Below the runbooks directory and without its ending, as `base/nginx`. */
  name: string;
  text: string;
  /** Globs of init.yml; empty when no host has it. */
  hosts: readonly string[];
}

/** All runbooks below the directory, those that init.yml names with its globs. */
export function readRunbooks({ root, runbooks }: FoundTree): {
  runbooks: FoundRunbook[];
  notes: ImportNote[];
} {
  const notes: ImportNote[] = [];
  if (kindOf(runbooks) === 'file') {
    const text = readText(runbooks);
    const name = basename(runbooks).replace(/\.ya?ml$/, '');
    return {
      runbooks: text === undefined ? [] : [{ file: basename(runbooks), name, text, hosts: [] }],
      notes,
    };
  }
  const nameOf = (path: string): string => relative(root, path).split(sep).join('/');
  const globs = hostsByFile(runbooks, nameOf, notes);
  const found: FoundRunbook[] = [];
  for (const path of yamlFiles(runbooks, 0)) {
    const text = readText(path);
    const hosts = globs.get(path) ?? [];
    if (text === undefined)
      notes.push({
        file: nameOf(path),
        line: 1,
        level: 'left_out',
        message: 'this file cannot be read, or is larger than 256 KiB',
      });
    else if (isRunbook(text) || hosts.length > 0) {
      const name = relative(runbooks, path)
        .split(sep)
        .join('/')
        .replace(/\.ya?ml$/, '')
        .replace(/(.)\/init$/, '$1');
      found.push({ file: nameOf(path), name, text, hosts });
    }
  }
  return { runbooks: found, notes };
}

function isRunbook(text: string): boolean {
  return /^checks\s*:/m.test(text);
}

/** init.yml, or top.yml of older versions: lists of runbooks by globs of hosts. */
function hostsByFile(
  runbooks: string,
  nameOf: (path: string) => string,
  notes: ImportNote[],
): Map<string, string[]> {
  const globs = new Map<string, string[]>();
  for (const name of ['init.yml', 'init.yaml', 'top.yml']) {
    const path = join(runbooks, name);
    const text = readText(path);
    if (text === undefined || isRunbook(text)) continue;
    // Automatron gives this file no facts, so templates in it can only be constants.
    const { tree, problems } = variantsOf(text, () => ({ problem: 'this file has no facts' }));
    const [variant] = leavesOf(tree);
    const yaml = variant === undefined ? undefined : readYaml(variant);
    for (const { line, message } of [...problems, ...(yaml?.problems ?? [])])
      notes.push({ file: nameOf(path), line, level: 'check', message });
    if (!isRecord(yaml?.value)) continue;
    for (const [glob, books] of Object.entries(yaml.value)) {
      const line = yaml.lineOf([glob]);
      for (const book of textsOf(books ?? [])) {
        const files = filesOf(runbooks, book, 0);
        if (files.length === 0)
          notes.push({
            file: nameOf(path),
            line,
            level: 'left_out',
            message: `there is no runbook \`${book.slice(0, 80)}\``,
          });
        for (const file of files) globs.set(file, [...new Set([...(globs.get(file) ?? []), glob])]);
      }
    }
  }
  return globs;
}

/** A file, the init.yml of a directory, or what the top.yml of a directory lists. */
function filesOf(runbooks: string, book: string, depth: number): string[] {
  const path = resolve(runbooks, book);
  if (path !== runbooks && !path.startsWith(runbooks + sep)) return [];
  const direct = [path, `${path}.yml`, `${path}.yaml`].find((each) => kindOf(each) === 'file');
  if (direct !== undefined) return [direct];
  const init = [join(path, 'init.yml'), join(path, 'init.yaml')].find((each) => kindOf(each) === 'file');
  if (init !== undefined) return [init];
  const top = readText(join(path, 'top.yml'));
  if (top === undefined || depth > depthLimit) return [];
  const { value } = readYaml({ text: top, lines: [] });
  const books = isRecord(value) ? textsOf(value['runbooks']) : [];
  return books.flatMap((each) => filesOf(runbooks, relative(runbooks, join(path, each)), depth + 1));
}

function yamlFiles(directory: string, depth: number): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && depth < depthLimit) files.push(...yamlFiles(path, depth + 1));
    else if (/\.ya?ml$/.test(entry.name) && kindOf(path) === 'file') files.push(path);
  }
  return files.slice(0, filesLimit);
}

function kindOf(path: string): 'file' | 'directory' | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true ? 'file' : found?.isDirectory() === true ? 'directory' : undefined;
}

export function readText(path: string): string | undefined {
  try {
    return statSync(path).size > bytesLimit ? undefined : readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
