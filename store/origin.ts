/** Owns the question what lies at the path of a store's file before it is opened: mendd's own, nothing, or what was there once. */
import { statSync } from 'node:fs';
import { format, parse } from 'node:path';
import { MenddError } from '../core/errors.ts';
import { connect, type FileKind, historyKind, identify, ledgerKind, notOurs } from './connection.ts';
import { attempt } from './failure.ts';
import { markPathOf } from './mark.ts';

/** As far as the first page tells. `blank`: no byte, or a database without any table. */
type Content = 'nothing' | 'blank' | 'mendd' | 'no_database' | 'damaged';

/** `mendd.db` -> `mendd-ledger.db` */
export function ledgerPathOf(path: string): string {
  const { dir, name, ext } = parse(path);
  return format({ dir, name: `${name}-ledger`, ext });
}

/** Errors: STORE_UNUSABLE when it cannot be read, or is another program's database. */
function contentOf(file: string, kind: FileKind): Content {
  const found = attempt(file, () => statSync(file, { throwIfNoEntry: false }));
  if (found === undefined) return 'nothing';
  if (found.isFile() && found.size === 0) return 'blank';
  const db = connect(file, { create: false });
  try {
    return attempt(file, () => identify(db, file, kind)) === 0 ? 'blank' : 'mendd';
  } catch (error) {
    if (!(error instanceof MenddError) || error.code !== 'STORE_CORRUPT') throw error;
    return isNoDatabase(error) ? 'no_database' : 'damaged';
  } finally {
    db.close();
  }
}

function isNoDatabase({ cause }: MenddError): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_NOTADB';
}

/**
 * What became of the ledger of a history when it is no database any more, or one without content: mendd was here before, so what
 * it knew is lost. Undefined: it may be opened. A history whose ledger is gone altogether has a past that nobody knows: runs in
 * flight, budgets, a pause. The ledger is always made first, so that a start that was killed does not look like that.
 * Errors: STORE_UNUSABLE for that, and for what never was mendd's.
 */
export function lossOfLedger(path: string, ledgerPath: string): MenddError | undefined {
  const ledger = contentOf(ledgerPath, ledgerKind);
  if (ledger === 'mendd' || ledger === 'damaged') return undefined;
  const history = contentOf(path, historyKind);
  const hasMark = wasOpened(ledgerPath);
  if (ledger !== 'nothing') return lossOf(ledgerPath, ledgerKind, ledger, hasMark || history === 'mendd');
  if (history === 'nothing' || history === 'blank') return undefined;
  if (history === 'no_database' && !hasMark) throw noDatabase(path, historyKind);
  throw new MenddError('STORE_UNUSABLE', `${ledgerPath} is missing beside ${path}.`, {
    hint: 'Restore both files from one backup; or move the history away too, if nothing that was sent can still be running.',
  });
}

/**
 * The same of the history. Asked before the ledger is opened: from then on a mark says that mendd was here. One without content is
 * what a first start leaves that was killed; `isUsed` says, once asked, whether the ledger is beyond that.
 */
export function lossOfHistory(path: string, ledgerPath: string): (isUsed: boolean) => MenddError | undefined {
  const content = contentOf(path, historyKind);
  const loss = lossOf(path, historyKind, content, wasOpened(ledgerPath));
  return (isUsed) => (isUsed || content !== 'blank' ? loss : undefined);
}

function lossOf(
  file: string,
  kind: FileKind,
  content: Content,
  isInherited: boolean,
): MenddError | undefined {
  if (content === 'no_database' && !isInherited) throw noDatabase(file, kind);
  if (!isInherited || (content !== 'blank' && content !== 'no_database')) return undefined;
  const what = content === 'blank' ? 'has lost its content' : 'is not an SQLite database any more';
  return new MenddError('STORE_CORRUPT', `${file} ${what}.`);
}

function noDatabase(file: string, kind: FileKind): MenddError {
  return notOurs(`${file} is not an SQLite database.`, kind);
}

function wasOpened(ledgerPath: string): boolean {
  const mark = markPathOf(ledgerPath);
  return attempt(mark, () => statSync(mark, { throwIfNoEntry: false })) !== undefined;
}
