/** What lies in a directory, to tell whether anything in it was changed, made or removed. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A line for each file, by name. */
export function fileDigests(directory: string): string[] {
  return readdirSync(directory)
    .toSorted()
    .map((name) => {
      const content = readFileSync(join(directory, name));
      return `${name} ${createHash('sha256').update(content).digest('hex')}`;
    });
}
