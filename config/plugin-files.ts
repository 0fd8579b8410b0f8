/**
 * Owns the executables in plugins/: which there are, and the content hash they are uploaded by. It runs none.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { PluginFile, SourcePlace } from '../core/definitions.ts';
import { nearest, type ProblemList } from './problems.ts';
import { readRegularFile } from './source-text.ts';

/** Bytes of one plugin. */
const pluginBytesLimit = 16 * 1_048_576;

export class PluginFiles {
  readonly #directory: string;
  readonly names: readonly string[];
  readonly #read = new Map<string, PluginFile | [message: string, hint: string]>();

  constructor(directory: string, names: readonly string[]) {
    this.#directory = directory;
    this.names = names;
  }

  /** The file of that name; undefined when it is to be found on the host, or is wrong and among the problems. */
  find(name: string, place: SourcePlace, problems: ProblemList): PluginFile | undefined {
    if (!this.names.includes(name)) {
      const near = name.includes('/') ? undefined : nearest(name, this.names);
      if (near !== undefined) {
        problems.warn(
          place,
          `\`${name}\` is not in plugins/ and will be looked for on the host`,
          `did you mean \`${near}\`?`,
        );
      }
      return undefined;
    }
    const known = this.#read.get(name) ?? this.#hash(name);
    this.#read.set(name, known);
    if (!Array.isArray(known)) return known;
    problems.add(place, `the plugin \`${name}\` ${known[0]}`, known[1]);
    return undefined;
  }

  /** Of all that were found so far, in order of their names. */
  hashes(): [name: string, sha256: string][] {
    const files = [...this.#read].flatMap(([name, file]): [string, string][] =>
      Array.isArray(file) ? [] : [[name, file.sha256]],
    );
    return files.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #hash(name: string): PluginFile | [string, string] {
    const path = resolve(this.#directory, name);
    const read = readRegularFile(path, pluginBytesLimit);
    if ('message' in read) return [read.message, read.hint];
    const inside = relative(realpathSync(this.#directory), realpathSync(path));
    if (inside.startsWith('..'))
      return ['is a link that leads out of plugins/', 'copy the file into plugins/'];
    if ((read.mode & 0o111) === 0)
      return ['is not executable', `run: chmod +x ${join(this.#directory, name)}`];
    if (read.bytes.length === 0) return ['is empty', 'write it, or delete it'];
    return { path, sha256: createHash('sha256').update(read.bytes).digest('hex'), bytes: read.bytes.length };
  }
}
