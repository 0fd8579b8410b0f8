/**
 * Owns the results that an older mendd wrote into one table: they are read and pruned, and when the last is gone so is the table.
 * Nothing is written here. Their ids are below those of all others.
 */
import type { HistoryQuery } from '../core/ports.ts';
import type { CheckResult, CheckState, PerfDatum } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { type Filter, pageLimit, pageReader, present, pruner } from './rows.ts';

const hourMs = 3_600_000;
/** Rows that one call of `prune` deletes; about 6 ms. */
const pruneBatch = 1_000;
/** The exit code of each state. */
const states: readonly CheckState[] = ['ok', 'warning', 'critical', 'unknown'];

interface Row {
  id: number;
  host: string;
  check_id: string;
  at_ms: number;
  state: number;
  duration_ms: number;
  exit_code: number | null;
  text: string | null;
  long_text: string | null;
  perfdata: string | null;
}

type Stored = CheckResult & { id: number; host: string; check: string };

export interface OldResults {
  /** At most `limit`, newest first. */
  rows(query: HistoryQuery, limit: number): { id: number; result: Stored }[];
  /** True while more is left. */
  prune(beforeMs: number): boolean;
  /** The transaction was undone. */
  forget(): void;
}

// CROSS JOIN and the unary plus below keep SQLite's planner on the index that yields the rows in order.
/** The row that bears the text of `r`. */
const bearer = `SELECT p.id FROM results AS p
  WHERE p.series_id = r.series_id AND p.id <= r.id AND p.text IS NOT NULL ORDER BY p.id DESC LIMIT 1`;
const select = `SELECT r.id, r.at_ms, r.state, r.duration_ms, r.exit_code, r.perfdata, t.text, t.long_text,
    s.host, s.check_id
  FROM results AS r CROSS JOIN series AS s ON s.id = r.series_id LEFT JOIN results AS t ON t.id = (${bearer})`;

export function oldResults(db: Connection): OldResults {
  const isThere = (): boolean =>
    db.prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'results'`).get() !== undefined;
  const open = () => (isThere() ? openTable(db) : undefined);
  let tables = open();
  return {
    rows: (query, limit) => (tables === undefined ? [] : tables.read(query).slice(0, limit)),
    prune(beforeMs) {
      if (tables === undefined) return false;
      if (tables.prune(Math.floor(beforeMs / hourMs) * hourMs, pruneBatch) === pruneBatch) return true;
      if (db.prepare('SELECT 1 FROM results LIMIT 1').get() !== undefined) return false;
      tables = undefined;
      db.exec('DROP TABLE results');
      return false;
    },
    forget: () => {
      tables = open();
    },
  };
}

function openTable(db: Connection) {
  const seriesOfHost = db.prepare<[string], { id: number; check_id: string }>(
    'SELECT id, check_id FROM series WHERE host = ?',
  );
  const read = pageReader<Row>(db, { select, key: 'r.id' });
  const readPage = (query: HistoryQuery): Row[] => {
    const filters: Filter[] = [
      ['+r.at_ms >= ?', query.sinceMs],
      ['+r.at_ms <= ?', query.untilMs],
    ];
    if (query.host === undefined) return read([...filters, ['s.check_id = ?', query.check]], query);
    const series = seriesOfHost
      .all(query.host)
      .filter((one) => query.check === undefined || one.check_id === query.check);
    const rows = series.flatMap((one) => read([['r.series_id = ?', one.id], ...filters], query));
    return rows.sort((a, b) => b.id - a.id).slice(0, pageLimit(query.limit) + 1);
  };
  return {
    read: (query: HistoryQuery) => readPage(query).map((row) => ({ id: row.id, result: decode(row) })),
    prune: pruner(db, 'results', 'at_ms < ?'),
  };
}

function decode(row: Row): Stored {
  return {
    id: row.id,
    host: row.host,
    check: row.check_id,
    state: states[row.state] ?? 'unknown',
    text: row.text ?? '',
    longText: row.long_text ?? '',
    perfdata: row.perfdata === null ? [] : (JSON.parse(row.perfdata) as PerfDatum[]),
    ...present({ exitCode: row.exit_code }),
    startedAtMs: row.at_ms,
    durationMs: row.duration_ms,
  };
}
