/** Owns how the two files of a store are opened: by the daemon that runs, and beside it for tokens and backups. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, format, join, parse } from 'node:path';
import { MenddError } from '../core/errors.ts';
import type { Coordinator, Store } from '../core/ports.ts';
import {
  type Connection,
  connect,
  type FileKind,
  historyKind,
  identify,
  ledgerKind,
  makeDurable,
  quickCheck,
} from './connection.ts';
import { copySnapshot } from './copy.ts';
import { makeDirectory } from './directory.ts';
import { attempt, guarded } from './failure.ts';
import { createHistory } from './history.ts';
import { createLedger } from './ledger.ts';
import { acquireLock, type Lock } from './lock.ts';
import { migrate, pendingMigrations } from './migrate.ts';
import { tokenTable } from './tokens.ts';

export interface Stores {
  store: Store;
  coordinator: Coordinator;
}

export interface StoreOptions {
  /** The history file, e.g. /var/lib/mendd/mendd.db; the ledger lies beside it. Its directory must exist. */
  path: string;
  /** Name of this daemon among the members; the host name when absent. */
  member?: string;
  /** Wall time, ms since the epoch. */
  nowMs: number;
}

/**
 * Opens both files for a daemon, which from then on is the only one. Closing both ends that.
 * Errors: STORE_LOCKED, STORE_UNUSABLE, STORE_CORRUPT, STORE_NEWER, NATIVE_MODULE.
 */
export function openStores(options: StoreOptions): Stores {
  const path = realPath(options.path);
  const ledgerPath = ledgerPathOf(path);
  const lock = acquireLock(path);
  const opened: Connection[] = [];
  try {
    requireLedgerOf(path, ledgerPath);
    const ledger = openFile(ledgerPath, ledgerKind);
    opened.push(ledger);
    const history = openFile(path, historyKind);
    opened.push(history);
    const store = createHistory(history, path);
    const member = options.member ?? hostname();
    const coordinator = attempt(ledgerPath, () =>
      createLedger(ledger, ledgerPath, { member, nowMs: options.nowMs }),
    );
    return releasedWhenClosed(lock, store, coordinator);
  } catch (error) {
    for (const connection of opened) connection.close();
    lock.release();
    throw error;
  }
}

/** For `mendd token` beside a running daemon: takes no lock and no fence. Errors: as `openStores`. */
export function openLedgerForTokens(
  path: string,
): Pick<Coordinator, 'createToken' | 'tokens' | 'revokeToken' | 'close'> {
  const history = realPath(path);
  const file = ledgerPathOf(history);
  requireLedgerOf(history, file);
  const db = connect(file, { create: true });
  try {
    attempt(file, () => {
      if (pendingMigrations(db, file, ledgerKind).length > 0) migrateAlone(history, db, file);
      else makeDurable(db, file, ledgerKind);
    });
    const { createToken, tokens, revokeToken } = tokenTable(db, file);
    return guarded(file, { createToken, tokens, revokeToken, close: () => void db.close() });
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Copies both files into a directory, also while a daemon runs. Each copy is checked and opens on its own.
 * Errors: STORE_UNUSABLE (also when a copy of that name exists), STORE_CORRUPT.
 */
export function backupStores(path: string, toDirectory: string): { history: string; ledger: string } {
  const history = realPath(path);
  const ledger = ledgerPathOf(history);
  attempt(toDirectory, () => makeDirectory(toDirectory, 0o700));
  // The ledger last: of the two it is the one that must not be old.
  return {
    history: copyFile(history, historyKind, toDirectory),
    ledger: copyFile(ledger, ledgerKind, toDirectory),
  };
}

/** `mendd.db` -> `mendd-ledger.db` */
export function ledgerPathOf(path: string): string {
  const { dir, name, ext } = parse(path);
  return format({ dir, name: `${name}-ledger`, ext });
}

/** Two names of one file must mean one lock. */
function realPath(path: string): string {
  return attempt(path, () => (existsSync(path) ? realpathSync(path) : path));
}

/**
 * A history whose ledger is gone has a past that nobody knows: runs in flight, budgets, a pause. The ledger is always made
 * first, so that a start that was killed does not look like that.
 */
function requireLedgerOf(path: string, ledgerPath: string): void {
  if (!hasContent(path) || hasContent(ledgerPath)) return;
  const db = connect(path, { create: false });
  try {
    if (attempt(path, () => identify(db, path, historyKind)) === 0) return;
  } finally {
    db.close();
  }
  throw new MenddError('STORE_UNUSABLE', `${ledgerPath} is missing beside ${path}.`, {
    hint: 'Restore both files from one backup; or move the history away too, if nothing that was sent can still be running.',
  });
}

function hasContent(file: string): boolean {
  return attempt(file, () => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0);
}

function openFile(file: string, kind: FileKind): Connection {
  const db = connect(file, { create: true });
  try {
    attempt(file, () => prepareFile(db, file, kind));
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Nothing is written before it is known whose file this is, that it is whole, and that we know its schema. */
function prepareFile(db: Connection, file: string, kind: FileKind): void {
  pendingMigrations(db, file, kind);
  quickCheck(db, file);
  makeDurable(db, file, kind);
  migrate(db, file, kind);
}

/** A schema changes only while no daemon runs. */
function migrateAlone(path: string, db: Connection, file: string): void {
  const lock = acquireLock(path);
  try {
    prepareFile(db, file, ledgerKind);
  } finally {
    lock.release();
  }
}

function copyFile(file: string, kind: FileKind, toDirectory: string): string {
  const to = join(toDirectory, basename(file));
  const db = connect(file, { create: false });
  try {
    attempt(file, () => identify(db, file, kind));
    copySnapshot(db, to, { replace: false });
    return to;
  } finally {
    db.close();
  }
}

function releasedWhenClosed(lock: Lock, store: Store, coordinator: Coordinator): Stores {
  const open = new Set<object>([store, coordinator]);
  const closed = (port: object): void => {
    if (open.delete(port) && open.size === 0) lock.release();
  };
  return {
    store: { ...store, close: () => (store.close(), closed(store)) },
    coordinator: { ...coordinator, close: () => (coordinator.close(), closed(coordinator)) },
  };
}
