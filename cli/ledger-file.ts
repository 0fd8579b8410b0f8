/** Opens the ledger file beside a daemon, or without one, for commands that need no API: tokens, the audit, re-arming. */
import { chownSync, existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { MenddError } from '../core/errors.ts';
import type { Coordinator } from '../core/ports.ts';
import type { ConfigOptions } from './command.ts';
import { storePath } from './store-path.ts';

export type Ledger = Pick<
  Coordinator,
  | 'createToken'
  | 'tokens'
  | 'revokeToken'
  | 'auditEntries'
  | 'verifyAudit'
  | 'audit'
  | 'quarantine'
  | 'rearm'
  | 'close'
>;

/** A ledger that is not there says nothing about anything. Errors: STORE_UNUSABLE, and as `withLedger`. */
export async function withExistingLedger<T>(options: ConfigOptions, use: (ledger: Ledger) => T): Promise<T> {
  const path = await storePath(options.config);
  const { ledgerPathOf } = await import('../store/open.ts');
  const file = ledgerPathOf(path);
  if (existsSync(file)) return withLedger(options, use);
  throw new MenddError('STORE_UNUSABLE', `There is no ledger at ${file}.`, {
    hint: 'Name the daemon file with --config; store.path in it says where the ledger lies.',
  });
}

/** Makes the ledger when there is none. Errors: those of the daemon file, and as `openLedgerBeside`. */
export async function withLedger<T>(options: ConfigOptions, use: (ledger: Ledger) => T): Promise<T> {
  const path = await storePath(options.config);
  const { ledgerPathOf, openLedgerBeside } = await import('../store/open.ts');
  const file = ledgerPathOf(path);
  const files = [file, `${file}-wal`, `${file}-shm`, `${path}.lock`];
  const absent = files.filter((each) => !existsSync(each));
  const ledger: Ledger = openLedgerBeside(path, Date.now());
  try {
    const answer = use(ledger);
    giveToOwner(dirname(path), absent);
    return answer;
  } finally {
    ledger.close();
  }
}

/** Who acts on the file itself has no token whose name could stand for them. */
export function loginName(): string {
  return userInfo().username;
}

/** What root made must not lock out the daemon that runs as the owner of the directory. */
function giveToOwner(directory: string, files: readonly string[]): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  for (const file of files) if (existsSync(file)) chownSync(file, uid, gid);
}
