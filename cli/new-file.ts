/** Writes files that are not there yet, and never over one that is. */
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { exitCodes } from '../core/errors.ts';
import { makeDirectory } from '../store/directory.ts';
import { CommandError } from './exit.ts';

/** False when something of that name is there. Errors: 77. */
export function writeNew(
  path: string,
  { text, executable }: { text: string; executable?: boolean },
): boolean {
  try {
    makeDirectory(dirname(path), 0o755);
  } catch (error) {
    throw notWritable(path, error);
  }
  try {
    writeFileSync(path, text, { flag: 'wx', mode: executable === true ? 0o755 : 0o644 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw notWritable(path, error);
  }
}

function notWritable(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const [reason, hint] =
    code === 'ENOTDIR'
      ? [`${dirname(path)} is a file, not a directory`, 'Name a directory.']
      : [message, 'Choose a directory that belongs to you.'];
  return new CommandError(exitCodes.permission, `${path} cannot be written: ${reason}.`, { hint });
}
