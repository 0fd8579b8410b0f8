/**
 * Owns reading inventories from files and directories, as Ansible finds them: `group_vars/` and `host_vars/` beside,
 * several files of one directory in order. It runs nothing; a program found among them is left out and noted.
 */
import { readdirSync, statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import type { InventorySource } from '../../core/sources.ts';
import { readFailure, readRegularFile } from '../source-text.ts';
import { noVarsBeside, type Vars, type VarsBeside } from './ansible-model.ts';
import { isPlainMap, readPlainData } from './plain-data.ts';
import { readAnsibleFiles, readInventory } from './read-text.ts';
import { type InventoryReading, type Note, Notes, shown, Unreadable } from './reading.ts';

/** Bytes of all files of one inventory. */
export const inventoryBytesLimit = 16_777_216;
const filesLimit = 20_000;
const depthLimit = 8;

/** Source: ansible-core, INVENTORY_IGNORE_EXTS and inventory/manager.py. */
const ignored =
  /^\.|^(host_vars|group_vars|vars_plugins)$|(\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$/;
const varsEndings = ['', '.yml', '.yaml', '.json'];

/** Never throws for what stands there. */
export function readInventoryPath({
  path,
  format,
}: {
  path: string;
  format: InventorySource['format'];
}): InventoryReading {
  const files = new Files();
  try {
    const isDirectory = statSync(path).isDirectory();
    if (!isDirectory) {
      const text = files.text(path);
      if (text.startsWith('#!'))
        throw new Unreadable('is a program', 'name it with `exec` in place of `file`');
      const beside = format === 'auto' || format === 'ansible' ? files.beside(dirname(path)) : noVarsBeside;
      return files.withNotes(readInventory({ text, path, format, beside }));
    }
    if (format !== 'auto' && format !== 'ansible')
      throw new Unreadable('is a directory, which only Ansible inventories are', 'name a file');
    return files.withNotes(readAnsibleFiles(files.inventory(path), files.beside(path)));
  } catch (error) {
    if (error instanceof Unreadable)
      return files.withNotes({ ok: false, refusal: error.refusal, warnings: [] });
    const [message, hint] = readFailure(error);
    return { ok: false, refusal: { message, hint }, warnings: [] };
  }
}

/** What stands in `group_vars/` and `host_vars/` of a directory, for what does not come from a file. */
export function readVarsBeside(directory: string): { beside: VarsBeside; warnings: Note[] } {
  const files = new Files();
  try {
    return { beside: files.beside(directory), warnings: files.notes.list() };
  } catch (error) {
    const message = error instanceof Unreadable ? error.message : readFailure(error)[0];
    return { beside: noVarsBeside, warnings: [{ message: `${directory}: ${message}` }] };
  }
}

/** Counts what is read, so that no directory is too large. */
class Files {
  readonly notes = new Notes();
  #bytes = 0;
  #count = 0;

  text(path: string): string {
    this.#count += 1;
    if (this.#count > filesLimit)
      throw new Unreadable(
        `is more than ${filesLimit.toLocaleString('en-US')} files`,
        'is this the right directory?',
      );
    const read = readRegularFile(path, inventoryBytesLimit - this.#bytes);
    if ('message' in read) throw new Unreadable(`${path} ${read.message}`, read.hint);
    this.#bytes += read.bytes.length;
    return read.bytes.toString('utf8');
  }

  withNotes(reading: InventoryReading): InventoryReading {
    return { ...reading, warnings: [...this.notes.list(), ...reading.warnings] };
  }

  inventory(directory: string, depth = 0): { path: string; text: string }[] {
    if (depth > depthLimit) throw new Unreadable(`${directory} lies too deep`, 'move it up');
    const names = readdirSync(directory).filter((name) => !ignored.test(name));
    return names.sort().flatMap((name) => {
      const path = join(directory, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) return this.inventory(path, depth + 1);
      if (stat?.isFile() !== true) return [];
      const text = this.text(path);
      if (!text.startsWith('#!')) return [{ path, text }];
      this.notes.add(`${path} is a program and is not run; name it with \`exec\``);
      return [];
    });
  }

  beside(directory: string): VarsBeside {
    return {
      groups: this.#varsIn(join(directory, 'group_vars')),
      hosts: this.#varsIn(join(directory, 'host_vars')),
    };
  }

  /** By name: of a directory before a file, and of one file alone. */
  #varsIn(directory: string): Map<string, Vars> {
    const found = new Map<string, Vars>();
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return found;
    const names = readdirSync(directory).sort();
    const known = new Set(names);
    for (const written of names.filter(isVisible)) {
      const ending = varsEndings.find((each) => each !== '' && written.endsWith(each)) ?? '';
      const name = written.slice(0, written.length - ending.length);
      const first = varsEndings.find((each) => known.has(`${name}${each}`));
      if (first !== ending) continue;
      const path = join(directory, written);
      const paths = statSync(path).isDirectory() ? this.#varsFiles(path, 0) : [path];
      found.set(name, Object.assign({}, ...paths.map((each) => this.#vars(each))) as Vars);
    }
    return found;
  }

  #varsFiles(directory: string, depth: number): string[] {
    if (depth > depthLimit) throw new Unreadable(`${directory} lies too deep`, 'move it up');
    const names = readdirSync(directory).filter(isVisible).sort();
    return names.flatMap((name) => {
      const path = join(directory, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      const ending = extname(name);
      if (stat?.isDirectory() === true) return ending === '' ? this.#varsFiles(path, depth + 1) : [];
      return stat?.isFile() === true && varsEndings.includes(ending) ? [path] : [];
    });
  }

  #vars(path: string): Vars {
    const text = this.text(path);
    if (text.startsWith('$ANSIBLE_VAULT;')) {
      this.notes.add(`${path} is vaulted, and left out`);
      return {};
    }
    let data: unknown;
    try {
      data = readPlainData(text, this.notes);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const { message, hint, line } = error.refusal;
      throw new Unreadable(`${path}${line === undefined ? '' : `:${line}`} ${message}`, hint);
    }
    if (data === null) return {};
    if (isPlainMap(data)) return { ...data };
    throw new Unreadable(`${shown(path)} is no map of variables`, 'write `key: value` lines');
  }
}

function isVisible(name: string): boolean {
  return !name.startsWith('.') && !name.endsWith('~');
}
