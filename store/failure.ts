/** Owns turning what SQLite and the file system throw into the errors people meet. Bugs pass through unchanged. */
import Database from 'better-sqlite3';
import { MenddError } from '../core/errors.ts';

/** Primary result codes that mean the environment is at fault. Source: https://www.sqlite.org/rescode.html */
const unusable: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'the disk is full',
  SQLITE_READONLY: 'it is read-only',
  SQLITE_IOERR: 'reading or writing it failed',
  SQLITE_CANTOPEN: 'it cannot be opened',
  SQLITE_BUSY: 'another process held it for too long',
  SQLITE_LOCKED: 'it is locked',
  SQLITE_PROTOCOL: 'its locks do not work on this file system',
  SQLITE_PERM: 'permission was denied',
  SQLITE_NOLFS: 'the file system takes no larger file',
  SQLITE_NOMEM: 'there is no memory left',
};

const corrupt: Readonly<Record<string, string>> = {
  SQLITE_CORRUPT: 'its content is damaged',
  SQLITE_NOTADB: 'it is not an SQLite database',
};

/** The error to throw instead of `error`; the same one when it is none of the environment's. */
export function translated(file: string, error: unknown): unknown {
  if (error instanceof Database.SqliteError) {
    const primary = error.code.split('_').slice(0, 2).join('_');
    const code = corrupt[primary] === undefined ? 'STORE_UNUSABLE' : 'STORE_CORRUPT';
    const meaning = corrupt[primary] ?? unusable[primary];
    if (meaning === undefined) return error;
    return new MenddError(code, `${file}: ${meaning} (${error.code}: ${error.message}).`, { cause: error });
  }
  if (error instanceof Error && 'syscall' in error) {
    return new MenddError('STORE_UNUSABLE', `${file}: ${error.message}.`, { cause: error });
  }
  return error;
}

/** Runs `action`; Errors: STORE_UNUSABLE, STORE_CORRUPT. */
export function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw translated(file, error);
  }
}

/** The same port, each method of which throws translated errors, after `onFailure` was told. */
export function guarded<T extends object>(
  file: string,
  port: T,
  onFailure: (error: unknown) => void = () => undefined,
): T {
  const failed = (error: unknown): never => {
    const failure = translated(file, error);
    onFailure(failure);
    throw failure;
  };
  const guardOne = ([name, member]: [string, unknown]): [string, unknown] => {
    if (typeof member !== 'function') return [name, member];
    const call = (...args: unknown[]): unknown => {
      try {
        const result: unknown = Reflect.apply(member, port, args);
        return result instanceof Promise ? result.catch(failed) : result;
      } catch (error) {
        return failed(error);
      }
    };
    return [name, call];
  };
  return Object.fromEntries(Object.entries(port).map(guardOne)) as T;
}
