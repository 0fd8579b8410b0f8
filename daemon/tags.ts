/** The tags by which an answer of a person is bound to what they read. Not for secrets. */
import { createHash } from 'node:crypto';

export function tagOf(...read: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(read)).digest('hex').slice(0, 24);
}
