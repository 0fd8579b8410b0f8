/** Writes files that are not there yet, and never over one that is. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { exitCodes } from '../core/errors.ts';
import { CommandError } from './exit.ts';

/** False when something of that name is there. Errors: 77. */
export function writeNew(
  path: string,
  { text, executable }: { text: string; executable?: boolean },
): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: 'wx', mode: executable === true ? 0o755 : 0o644 });
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === undefined) throw error;
    throw new CommandError(exitCodes.permission, `${path} cannot be written: ${message}.`, {
      hint: 'Choose a directory that belongs to you.',
    });
  }
}
