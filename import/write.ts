/**
 * Owns putting imported definitions on disk: into a directory that is new or empty, and never over anything. What the
 * files say is made elsewhere.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ImportError, type Imported, reportText } from './report.ts';

export interface WriteRequest {
  /** New or empty. */
  directory: string;
  /** What was imported, for the head of the report. */
  from: string;
  /** Text of mendd.yaml; its definitions are in ./definitions. */
  daemonFile: string;
}

/** Paths of what was written, in order. Errors: ImportError when something is there already, or cannot be written. */
export function writeImported(imported: Imported, { directory, from, daemonFile }: WriteRequest): string[] {
  refuseTaken(directory);
  const files = new Map([
    ['mendd.yaml', daemonFile],
    ['IMPORT.md', reportText(from, imported)],
    ...[...imported.files].map(([path, text]): [string, string] => [`definitions/${path}`, text]),
  ]);
  const written: string[] = [];
  for (const [name, text] of files) {
    const path = join(directory, name);
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      const mode = name.startsWith('definitions/plugins/') ? 0o755 : 0o644;
      writeFileSync(path, text, { flag: 'wx', mode });
    } catch (error) {
      throw new ImportError(
        `${path} cannot be written: ${(error as Error).message}`,
        'Name another directory with --out.',
      );
    }
    written.push(path);
  }
  return written;
}

/** What a directory holds that must not be written into, at most so many names. */
const shownNames = 10;

function refuseTaken(directory: string): void {
  let names: string[];
  try {
    names = readdirSync(directory).sort();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new ImportError(`${directory} cannot be written into: ${message}`, 'Name another with --out.');
  }
  if (names.length === 0) return;
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : '';
  throw new ImportError(
    `${directory} is not empty; it holds ${names.slice(0, shownNames).join(', ')}${more}`,
    'Nothing is written over. Name a new directory with --out.',
  );
}
