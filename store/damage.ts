/** Owns where a damaged database goes: aside, under a name of its own. It is never deleted, and overwrites nothing. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncToDisk } from './directory.ts';

/** A database is up to three files; the log first, since what is left of one must not meet another database. */
const parts = ['-wal', '-shm', ''];

/** `<file>.damaged-<unix seconds>`; a later second when that is taken. */
export function asideOf(file: string, nowMs: number): string {
  for (let second = Math.floor(nowMs / 1000); ; second += 1) {
    const aside = `${file}.damaged-${second}`;
    if (!parts.some((part) => existsSync(aside + part))) return aside;
  }
}

/** Errors: those of the file system. */
export function moveDatabase(from: string, to: string): void {
  for (const part of parts) if (existsSync(from + part)) renameSync(from + part, to + part);
  syncToDisk(dirname(to));
}

/** Only for what mendd itself left unfinished. */
export function removeDatabase(file: string): void {
  for (const part of parts) rmSync(file + part, { force: true });
}
