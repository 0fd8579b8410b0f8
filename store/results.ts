/**
 * Owns the table of results, the largest by far: a text that equals the one before is not stored again, but once in each
 * hour it is, and whole hours are pruned; so a row that stays never loses the text it refers to.
 */
import { createHash } from 'node:crypto';
import type { HistoryQuery, Page, Store } from '../core/ports.ts';
import type { CheckResult, CheckState, PerfDatum } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { type Filter, pageLimit, pageOf, pageReader, present, pruner } from './rows.ts';

const hourMs = 3_600_000;
/** The exit code of each state. */
const states: readonly CheckState[] = ['ok', 'warning', 'critical', 'unknown'];

interface NewRow {
  series_id: number;
  at_ms: number;
  state: number;
  duration_ms: number;
  exit_code: number | null;
  text: string | null;
  long_text: string | null;
  perfdata: string | null;
}

type Row = NewRow & { id: number; host: string; check_id: string };
type Stored = CheckResult & { id: number; host: string; check: string };

/** What the next result of a series is compared with. */
interface Remembered {
  digest: string;
  hour: number;
}

export interface Results extends Pick<Store, 'results'> {
  /** Call `rolledBack` when the surrounding transaction is. */
  add(host: string, check: string, result: CheckResult): void;
  rolledBack(): void;
  prune(beforeMs: number, batch: number): number;
}

// CROSS JOIN and the unary plus below keep SQLite's planner on the index that yields the rows in order.
/** The row that bears the text of `r`. */
const bearer = `SELECT p.id FROM results AS p
  WHERE p.series_id = r.series_id AND p.id <= r.id AND p.text IS NOT NULL ORDER BY p.id DESC LIMIT 1`;
const select = `SELECT r.id, r.series_id, r.at_ms, r.state, r.duration_ms, r.exit_code, r.perfdata, t.text, t.long_text,
    s.host, s.check_id
  FROM results AS r CROSS JOIN series AS s ON s.id = r.series_id LEFT JOIN results AS t ON t.id = (${bearer})`;

export function resultTable(db: Connection): Results {
  const seriesOf = db.prepare<[string, string], { id: number }>(
    'SELECT id FROM series WHERE host = ? AND check_id = ?',
  );
  const addSeries = db.prepare<[string, string]>('INSERT INTO series (host, check_id) VALUES (?, ?)');
  const insert = db.prepare<[NewRow]>(
    `INSERT INTO results (series_id, at_ms, state, duration_ms, exit_code, text, long_text, perfdata)
     VALUES (:series_id, :at_ms, :state, :duration_ms, :exit_code, :text, :long_text, :perfdata)`,
  );
  const newest = new Map<number, Remembered>();
  const readPage = resultReader(db);
  const pruneHours = pruner(db, 'results', 'at_ms < ?');
  return {
    add(host, check, result) {
      const seriesId = seriesOf.get(host, check)?.id ?? Number(addSeries.run(host, check).lastInsertRowid);
      const remembered = {
        digest: digestOf(result),
        hour: Math.floor(Math.round(result.startedAtMs) / hourMs),
      };
      const before = newest.get(seriesId);
      const repeated = before?.digest === remembered.digest && before.hour === remembered.hour;
      insert.run(encode(seriesId, result, repeated));
      newest.set(seriesId, remembered);
    },
    rolledBack: () => newest.clear(),
    results: (query) => readPage(query),
    prune: (beforeMs, batch) => pruneHours(Math.floor(beforeMs / hourMs) * hourMs, batch),
  };
}

/** One host's checks are read each along its own index and merged; without a host the table is read backwards. */
function resultReader(db: Connection): (query: HistoryQuery) => Page<Stored> {
  const seriesOfHost = db.prepare<[string], { id: number; check_id: string }>(
    'SELECT id, check_id FROM series WHERE host = ?',
  );
  const read = pageReader<Row>(db, { select, key: 'r.id' });
  return (query) => {
    const filters: Filter[] = [
      ['+r.at_ms >= ?', query.sinceMs],
      ['+r.at_ms <= ?', query.untilMs],
    ];
    if (query.host === undefined) {
      return pageOf(
        read([...filters, ['s.check_id = ?', query.check]], query),
        query,
        (row) => row.id,
        decode,
      );
    }
    const series = seriesOfHost
      .all(query.host)
      .filter((one) => query.check === undefined || one.check_id === query.check);
    const rows = series.flatMap((one) => read([['r.series_id = ?', one.id], ...filters], query));
    const merged = rows.sort((a, b) => b.id - a.id).slice(0, pageLimit(query.limit) + 1);
    return pageOf(merged, query, (row) => row.id, decode);
  };
}

function digestOf(result: CheckResult): string {
  return createHash('sha256').update(`${result.text}\0${result.longText}`).digest('base64');
}

function encode(seriesId: number, result: CheckResult, repeated: boolean): NewRow {
  return {
    series_id: seriesId,
    at_ms: Math.round(result.startedAtMs),
    state: states.indexOf(result.state),
    duration_ms: Math.round(result.durationMs),
    exit_code: result.exitCode ?? null,
    text: repeated ? null : result.text,
    long_text: repeated || result.longText === '' ? null : result.longText,
    perfdata: result.perfdata.length === 0 ? null : JSON.stringify(result.perfdata),
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
