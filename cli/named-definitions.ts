/** Which definitions a path means: a daemon file, a directory with one, or definitions without any. It reads none of them. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadOptions } from '../config/load.ts';
import { findDaemonFile } from './daemon-file.ts';
import { usageError } from './exit.ts';

/** `config`: the daemon file that a directory of definitions is judged with. Errors: 64, CONFIG_MISSING. */
export function namedDefinitions(path: string | undefined, config: string | undefined): LoadOptions {
  if (path === undefined) return { configFile: findDaemonFile(config) };
  if (!isDirectory(path)) {
    if (config !== undefined)
      throw usageError(`${path} is no directory.`, 'With --config, name a directory.');
    return { configFile: findDaemonFile(path) };
  }
  if (config !== undefined) return { configFile: findDaemonFile(config), directory: path };
  const configFile = join(path, 'mendd.yaml');
  if (existsSync(configFile)) return { configFile };
  return { configFile, directory: path, isWithoutDaemonFile: true };
}

/** False for whatever cannot be looked at. */
export function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
