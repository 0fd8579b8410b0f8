/**
 * Owns how paths in definitions are read: relative to the file that names them, `~/` as the home directory.
 */
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** As short as the file's own path, so that messages show paths as the user wrote them. */
export function nearestFile(file: string, written: string): string {
  if (written === '~' || written.startsWith('~/')) return join(homedir(), written.slice(1));
  return isAbsolute(written) ? written : join(dirname(file), written);
}
