/** Owns which files make an Ansible inventory, so that notes can say where something stands. It reads none of their meaning. */
import { dirname, join } from 'node:path';
import { exists, filesBelow, isDirectory, nameFor, readText } from './text-file.ts';

export interface SourceFile {
  path: string;
  /** As notes call it. */
  name: string;
  text: string;
}

/** The inventory first, then `group_vars/` and `host_vars/`. */
export function ansibleFiles(path: string): SourceFile[] {
  if (!exists(path)) return [];
  const root = isDirectory(path) ? path : dirname(path);
  const own = isDirectory(path) ? filesBelow(path, () => true) : [path];
  const beside = ['group_vars', 'host_vars']
    .map((name) => join(root, name))
    .filter((directory) => isDirectory(directory))
    .flatMap((directory) => filesBelow(directory, () => true));
  return [...new Set([...own, ...beside])].map((file) => ({
    path: file,
    name: nameFor(file, root),
    text: readText(file),
  }));
}
