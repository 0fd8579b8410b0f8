import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { connect, historyKind, ledgerKind, makeDurable } from '../../store/connection.ts';
import { createLedger } from '../../store/ledger.ts';
import { ledgerPathOf, openLedgerBeside } from '../../store/open.ts';
import {
  closeStores,
  intentOf,
  openForTest,
  slotsOf,
  startMs,
  storePath,
  temporaryDirectory,
} from './support/samples.ts';

const failure = (code: string, message: string): unknown =>
  expect.objectContaining({ name: 'MenddError', code, message: expect.stringContaining(message) });

test('a second daemon on the same store is refused, also by another name of the file', () => {
  const path = storePath();
  const first = openForTest(path);
  expect(() => openForTest(path)).toThrow(failure('STORE_LOCKED', path));
  const other = join(temporaryDirectory(), 'alias.db');
  symlinkSync(path, other);
  expect(() => openForTest(other)).toThrow(failure('STORE_LOCKED', path));
  first.store.close();
  expect(() => openForTest(path)).toThrow(failure('STORE_LOCKED', path));
  first.coordinator.close();
  expect(openForTest(path).coordinator.fence).toBe(startMs / 1000 + 1);
});

test('closing twice is closing once', () => {
  const path = storePath();
  const first = openForTest(path);
  first.store.close();
  first.store.close();
  expect(() => openForTest(path)).toThrow(failure('STORE_LOCKED', path));
});

test('two stores in one directory do not know each other', () => {
  const path = storePath();
  openForTest(path);
  expect(openForTest(path.replace('.db', '.sqlite')).coordinator.fence).toBe(startMs / 1000);
});

test('the files are for their owner only, the write-ahead logs too', () => {
  const path = storePath();
  openForTest(path);
  for (const file of [path, ledgerPathOf(path)]) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600);
  }
});

test('the ledger is written with synchronous FULL, history with NORMAL', () => {
  for (const kind of [historyKind, ledgerKind]) {
    const file = storePath();
    const db = connect(file, { create: true });
    db.pragma('synchronous = OFF');
    makeDurable(db, file, kind);
    expect(db.pragma('synchronous', { simple: true })).toBe(kind === ledgerKind ? 2 : 1);
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    db.close();
  }
});

test('a ledger that is not durable any more refuses claims', () => {
  const path = storePath();
  closeStores(openForTest(path));
  const file = ledgerPathOf(path);
  const db = connect(file, { create: false });
  makeDurable(db, file, ledgerKind);
  const ledger = createLedger(db, file, {
    member: 'ops',
    nowMs: startMs,
    warn: () => undefined,
    onOldCopy: () => undefined,
  });
  db.pragma('synchronous = NORMAL');
  expect(() => ledger.claim(intentOf(ledger.fence), slotsOf())).toThrow(
    failure('STORE_UNUSABLE', 'synchronous is 1'),
  );
  ledger.close();
});

test('a directory that is missing or none is told as such', () => {
  const directory = temporaryDirectory();
  expect(() => openForTest(join(directory, 'no', 'mendd.db'))).toThrow(
    failure('STORE_UNUSABLE', 'does not exist'),
  );
  writeFileSync(join(directory, 'file'), '');
  expect(() => openForTest(join(directory, 'file', 'mendd.db'))).toThrow(
    failure('STORE_UNUSABLE', 'is not a directory'),
  );
  mkdirSync(join(directory, 'mendd.db'));
  expect(() => openForTest(join(directory, 'mendd.db'))).toThrow(
    failure('STORE_UNUSABLE', 'not a regular file'),
  );
  expect(() => openForTest('/proc/mendd.db')).toThrow(failure('STORE_UNUSABLE', '/proc/mendd.db'));
});

test('a file that is not an SQLite database is refused and left as it was', () => {
  const path = storePath();
  const text = 'remediation:\n  mode: auto\n'.repeat(100);
  writeFileSync(path, text);
  expect(() => openForTest(path)).toThrow(failure('STORE_UNUSABLE', 'is not an SQLite database'));
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test.each(['history', 'ledger'])(
  'a foreign SQLite file in place of the %s is refused and left as it was',
  (which) => {
    const path = storePath();
    const file = which === 'history' ? path : ledgerPathOf(path);
    const foreign = new Database(file);
    foreign.exec('CREATE TABLE cookies (name TEXT)');
    foreign.close();
    const before = readFileSync(file);
    expect(() => openForTest(path)).toThrow(failure('STORE_UNUSABLE', 'another SQLite database'));
    expect(readFileSync(file)).toEqual(before);
    if (which === 'history') return;
    expect(() => openLedgerBeside(path, startMs)).toThrow(
      failure('STORE_UNUSABLE', 'another SQLite database'),
    );
  },
);

test('history and ledger cannot be taken for each other', () => {
  const path = storePath();
  closeStores(openForTest(path));
  writeFileSync(ledgerPathOf(path), readFileSync(path));
  expect(() => openForTest(path)).toThrow(failure('STORE_UNUSABLE', "is not mendd's ledger"));
});

test('a history without its ledger is refused: nobody knows what was sent', () => {
  const path = storePath();
  closeStores(openForTest(path));
  rmSync(ledgerPathOf(path));
  expect(() => openForTest(path)).toThrow(failure('STORE_UNUSABLE', 'mendd-ledger.db is missing'));
  expect(() => openLedgerBeside(path, startMs)).toThrow(
    failure('STORE_UNUSABLE', 'mendd-ledger.db is missing'),
  );
  expect(existsSync(ledgerPathOf(path))).toBe(false);
  rmSync(path);
  expect(openForTest(path).coordinator.fence).toBe(startMs / 1000 + 1);
});

test.each(['history', 'ledger'])('a %s of a newer mendd is refused', (which) => {
  const path = storePath();
  closeStores(openForTest(path));
  const db = new Database(which === 'history' ? path : ledgerPathOf(path));
  db.pragma('user_version = 999');
  db.close();
  expect(() => openForTest(path)).toThrow(failure('STORE_NEWER', 'version 999'));
});

test('a start that was killed before its first migration is begun anew', () => {
  const path = storePath();
  writeFileSync(path, '');
  const ledger = new Database(ledgerPathOf(path));
  ledger.pragma('journal_mode = WAL');
  ledger.close();
  expect(openForTest(path).coordinator.fence).toBe(startMs / 1000);
  expect(dirname(path)).toBe(dirname(ledgerPathOf(path)));
});
