import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { type FileKind, historyKind, ledgerKind } from '../../store/connection.ts';
import { quickCheck } from '../../store/integrity.ts';
import { applyMigrations, migrationsOf } from '../../store/migrate.ts';
import { ledgerPathOf, openLedgerBeside } from '../../store/open.ts';
import { sealed } from '../../store/seal.ts';
import { closeStores, openForTest, startMs, storePath } from './support/samples.ts';

interface Older {
  kind: FileKind;
  version: number;
}

const older: Older[] = [historyKind, ledgerKind].flatMap((kind) =>
  migrationsOf(kind).map(({ version }) => ({ kind, version })),
);

/** A file as the mendd of that schema version left it, with a row of that time. */
function fileOfVersion(path: string, { kind, version }: Older): string {
  const file = kind === historyKind ? path : ledgerPathOf(path);
  closeStores(openForTest(path));
  rmSync(path);
  if (kind === ledgerKind) rmSync(file);
  const db = new Database(file);
  applyMigrations(db, kind, migrationsOf(kind).slice(0, version));
  if (kind === historyKind)
    db.exec(`INSERT INTO host_state (host, status) VALUES ('web-1', '{"state":"up"}')`);
  // The ledger's own rows carry checksums; a table beside them shows that nothing is thrown away.
  else db.exec(`CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('kept')`);
  db.close();
  return file;
}

function schemaOf(file: string): unknown {
  const db = new Database(file, { readonly: true });
  const rows = db
    .prepare(`SELECT type, name, sql FROM sqlite_master WHERE name <> 'note' ORDER BY type, name`)
    .all();
  const version = db.pragma('user_version', { simple: true });
  db.close();
  return { rows, version };
}

function valueIn(file: string, sql: string): unknown {
  const db = new Database(file, { readonly: true });
  quickCheck(db, file);
  const value = db.prepare(sql).pluck().get();
  db.close();
  return value;
}

test.each(older)('$kind.name of version $version becomes the newest and keeps its rows', (given) => {
  const fresh = storePath();
  closeStores(openForTest(fresh));
  const path = storePath();
  const file = fileOfVersion(path, given);
  closeStores(openForTest(path));
  expect(schemaOf(file)).toEqual(schemaOf(given.kind === historyKind ? fresh : ledgerPathOf(fresh)));
  const row = given.kind === historyKind ? 'SELECT host FROM host_state' : 'SELECT text FROM note';
  const kept = given.kind === historyKind ? 'web-1' : 'kept';
  expect(valueIn(file, row)).toBe(kept);
  const newest = migrationsOf(given.kind).length;
  const copies = readdirSync(dirname(file)).filter((name) => name.startsWith(`${basename(file)}.before`));
  if (given.version === newest) {
    expect(copies).toEqual([]);
    return;
  }
  expect(copies).toEqual([`${basename(file)}.before-v${newest}`]);
  expect(valueIn(`${file}.before-v${newest}`, row)).toBe(kept);
  expect(valueIn(`${file}.before-v${newest}`, 'PRAGMA user_version')).toBe(given.version);
});

test('fences from before each was kept are taken as known', () => {
  const path = storePath();
  const file = fileOfVersion(path, { kind: ledgerKind, version: 2 });
  rmSync(`${file}.mark`);
  const db = new Database(file);
  const content = { value: startMs / 1000 - 7, member: 'ops', at_ms: startMs };
  db.prepare('INSERT INTO fence VALUES (1, :value, :member, :at_ms, :checksum)').run(sealed(content));
  db.close();
  const { coordinator } = openForTest(path);
  const known = [-9, -8, -7, -6, -1, 0, 1].filter((off) => coordinator.knowsFence(startMs / 1000 + off));
  expect(known).toEqual([-9, -8, -7, 0]);
});

test('a migration that fails changes nothing', () => {
  const path = storePath();
  const file = fileOfVersion(path, { kind: historyKind, version: 1 });
  const before = schemaOf(file);
  const db = new Database(file);
  const broken = {
    version: 2,
    name: '0002-broken.sql',
    sql: 'CREATE TABLE extra (a); INSERT INTO nowhere VALUES (1);',
  };
  expect(() => applyMigrations(db, historyKind, [broken])).toThrow('no such table');
  db.close();
  expect(schemaOf(file)).toEqual(before);
});

test('migrations are applied once', () => {
  const path = storePath();
  closeStores(openForTest(path));
  const stores = openForTest(path);
  expect(stores.store.loadHosts()).toEqual([]);
  expect(existsSync(`${path}.before-v2`)).toBe(false);
});

test('tokens do not migrate a ledger under a running daemon', () => {
  const path = storePath();
  openForTest(path);
  const db = new Database(ledgerPathOf(path));
  db.pragma('user_version = 1');
  db.close();
  expect(() => openLedgerBeside(path, startMs)).toThrow(expect.objectContaining({ code: 'STORE_LOCKED' }));
});

test('an older ledger is migrated for tokens while no daemon runs', () => {
  const path = storePath();
  const file = fileOfVersion(path, { kind: ledgerKind, version: 1 });
  const ledger = openLedgerBeside(path, startMs);
  expect(ledger.createToken({ name: 'a', scopes: ['read'], nowMs: startMs }).token.name).toBe('a');
  ledger.close();
  expect(existsSync(`${file}.before-v${migrationsOf(ledgerKind).length}`)).toBe(true);
});
