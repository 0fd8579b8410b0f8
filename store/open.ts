/** Owns how the two files of a store are opened: by the daemon that runs, and beside it for the command line. */
import { existsSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
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
} from './connection.ts';
import { quarantineRow } from './controls.ts';
import { copySnapshot } from './copy.ts';
import { asideOf, moveDatabase, removeDatabase } from './damage.ts';
import { makeDirectory } from './directory.ts';
import { attempt, guarded } from './failure.ts';
import { createHistory } from './history.ts';
import { assertWhole } from './integrity.ts';
import { createLedger, ledgerTables, rearm } from './ledger.ts';
import { acquireLock, type Lock } from './lock.ts';
import { migrate, pendingMigrations } from './migrate.ts';
import { ledgerPathOf, lossOfHistory, lossOfLedger } from './origin.ts';

export { ledgerPathOf } from './origin.ts';

export interface Stores {
  store: Store;
  coordinator: Coordinator;
  /** What was found damaged or too old, a sentence each; the ledger is in quarantine then. */
  recovered?: string[];
}

export interface StoreOptions {
  /** The history file, e.g. /var/lib/mendd/mendd.db; the ledger lies beside it. Its directory must exist. */
  path: string;
  /** Name of this daemon among the members; the host name when absent. */
  member?: string;
  /** Wall time, ms since the epoch. */
  nowMs: number;
  /** Told what does not stop the store and must not pass unseen; Node's own warnings when absent. */
  warn?: (sentence: string) => void;
}

/**
 * Opens both files for a daemon, which from then on is the only one. Closing both ends that. A damaged file does not stop
 * the start: it is moved aside, a new one takes its place, and the ledger is in quarantine, as it is when it is an old copy.
 * Errors: STORE_LOCKED, STORE_UNUSABLE, STORE_NEWER, NATIVE_MODULE.
 */
export function openStores(options: StoreOptions): Stores {
  const path = realPath(options.path);
  const ledgerPath = ledgerPathOf(path);
  const lock = acquireLock(path);
  const recovered: string[] = [];
  let coordinator: Coordinator | undefined;
  try {
    const lostLedger = lossOfLedger(path, ledgerPath);
    const lossOf = lossOfHistory(path, ledgerPath);
    coordinator = openLedger(ledgerPath, options, recovered, lostLedger);
    const isUsed = recovered.length > 0 || coordinator.auditHead() !== undefined;
    const store = openHistory(path, options.nowMs, coordinator, recovered, lossOf(isUsed));
    const stores = releasedWhenClosed(lock, store, coordinator);
    return recovered.length === 0 ? stores : { ...stores, recovered };
  } catch (error) {
    coordinator?.close();
    lock.release();
    throw error;
  }
}

function openLedger(
  file: string,
  options: StoreOptions,
  recovered: string[],
  lost: MenddError | undefined,
): Coordinator {
  const ledgerOptions = {
    member: options.member ?? hostname(),
    nowMs: options.nowMs,
    warn: options.warn ?? ((sentence: string) => process.emitWarning(sentence)),
    onOldCopy: (sentence: string) => void recovered.push(sentence),
  };
  const open = (): Coordinator => openAs(file, ledgerKind, (db) => createLedger(db, file, ledgerOptions));
  return wholeOr(lost, open, (damage) => {
    const { aside, text } = newsOf(file, damage, options.nowMs);
    const fresh = `${file}.new`;
    attempt(file, () => removeDatabase(fresh));
    // In quarantine before it has the name: no crash leaves an empty ledger that is believed.
    openAs(fresh, ledgerKind, (db) => {
      const { setQuarantine } = quarantineRow(db, fresh);
      setQuarantine({ cause: 'corrupt', sinceMs: options.nowMs, text });
      db.close();
    });
    attempt(file, () => {
      moveDatabase(file, aside);
      moveDatabase(fresh, file);
    });
    recovered.push(text);
  });
}

function openHistory(
  file: string,
  nowMs: number,
  ledger: Coordinator,
  recovered: string[],
  lost: MenddError | undefined,
): Store {
  const open = (): Store => openAs(file, historyKind, (db) => createHistory(db, file));
  return wholeOr(lost, open, (damage) => {
    const { aside, text } = newsOf(file, damage, nowMs);
    ledger.setQuarantine({ cause: 'corrupt', sinceMs: nowMs, text });
    attempt(file, () => moveDatabase(file, aside));
    recovered.push(text);
  });
}

/** `replace` is called once when what is opened is damaged; `lost`: it is known to be, and not opened. */
function wholeOr<T>(lost: MenddError | undefined, open: () => T, replace: (damage: MenddError) => void): T {
  try {
    if (lost !== undefined) throw lost;
    return open();
  } catch (error) {
    if (!(error instanceof MenddError) || error.code !== 'STORE_CORRUPT') throw error;
    replace(error);
    return open();
  }
}

function newsOf(file: string, damage: MenddError, nowMs: number): { aside: string; text: string } {
  const aside = asideOf(file, nowMs);
  return { aside, text: `${damage.message} It was moved to ${aside}, and a new one was begun.` };
}

export type LedgerBeside = Pick<
  Coordinator,
  | 'createToken'
  | 'tokens'
  | 'revokeToken'
  | 'audit'
  | 'auditHead'
  | 'auditEntries'
  | 'verifyAudit'
  | 'quarantine'
  | 'rearm'
  | 'close'
>;

/**
 * The part of a ledger that needs no daemon: tokens, the audit, re-arming. Also beside a running one: it takes no lock and no
 * fence, and verifies nothing by itself. `nowMs` is wall time. Errors: as `openStores`, and STORE_CORRUPT.
 */
export function openLedgerBeside(path: string, nowMs: number): LedgerBeside {
  const history = realPath(path);
  const file = ledgerPathOf(history);
  const lost = lossOfLedger(history, file);
  if (lost !== undefined) throw lost;
  const db = connect(file, { create: true });
  try {
    attempt(file, () => {
      if (pendingMigrations(db, file, ledgerKind).length > 0) migrateAlone(history, db, file);
      else makeDurable(db, file, ledgerKind);
    });
    return attempt(file, () => portBeside(db, file, nowMs));
  } catch (error) {
    db.close();
    throw error;
  }
}

function portBeside(db: Connection, file: string, nowMs: number): LedgerBeside {
  const tables = ledgerTables(db, file);
  const { createToken, tokens, revokeToken } = tables.tokens;
  const { audit, auditHead, auditEntries, verifyAudit } = tables.audit;
  return guarded<LedgerBeside>(file, {
    createToken,
    tokens,
    revokeToken,
    audit,
    auditHead,
    auditEntries,
    verifyAudit,
    quarantine: tables.quarantine.quarantine,
    // An old copy does not know the newest fences; they follow the wall clock.
    rearm: () => rearm(db, tables, Math.max(tables.fence.read(), Math.floor(nowMs / 1000))),
    close: () => void db.close(),
  });
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

/** Two names of one file must mean one lock. */
export function realPath(path: string): string {
  return attempt(path, () => (existsSync(path) ? realpathSync(path) : path));
}

/** Errors: those of `use` too, translated; the file is closed then. */
function openAs<T>(file: string, kind: FileKind, use: (db: Connection) => T): T {
  const db = connect(file, { create: true });
  try {
    return attempt(file, () => {
      prepareFile(db, file, kind);
      return use(db);
    });
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Nothing is written before it is known whose file this is, that it is whole, and that we know its schema. */
function prepareFile(db: Connection, file: string, kind: FileKind): void {
  pendingMigrations(db, file, kind);
  assertWhole(db, file, kind);
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
