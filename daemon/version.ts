/**
 * The version of this build, read from package.json wherever the build stands.
 */
import { existsSync, readFileSync } from 'node:fs';

function readVersion(): string {
  const file = [
    new URL('../package.json', import.meta.url),
    new URL('../../package.json', import.meta.url),
  ].find((url) => existsSync(url));
  if (file === undefined) throw new Error('package.json is missing from this installation');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export const version: string = readVersion();
