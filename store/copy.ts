/** Owns copies of a live database: consistent, checked, readable on their own, never half there under their final name. */
import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { MenddError } from '../core/errors.ts';
import { type Connection, connect, pragma } from './connection.ts';
import { syncToDisk } from './directory.ts';
import { attempt, translated } from './failure.ts';
import { quickCheck } from './integrity.ts';

interface CopyOptions {
  /** Whether an older copy of that name may be replaced. */
  replace: boolean;
}

/** Copies in one go, blocking. Errors: STORE_UNUSABLE, STORE_CORRUPT. */
export function copySnapshot(db: Connection, to: string, options: CopyOptions): void {
  const partial = prepare(to, options);
  try {
    attempt(to, () => db.prepare('VACUUM INTO ?').run(partial));
    finish(partial, to);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Copies page by page between other work on the same connection. Errors: STORE_UNUSABLE, STORE_CORRUPT. */
export async function copyOnline(db: Connection, to: string): Promise<void> {
  const partial = prepare(to, { replace: false });
  try {
    await db.backup(partial).catch((error: unknown) => {
      throw translated(to, error);
    });
    finish(partial, to);
  } finally {
    rmSync(partial, { force: true });
  }
}

function prepare(to: string, { replace }: CopyOptions): string {
  if (!replace && existsSync(to)) {
    const hint = 'Name a directory that has no backup in it yet; an older backup is never overwritten.';
    throw new MenddError('STORE_UNUSABLE', `${to} exists already.`, { hint });
  }
  const partial = `${to}.partial`;
  attempt(to, () => {
    rmSync(partial, { force: true });
    closeSync(openSync(partial, 'wx', 0o600));
  });
  return partial;
}

function finish(partial: string, to: string): void {
  const copy = connect(partial, { create: false });
  try {
    // Without a write-ahead log the copy is one file, readable also from a medium that cannot be written.
    attempt(to, () => pragma(copy, 'journal_mode = DELETE'));
    quickCheck(copy, to);
  } finally {
    copy.close();
  }
  attempt(to, () => {
    syncToDisk(partial);
    renameSync(partial, to);
    syncToDisk(dirname(to));
  });
}
