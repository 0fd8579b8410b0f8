/** Owns reading nrpe.cfg: what the names that check_nrpe calls stand for on the host. Source: NRPE 4, sample nrpe.cfg. */
import { filesBelow, findMoved, isDirectory, readText } from './text-file.ts';

export interface Nrpe {
  commands: ReadonlyMap<string, string>;
  /** Words before every command, usually sudo. */
  prefix?: string;
}

/** Errors: ImportError when the file, or one it includes, cannot be read. */
export function readNrpe(path: string): Nrpe {
  const commands = new Map<string, string>();
  let prefix: string | undefined;
  const seen = new Set<string>();
  const read = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const line of readText(file).split(/\r?\n/)) {
      const [, name = '', value = ''] = /^\s*([a-z_]+(?:\[[^\]]+\])?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      const command = /^command\[(.+)\]$/.exec(name)?.[1];
      if (command !== undefined) commands.set(command.trim(), value.replaceAll(/[\0\uE000-\uE0FF]/g, '?'));
      else if (name === 'command_prefix' && value !== '')
        prefix = value.replaceAll(/[\0\uE000-\uE0FF]/g, '?');
      else if (name === 'include' || name === 'include_file' || name === 'include_dir') {
        const found = findMoved(value, file);
        if (found === undefined) continue;
        for (const each of isDirectory(found) ? filesBelow(found, isConfig) : [found]) read(each);
      }
    }
  };
  read(path);
  return { commands, ...(prefix === undefined ? {} : { prefix }) };
}

function isConfig(name: string): boolean {
  return name.endsWith('.cfg');
}
