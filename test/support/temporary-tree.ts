/** Owns temporary trees of files for tests. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Writes files into a directory that goes with the test. Files in `executable` get mode 0755. */
export function temporaryTree(
  files: Readonly<Record<string, string | Uint8Array>>,
  executable: string[] = [],
): string {
  const root = mkdtempSync(join(tmpdir(), 'mendd-tree-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) writeInto(root, path, content);
  for (const path of executable) chmodSync(join(root, path), 0o755);
  return root;
}

export function writeInto(root: string, path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}
