/**
 * Owns reading what a daemon recorded, oldest first and in slices, beside the daemon or without one. It changes nothing, and takes
 * neither the lock nor a fence.
 */
import { existsSync } from 'node:fs';
import { MenddError } from '../core/errors.ts';
import type { EventType } from '../core/event-types.ts';
import type { Coordinator, Store } from '../core/ports.ts';
import type { CheckState, Pause, Run, StoredEvent } from '../core/types.ts';
import { type Connection, connect, type FileKind, historyKind, ledgerKind } from './connection.ts';
import { resultDays, stragglerMs } from './days.ts';
import { decisionTable } from './decisions.ts';
import { attempt, guarded } from './failure.ts';
import { heardTable } from './heard.ts';
import { ledgerTables } from './ledger.ts';
import { pendingMigrations } from './migrate.ts';
import { realPath } from './open.ts';
import { ledgerPathOf } from './origin.ts';
import { states } from './results.ts';

/** Rows of results that are read at once; some milliseconds, and about a megabyte. */
const slice = 5_000;
const pageOfRuns = 500;

/** Wall times, both included. */
export interface Span {
  sinceMs: number;
  untilMs: number;
}

/** Without what was printed: no decision looks at it. */
export interface RecordedResult {
  host: string;
  check: string;
  state: CheckState;
  startedAtMs: number;
  durationMs: number;
}

/** A host became unreachable, or was reached again. */
export interface HostChange {
  atMs: number;
  host: string;
  to: string;
  type: string;
  /** `<stage>: <message>` of a failure. */
  text: string;
}

/** An action was held for what the host told of itself. */
export interface RecordedSign {
  host: string;
  reason: 'human_intent' | 'booted_lately';
  fromMs: number;
  untilMs: number;
  /** As the gate saw it. */
  gates: string;
}

/** Errors of all: STORE_UNUSABLE, STORE_CORRUPT. */
export interface Recorded
  extends Pick<Store, 'decisions' | 'loadHeard'>,
    Pick<Coordinator, 'registrations' | 'suppressions' | 'approvals' | 'trust'> {
  /** When the oldest result that is kept began. */
  oldestResultMs(): number | undefined;
  /** In the order in which they were taken, at most some thousands in memory. */
  results(span: Span): Generator<RecordedResult>;
  hostChanges(span: Span): HostChange[];
  events(types: readonly EventType[], span: Span): StoredEvent[];
  signs(span: Span): RecordedSign[];
  /** Those decided in that span, oldest first. */
  runs(span: Span): Run[];
  /** How many messages were queued, by target and kind. */
  messages(span: Span): { target: string; kind: string; count: number }[];
  /** The switch as it stands now. */
  paused(nowMs: number): Pause | undefined;
  close(): void;
}

/** Errors: CONFIG_MISSING when there is no such store; STORE_UNUSABLE, also for one that this version has to migrate; STORE_NEWER. */
export function openRecorded(named: string): Recorded {
  const path = realPath(named);
  const ledgerPath = ledgerPathOf(path);
  for (const file of [path, ledgerPath])
    if (!existsSync(file))
      throw new MenddError('CONFIG_MISSING', `There is no store at ${file}: nothing was recorded there.`, {
        hint: 'Name the daemon file with --config, whose store.path says where the store lies, or the history itself with --store.',
      });
  const history = openToRead(path, historyKind);
  try {
    const ledger = openToRead(ledgerPath, ledgerKind);
    const close = (): void => (history.close(), ledger.close(), undefined);
    return {
      ...guarded(
        path,
        attempt(path, () => historyPart(history, path)),
      ),
      ...guarded(
        ledgerPath,
        attempt(ledgerPath, () => ledgerPart(ledger, ledgerPath)),
      ),
      close,
    };
  } catch (error) {
    history.close();
    throw error;
  }
}

function openToRead(file: string, kind: FileKind): Connection {
  const db = connect(file, { create: false });
  try {
    attempt(file, () => db.pragma('query_only = ON'));
    if (attempt(file, () => pendingMigrations(db, file, kind)).length === 0) return db;
    throw new MenddError(
      'STORE_UNUSABLE',
      `${file} was written by an older mendd and was not migrated yet.`,
      {
        hint: 'Start the daemon of this version once: it migrates the store.',
      },
    );
  } catch (error) {
    db.close();
    throw error;
  }
}

type OfHistory =
  | 'decisions'
  | 'loadHeard'
  | 'oldestResultMs'
  | 'results'
  | 'hostChanges'
  | 'events'
  | 'signs';

function historyPart(db: Connection, file: string): Pick<Recorded, OfHistory> {
  const read = atOnce(db, file);
  const changes = db.prepare<[Span], HostChange>(
    `SELECT at_ms AS atMs, host, to_state AS "to", type, text FROM transitions
     WHERE check_id IS NULL AND at_ms BETWEEN :sinceMs AND :untilMs ORDER BY id`,
  );
  const signs = db.prepare<[Span], RecordedSign>(
    `SELECT host, reason, at_ms AS fromMs, last_at_ms AS untilMs, gates FROM decisions
     WHERE reason IN ('human_intent', 'booted_lately') AND last_at_ms >= :sinceMs AND at_ms <= :untilMs`,
  );
  return {
    decisions: decisionTable(db).decisions,
    loadHeard: heardTable(db).loadHeard,
    oldestResultMs: () =>
      read(() => {
        const all = { sinceMs: 0, untilMs: Number.MAX_SAFE_INTEGER };
        const firsts = resultDays(db)
          .all()
          .flatMap((day) => day.after(0, all, 1).map(({ at }) => day.startMs + at));
        return firsts[0];
      }),
    results: (span) => resultsOf(db, span, read),
    hostChanges: (span) => changes.all(span),
    events: (types, span) => eventsOf(db, types, span),
    signs: (span) => signs.all(span),
  };
}

type AtOnce = <T>(read: () => T) => T;

/** A daemon beside may drop a day between two reads, not within one. Errors: STORE_UNUSABLE, STORE_CORRUPT. */
function atOnce(db: Connection, file: string): AtOnce {
  return (read) => attempt(file, () => db.transaction(read)());
}

function* resultsOf(db: Connection, span: Span, read: AtOnce): Generator<RecordedResult> {
  type Series = { id: number; host: string; check: string };
  const all = 'SELECT id, host, check_id AS "check" FROM series';
  const series = new Map(read(() => db.prepare<[], Series>(all).all()).map((one) => [one.id, one]));
  const isKept = db.prepare<[number]>('SELECT 1 FROM days WHERE id = ?');
  for (const day of read(() => resultDays(db).all())) {
    const isBefore = day.newestMs + stragglerMs < span.sinceMs;
    if (isBefore || day.startMs - stragglerMs > span.untilMs) continue;
    let last = 0;
    for (;;) {
      const rows = read(() => (isKept.get(day.id) === undefined ? [] : day.after(last, span, slice)));
      for (const { series_id, at, state, duration_ms: durationMs } of rows) {
        const found = series.get(series_id);
        if (found === undefined) continue;
        const { host, check } = found;
        yield { host, check, state: states[state] ?? 'unknown', startedAtMs: day.startMs + at, durationMs };
      }
      if (rows.length < slice) break;
      last = rows.at(-1)?.id ?? last;
    }
  }
}

function eventsOf(db: Connection, types: readonly EventType[], { sinceMs, untilMs }: Span): StoredEvent[] {
  type Row = { id: number; atMs: number; type: EventType; data: string };
  const rows = db
    .prepare<(string | number)[], Row>(
      `SELECT id, at_ms AS atMs, type, data FROM events
       WHERE type IN (${types.map(() => '?').join(', ')}) AND at_ms BETWEEN ? AND ? ORDER BY id`,
    )
    .all(...types, sinceMs, untilMs);
  return rows.map(({ data, ...event }) => ({ ...event, data: JSON.parse(data) as StoredEvent['data'] }));
}

function ledgerPart(db: Connection, file: string): Omit<Recorded, OfHistory | 'close'> {
  const { registrations, suppressions, approvals, trust, runs, pauses } = ledgerTables(db, file);
  const messages = db.prepare<[Span], { target: string; kind: string; count: number }>(
    `SELECT target, kind, count(*) AS count FROM messages
     WHERE created_at_ms BETWEEN :sinceMs AND :untilMs GROUP BY target, kind ORDER BY target, kind`,
  );
  return {
    registrations: registrations.registrations,
    suppressions: suppressions.suppressions,
    approvals: approvals.approvals,
    trust: trust.trust,
    paused: (nowMs) => pauses.paused(nowMs),
    messages: (span) => messages.all(span),
    runs(span) {
      const found: Run[] = [];
      let cursor: string | undefined;
      do {
        const query = { ...span, limit: pageOfRuns, ...(cursor === undefined ? {} : { cursor }) };
        const page = runs.list(query);
        found.push(...page.items.map(slim));
        cursor = page.next;
      } while (cursor !== undefined);
      return found.toReversed();
    },
  };
}

/** What a run printed is not looked at, and would fill the memory. */
function slim(run: Run): Run {
  const { stdout: _out, stderr: _err, evidence: _seen, ...rest } = run;
  return { ...rest, gates: [] };
}
