/**
 * Owns the rules of the audit chain: how an entry's hash is taken, what is wrong with an entry after another, and the two rows
 * that say where the chain begins and ends. Appends and walks nothing.
 */
import { createHash } from 'node:crypto';
import type { Connection } from './connection.ts';
import { canonicalJson, type Sealed, sealed, unsealed } from './seal.ts';

export interface Row {
  seq: number;
  at_ms: number;
  kind: string;
  actor: string;
  event: string;
  body: string;
  previous: string;
  hash: string;
}

/** An entry, as far as the next one depends on it. */
export type Link = Pick<Row, 'seq' | 'hash'>;

interface End extends Link {
  name: 'anchor' | 'head';
}

/** What the first row follows. */
export const genesis: Link = { seq: 0, hash: '0'.repeat(64) };

export interface ChainEnds {
  /** Errors: STORE_CORRUPT. */
  read: (name: End['name']) => End | undefined;
  peek: (name: End['name']) => End | undefined | 'damaged';
  write: (end: End) => void;
}

export function chainEnds(db: Connection, file: string): ChainEnds {
  const select = db.prepare<[string], Sealed<End>>(
    'SELECT name, seq, hash, checksum FROM audit_ends WHERE name = ?',
  );
  const replace = db.prepare<[Sealed<End>]>(
    'INSERT OR REPLACE INTO audit_ends (name, seq, hash, checksum) VALUES (:name, :seq, :hash, :checksum)',
  );
  const read = (name: End['name']): End | undefined => {
    const row = select.get(name);
    return row && unsealed(row, file, `the ${name} of the audit chain`);
  };
  return {
    read,
    peek(name) {
      const row = select.get(name);
      return row !== undefined && sealed({ name, seq: row.seq, hash: row.hash }).checksum !== row.checksum
        ? 'damaged'
        : row;
    },
    write: (end) => void replace.run(sealed(end)),
  };
}

/** What is wrong with an entry that stands after `before`; undefined: nothing. */
export function problemOf(row: Row, before: Link): string | undefined {
  const expected = before.seq + 1;
  if (row.seq < expected) return `entry ${row.seq} was put in before the beginning of the chain`;
  if (row.seq > expected) return `entry ${expected} is missing`;
  if (!isWhole(row)) return `entry ${row.seq} was altered`;
  if (row.previous !== before.hash) return `entry ${row.seq} does not follow the entry before it`;
  return undefined;
}

export function isWhole(row: Row): boolean {
  try {
    return hashOf(row.previous, row) === row.hash;
  } catch (error) {
    // Its body is no JSON any more.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

export function hashOf(previous: string, row: Omit<Row, 'previous' | 'hash'>): string {
  const { seq, at_ms: atMs, kind, actor, event } = row;
  const content = { seq, atMs, kind, actor, event, body: JSON.parse(row.body) as unknown };
  return createHash('sha256').update(previous).update(canonicalJson(content)).digest('hex');
}
