/** Where the store lies, for commands that open it beside the daemon. Broken definitions must not hide it. */
import { resolve } from 'node:path';
import { nearestFile } from '../config/paths.ts';
import { findDaemonFile, readDaemonKeys } from './daemon-file.ts';

/** Absolute, and of the file itself where it is a link: the ledger lies beside that. Errors: CONFIG_MISSING; STORE_UNUSABLE; those of the daemon file when its store section cannot be read. */
export async function storePath(named: string | undefined): Promise<string> {
  const file = findDaemonFile(named);
  const { store, problems } = await readDaemonKeys(file);
  if (store === undefined) {
    const { refusalOf } = await import('../daemon/load.ts');
    throw refusalOf(problems);
  }
  const { realPath } = await import('../store/open.ts');
  return realPath(resolve(nearestFile(file, store.path)));
}
