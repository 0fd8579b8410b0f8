/**
 * Owns whether a file is whole before it is used. SQLite reads all of it for that, about a second a gigabyte, so of a large history the
 * single results and sums are left out, until a read of them finds damage: then the next start looks at everything.
 */
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { MenddError } from '../core/errors.ts';
import { type Connection, type FileKind, pragma } from './connection.ts';
import { attempt } from './failure.ts';

/** A history up to here is looked at as a whole; a few tenths of a second. */
const smallBytes = 256 * 1024 * 1024;
/** Tables that are nearly all of a history, and of which no start depends. */
const bulk = /^(?:results(?:_\d+)?|rollups)$/;

function suspectPathOf(file: string): string {
  return `${file}.suspect`;
}

/** `smallUpToBytes` is for tests. Errors: STORE_CORRUPT. */
export function assertWhole(db: Connection, file: string, kind: FileKind, smallUpToBytes = smallBytes): void {
  attempt(file, () => {
    const suspect = suspectPathOf(file);
    const inParts = kind.name === 'history' && statSync(file).size > smallUpToBytes && !existsSync(suspect);
    if (inParts) for (const table of tablesOf(db)) quickCheck(db, file, table);
    else quickCheck(db, file);
    rmSync(suspect, { force: true });
  });
}

/** All of it, or one table with its indexes. Errors: STORE_CORRUPT. */
export function quickCheck(db: Connection, file: string, table?: string): void {
  const found = attempt(file, () => pragma(db, `quick_check(${table ?? 1})`));
  if (found !== 'ok')
    throw new MenddError('STORE_CORRUPT', `${file} failed its integrity check: ${String(found)}.`);
}

/** What is wrong with all of it, indexes and references too, in SQLite's words, at most `limit`; empty when it is whole. */
export function wrongsOf(db: Connection, file: string, limit: number): string[] {
  return attempt(file, () => {
    const found = db.prepare<[], string>(`PRAGMA integrity_check(${limit})`).pluck().all();
    const astray = db
      .prepare<[number], { row: string }>(
        `SELECT "table" || coalesce(' ' || rowid, '') || ' refers to nothing in ' || parent AS row FROM pragma_foreign_key_check LIMIT ?`,
      )
      .all(limit);
    return [...found.filter((each) => each !== 'ok'), ...astray.map(({ row }) => row)].slice(0, limit);
  });
}

/** To be called with each failure of a history in use: damage makes the next start look at all of it. */
export function noteDamage(file: string, failure: unknown): void {
  if (!(failure instanceof MenddError) || failure.code !== 'STORE_CORRUPT') return;
  try {
    writeFileSync(suspectPathOf(file), '', { mode: 0o600 });
  } catch (error) {
    // A disk that takes no mark has told worse already; `failure` is on its way to whoever asked.
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}

function tablesOf(db: Connection): string[] {
  const names = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  return names.filter((name) => !bulk.test(name)).map((name) => `"${name.replaceAll('"', '""')}"`);
}
