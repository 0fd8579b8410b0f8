/** Owns the schema's versions: numbered SQL files, each applied in one transaction, the file copied first. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { MenddError } from '../core/errors.ts';
import { type Connection, type FileKind, identify } from './connection.ts';
import { copySnapshot } from './copy.ts';
import { syncToDisk } from './directory.ts';

export interface Migration {
  /** 1, 2, 3, ... without a gap. */
  version: number;
  name: string;
  sql: string;
}

/** All migrations of one file, oldest first. Read beside this module, also when built. */
export function migrationsOf(kind: FileKind): Migration[] {
  const directory = new URL(`./migrations/${kind.name}/`, import.meta.url);
  const names = readdirSync(directory).filter((name) => name.endsWith('.sql'));
  return names.sort().map((name, index) => {
    const version = Number(name.slice(0, 4));
    if (version !== index + 1) throw new Error(`migrations/${kind.name}/${name} is not number ${index + 1}`);
    return { version, name, sql: readFileSync(new URL(name, directory), 'utf8') };
  });
}

/** Applies `migrations` that the file does not have yet; no copy, no questions. */
export function applyMigrations(db: Connection, kind: FileKind, migrations: readonly Migration[]): void {
  const apply = db.transaction(({ version, sql }: Migration) => {
    if (Number(db.pragma('user_version', { simple: true })) >= version) return;
    db.exec(sql);
    db.pragma(`application_id = ${kind.applicationId}`);
    db.pragma(`user_version = ${version}`);
  });
  for (const migration of migrations) apply.immediate(migration);
}

/** Errors: STORE_NEWER, or what `identify` throws. Returns the migrations the file still needs. */
export function pendingMigrations(db: Connection, file: string, kind: FileKind): Migration[] {
  const version = identify(db, file, kind);
  const migrations = migrationsOf(kind);
  if (version <= migrations.length) return migrations.slice(version);
  throw new MenddError(
    'STORE_NEWER',
    `${file} has schema version ${version}; this mendd knows versions up to ${migrations.length}.`,
  );
}

/**
 * Brings the file up to date. An existing one is first copied to `<file>.before-v<version>`.
 * Errors: STORE_NEWER, STORE_UNUSABLE (also when there is no room for the copy: then nothing was changed).
 */
export function migrate(db: Connection, file: string, kind: FileKind): void {
  const pending = pendingMigrations(db, file, kind);
  const last = pending.at(-1);
  if (last === undefined) return;
  const fresh = pending[0]?.version === 1;
  if (!fresh) copySnapshot(db, `${file}.before-v${last.version}`, { replace: true });
  applyMigrations(db, kind, pending);
  if (!fresh) return;
  // Or a power cut leaves a file without a byte, which looks like one that lost them.
  db.pragma('wal_checkpoint(TRUNCATE)');
  syncToDisk(dirname(resolve(file)));
}
