/**
 * Owns the promise that one daemon uses a store: an exclusive SQLite lock on a file of its own, held for the daemon's life.
 * The kernel drops it with the process, so that nothing stale is left after kill -9. The file's content means nothing.
 */
import Database from 'better-sqlite3';
import { MenddError } from '../core/errors.ts';
import { connect } from './connection.ts';
import { attempt } from './failure.ts';

/** A daemon that is just ending gets this long. Milliseconds. */
const waitMs = 500;

export interface Lock {
  release(): void;
}

/** Errors: STORE_LOCKED, STORE_UNUSABLE. `path` is the history file's. */
export function acquireLock(path: string): Lock {
  const file = `${path}.lock`;
  const db = connect(file, { create: true, timeoutMs: waitMs });
  try {
    attempt(file, () => lockOrRefuse(db, path));
  } catch (error) {
    db.close();
    throw error;
  }
  return { release: () => void db.close() };
}

function lockOrRefuse(db: Database.Database, path: string): void {
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    if (!(error instanceof Database.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
    throw new MenddError('STORE_LOCKED', `Another mendd daemon uses ${path}.`, { cause: error });
  }
}
