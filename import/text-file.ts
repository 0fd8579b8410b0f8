/** Owns reading the files of other tools: as text of any age, within limits, by every path they may have moved to. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ImportError } from './report.ts';

/** Bytes of one file. */
const bytesLimit = 8 * 1_048_576;
/** Files of one directory and those in it. */
const filesLimit = 10_000;
const depthLimit = 16;

/** UTF-8, or Latin-1 as it was usual before. Errors: ImportError when it cannot be read. */
export function readText(path: string): string {
  const fail = (why: string): ImportError =>
    new ImportError(`${path} cannot be read: ${why}`, 'Name a file or a directory that is readable.');
  try {
    const { size } = statSync(path);
    if (size > bytesLimit) throw fail('it is larger than 8 MiB');
    const bytes = readFileSync(path);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      if (error instanceof TypeError) return bytes.toString('latin1');
      throw error;
    }
  } catch (error) {
    throw error instanceof ImportError ? error : fail((error as Error).message);
  }
}

export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

export function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Files below a directory whose names are wanted, in order of their paths; hidden ones are not looked at. */
export function filesBelow(directory: string, wanted: (name: string) => boolean): string[] {
  const files: string[] = [];
  const seen = new Set<string>();
  const walk = (at: string, depth: number): void => {
    const real = realpathSync(at);
    if (seen.has(real) || depth > depthLimit) return;
    seen.add(real);
    for (const name of readdirSync(at).sort()) {
      const path = join(at, name);
      if (name.startsWith('.')) continue;
      if (isDirectory(path)) walk(path, depth + 1);
      else if (wanted(name) && exists(path)) files.push(path);
      if (files.length > filesLimit)
        throw new ImportError(`${directory} holds more than 10,000 files`, 'Is it the right one?');
    }
  };
  walk(directory, 1);
  return files;
}

/**
 * Where a path that a file names is now: there, or, when the configuration was copied from another machine, below one of
 * the directories above that file. Undefined when nowhere.
 */
export function findMoved(named: string, besideFile: string): string | undefined {
  const home = dirname(resolve(besideFile));
  const asWritten = resolve(home, named);
  if (exists(asWritten)) return asWritten;
  if (!isAbsolute(named)) return undefined;
  const parts = named.split(/[/\\]+/).filter((part) => part !== '');
  for (let from = 0; from < parts.length; from += 1) {
    for (let at = home; ; at = dirname(at)) {
      const path = join(at, ...parts.slice(from));
      // One name alone says too little: only beside the file itself.
      const tells = from < parts.length - 1 || at === home;
      if (tells && at !== sep && exists(path)) return path;
      if (dirname(at) === at) break;
    }
  }
  return undefined;
}

/** How notes name a file: relative to what is imported, or as it is when it lies elsewhere. */
export function nameFor(path: string, root: string): string {
  const name = relative(root, path);
  if (name === '') return basename(path);
  return name.startsWith('..') || isAbsolute(name) ? path : name.split(sep).join('/');
}
