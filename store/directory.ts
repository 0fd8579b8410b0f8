/** Makes directories, and makes what happened in them last. It knows nothing of what lies in them. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * With those above it, each by itself: below /proc, Node's own recursive form never returns.
 * Errors: those of the file system, at the first that cannot be made.
 */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.push(at);
  for (const each of missing.toReversed()) mkdirSync(each, { mode });
}

/** Of a file: its content; of a directory: the names in it. Errors: those of the file system. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
