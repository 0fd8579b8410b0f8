/**
 * Owns the look at a whole store from outside, also beside a daemon: what is wrong with it, how large it is. It applies the rules of a
 * start and of `audit verify`, and changes nothing.
 */
import { statSync } from 'node:fs';
import { errorCatalogue, MenddError } from '../core/errors.ts';
import { type Connection, connect, type FileKind, historyKind, ledgerKind } from './connection.ts';
import { dayMs } from './days.ts';
import { attempt } from './failure.ts';
import { wrongsOf } from './integrity.ts';
import { ageOf, ledgerTables, verifications } from './ledger.ts';
import { markBeside } from './mark.ts';
import { migrationsOf, pendingMigrations } from './migrate.ts';
import { realPath } from './open.ts';
import { ledgerPathOf, lossOfHistory, lossOfLedger } from './origin.ts';

/** Of one file; the rest is like it. */
const toldWrongs = 10;

export interface StoreFinding {
  /** `note`: nothing is lost. */
  verdict: 'bad' | 'note';
  what: string;
  todo: string;
}

export interface FileSize {
  kind: FileKind['name'];
  path: string;
  bytes: number;
  /** Of the write-ahead log beside it. */
  walBytes: number;
  /** Version of its schema, and the newest this mendd knows; the first is absent when it cannot be read. */
  schema?: number;
  newestSchema: number;
  /** Tables with rows that can be read, the largest first; results of all days are one. */
  tables: { name: string; rows: number }[];
}

export interface StoreInspection {
  findings: StoreFinding[];
  files: FileSize[];
  oldestResultMs?: number;
  newestResultMs?: number;
}

/** Hears of each step that may take minutes, before it begins. */
type StepTeller = (file: string, step: string) => void;

/** Undefined when there is no store at `path`. Errors: STORE_UNUSABLE when it cannot be read, or is another program's; NATIVE_MODULE. */
export function inspectStore(path: string, nowMs: number, tell: StepTeller): StoreInspection | undefined {
  const history = realPath(path);
  const ledger = ledgerPathOf(history);
  const [hasHistory, hasLedger] = [isThere(history), isThere(ledger)];
  if (!hasHistory && !hasLedger) return undefined;
  const inspection = new Inspection(nowMs, tell);
  if (!hasLedger) inspection.attempt(ledger, () => void lossOfLedger(history, ledger), 'STORE_UNUSABLE');
  else inspection.ledger(ledger, () => lossOfLedger(history, ledger));
  if (hasHistory) inspection.history(history, () => lossOfHistory(history, ledger)(inspection.isUsed));
  else inspection.missing(history, ledger);
  return inspection.result;
}

class Inspection {
  readonly result: StoreInspection = { findings: [], files: [] };
  /** The ledger is beyond a first start. */
  isUsed = false;
  readonly #nowMs: number;
  readonly #tell: StepTeller;

  constructor(nowMs: number, tell: StepTeller) {
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  /** What damage of a file `look` meets is found; so is `also`. */
  attempt(file: string, look: () => void, also?: MenddError['code']): void {
    try {
      attempt(file, look);
    } catch (error) {
      const isFound =
        error instanceof MenddError && ['STORE_CORRUPT', 'STORE_NEWER', also].includes(error.code);
      if (!isFound) throw error;
      this.#bad(error.message, error.hint);
    }
  }

  missing(history: string, ledger: string): void {
    this.#bad(
      `${history} is missing beside ${ledger}.`,
      'Restore it from a backup; mendd begins an empty history at its next start otherwise.',
    );
  }

  ledger(file: string, lost: () => MenddError | undefined): void {
    // Before the ledger is looked at: a daemon that runs leaves it after each change.
    const mark = markBeside(file, (sentence) =>
      this.#note(sentence, 'mendd writes it anew at its next start.'),
    );
    const left = mark.read();
    this.#file(file, ledgerKind, lost, (db) => {
      const tables = ledgerTables(db, file);
      for (const verify of verifications(tables, this.#nowMs)) this.attempt(file, verify);
      this.#tell(file, 'the audit');
      this.attempt(file, () => {
        const verdict = tables.audit.verifyAudit();
        this.isUsed = !verdict.ok || verdict.head.seq > 0;
        if (verdict.ok) return;
        const hint =
          'Keep the file for inspection, and compare the heads that were exported: `mendd audit verify`.';
        this.#bad(`${file}: the audit was altered at row ${verdict.brokenAtSeq}: ${verdict.problem}.`, hint);
      });
      this.attempt(file, () => {
        const age = ageOf(tables, file, left);
        if (age !== undefined)
          this.#bad(age, 'Restore the newest copy; with this one mendd acts on nothing until `mendd rearm`.');
      });
      this.attempt(file, () => {
        const quarantine = tables.quarantine.quarantine();
        if (quarantine !== undefined)
          this.#note(`The ledger is not trusted: ${quarantine.text}`, 'Nothing acts until `mendd rearm`.');
      });
    });
  }

  history(file: string, lost: () => MenddError | undefined): void {
    this.#file(file, historyKind, lost, (db) => this.attempt(file, () => this.#span(db, file)));
  }

  /** `look` is for a file of the newest schema. */
  #file(
    file: string,
    kind: FileKind,
    lost: () => MenddError | undefined,
    look: (db: Connection) => void,
  ): void {
    const newestSchema = migrationsOf(kind).length;
    const size = { bytes: bytesOf(file), walBytes: bytesOf(`${file}-wal`) };
    const report: FileSize = { kind: kind.name, path: file, ...size, newestSchema, tables: [] };
    this.result.files.push(report);
    this.attempt(file, () => {
      const loss = lost();
      if (loss !== undefined) throw loss;
      const db = connect(file, { create: false });
      try {
        // One that cannot write at all would leave its log and index of the log behind.
        db.pragma('query_only = ON');
        // All of one moment, whatever a daemon writes meanwhile.
        const inspect = db.transaction(() => this.#connected(db, file, kind, report, look));
        inspect.deferred();
      } finally {
        db.close();
      }
    });
  }

  #connected(
    db: Connection,
    file: string,
    kind: FileKind,
    report: FileSize,
    look: (db: Connection) => void,
  ): void {
    const pending = pendingMigrations(db, file, kind).length;
    report.schema = report.newestSchema - pending;
    this.#tell(file, 'pages, indexes and references');
    const wrongs = wrongsOf(db, file, toldWrongs);
    for (const wrong of wrongs)
      this.#bad(`${file} failed its integrity check: ${wrong}.`, errorCatalogue.STORE_CORRUPT.hint);
    if (pending > 0)
      this.#note(
        `${file} has schema version ${report.schema}; this mendd knows ${report.newestSchema}.`,
        'The next start of `mendd serve` migrates it, after a copy; until then its rows are not looked at.',
      );
    else look(db);
    this.#tell(file, 'rows');
    this.attempt(file, () => report.tables.push(...rowsOf(db)));
  }

  #span(db: Connection, file: string): void {
    const days = db.prepare<[], { id: number; day: number }>('SELECT id, day FROM days').all();
    const reads = days.map(
      ({ id, day }) => `SELECT min(at) + ${day * dayMs}, max(at) + ${day * dayMs} FROM results_${id}`,
    );
    if (hasOldResults(db)) reads.push('SELECT min(at_ms), max(at_ms) FROM results');
    for (const sql of reads)
      this.attempt(file, () => {
        const [oldest, newest] = db.prepare<[], (number | null)[]>(sql).raw().get() ?? [];
        if (typeof oldest !== 'number' || typeof newest !== 'number') return;
        const { oldestResultMs = Infinity, newestResultMs = -Infinity } = this.result;
        this.result.oldestResultMs = Math.min(oldestResultMs, oldest);
        this.result.newestResultMs = Math.max(newestResultMs, newest);
      });
  }

  #bad(what: string, todo: string): void {
    this.result.findings.push({ verdict: 'bad', what, todo });
  }

  #note(what: string, todo: string): void {
    this.result.findings.push({ verdict: 'note', what, todo });
  }
}

function isThere(file: string): boolean {
  return attempt(file, () => statSync(file, { throwIfNoEntry: false })) !== undefined;
}

function bytesOf(file: string): number {
  return attempt(file, () => statSync(file, { throwIfNoEntry: false }))?.size ?? 0;
}

function hasOldResults(db: Connection): boolean {
  return (
    db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'results'").get() !== undefined
  );
}

function rowsOf(db: Connection): FileSize['tables'] {
  const names = db
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .pluck()
    .all();
  const counts = new Map<string, number>();
  for (const name of names) {
    const rows = db
      .prepare<[], number>(`SELECT count(*) FROM "${name.replaceAll('"', '""')}"`)
      .pluck()
      .get();
    const table = name.replace(/^results_\d+$/, 'results');
    counts.set(table, (counts.get(table) ?? 0) + (rows ?? 0));
  }
  return [...counts]
    .filter(([, rows]) => rows > 0)
    .map(([name, rows]) => ({ name, rows }))
    .toSorted((a, b) => b.rows - a.rows);
}
