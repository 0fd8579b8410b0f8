/** Owns opening one SQLite file safely: whose it is, whether it is whole, how durable it writes. Knows no tables. */
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { MenddError } from '../core/errors.ts';
import { assertDriver } from './driver.ts';
import { attempt } from './failure.ts';

export type Connection = Database.Database;

/** How long a statement waits for another process before it fails. Milliseconds; it blocks the event loop. */
const busyTimeoutMs = 2_000;
/** The write-ahead log is cut back to this after a checkpoint. Bytes. */
const walBytes = 64 * 1024 * 1024;

/** Which of the two files. The application ids are ASCII: `mend` and `menl`. */
export interface FileKind {
  name: 'history' | 'ledger';
  applicationId: number;
  /** SQLite's numbers: NORMAL is 1, FULL is 2. */
  synchronous: 1 | 2;
}

export const historyKind: FileKind = { name: 'history', applicationId: 0x6d_65_6e_64, synchronous: 1 };
export const ledgerKind: FileKind = { name: 'ledger', applicationId: 0x6d_65_6e_6c, synchronous: 2 };

export function pragma(db: Connection, name: string): unknown {
  return db.pragma(name, { simple: true });
}

/** Opens a connection without looking inside. Errors: STORE_UNUSABLE, NATIVE_MODULE. */
export function connect(file: string, options: { create: boolean; timeoutMs?: number }): Connection {
  assertDriver();
  requireDirectory(dirname(resolve(file)));
  return attempt(file, () => {
    // The WAL inherits this mode: output of commands and hashes of tokens are not for every user of the box.
    if (options.create && !existsSync(file)) closeSync(openSync(file, 'a', 0o600));
    if (!existsSync(file)) throw new MenddError('STORE_UNUSABLE', `${file} does not exist.`);
    if (!statSync(file).isFile()) throw new MenddError('STORE_UNUSABLE', `${file} is not a regular file.`);
    return new Database(file, { timeout: options.timeoutMs ?? busyTimeoutMs });
  });
}

function requireDirectory(directory: string): void {
  const found = attempt(directory, () => statSync(directory, { throwIfNoEntry: false }));
  if (found === undefined)
    throw new MenddError('STORE_UNUSABLE', `The directory ${directory} does not exist.`);
  if (!found.isDirectory()) throw new MenddError('STORE_UNUSABLE', `${directory} is not a directory.`);
}

/** Refuses another program's database. Returns its schema version, 0 when it is empty. Errors: STORE_UNUSABLE; SQLite's own. */
export function identify(db: Connection, file: string, kind: FileKind): number {
  const applicationId = pragma(db, 'application_id');
  const version = Number(pragma(db, 'user_version'));
  if (applicationId === kind.applicationId) return version;
  const objects = db.prepare<[], { count: number }>('SELECT count(*) AS count FROM sqlite_master').get();
  if (applicationId === 0 && version === 0 && objects?.count === 0) return 0;
  throw notOurs(`${file} is not mendd's ${kind.name} but another SQLite database.`, kind);
}

/** The refusal of a file that somebody else may need. */
export function notOurs(message: string, kind: FileKind, cause?: unknown): MenddError {
  const hint = `Give store.path another name, or restore the backup if this was mendd's ${kind.name}.`;
  return new MenddError('STORE_UNUSABLE', message, { cause, hint });
}

/** Sets how the file is written and reads it back: better-sqlite3's own default loses commits at a power cut. */
export function makeDurable(db: Connection, file: string, kind: FileKind): void {
  const journal = pragma(db, 'journal_mode = WAL');
  if (journal !== 'wal') {
    throw new MenddError(
      'STORE_UNUSABLE',
      `${file}: the file system refuses a write-ahead log (got ${String(journal)}).`,
    );
  }
  db.pragma(`journal_size_limit = ${walBytes}`);
  db.pragma(`synchronous = ${kind.synchronous}`);
  assertDurable(db, file, kind);
}

/** Errors: STORE_UNUSABLE when the connection would acknowledge what is not on disk. */
export function assertDurable(db: Connection, file: string, kind: FileKind): void {
  const level = pragma(db, 'synchronous');
  if (level === kind.synchronous) return;
  throw new MenddError(
    'STORE_UNUSABLE',
    `${file}: synchronous is ${String(level)}, not ${kind.synchronous}.`,
  );
}
