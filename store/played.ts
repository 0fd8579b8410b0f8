/** Owns a ledger that is nobody's: in memory, gone with its connection, for what is only played through. It leaves nothing on the disk. */
import Database from 'better-sqlite3';
import type { Coordinator } from '../core/ports.ts';
import { ledgerKind } from './connection.ts';
import { assertDriver } from './driver.ts';
import { createLedger } from './ledger.ts';
import { applyMigrations, migrationsOf } from './migrate.ts';

const nowhere = ':memory:';

/** Wall time, ms since the epoch. Errors: NATIVE_MODULE. */
export function openPlayedLedger(nowMs: number): Coordinator {
  assertDriver();
  const db = new Database(nowhere);
  db.pragma(`synchronous = ${ledgerKind.synchronous}`);
  applyMigrations(db, ledgerKind, migrationsOf(ledgerKind));
  return createLedger(db, nowhere, {
    member: 'replay',
    nowMs,
    warn: () => undefined,
    onOldCopy: () => undefined,
    mark: { read: () => undefined, write: () => undefined },
  });
}
