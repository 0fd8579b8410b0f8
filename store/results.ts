/**
 * Owns the results, the largest part of the history by far: what was printed is written when it changes and once in each hour,
 * so that whole hours can go and what stays never loses what it relies on. Reads along the chain of a series.
 */
import type { HistoryQuery, Store } from '../core/ports.ts';
import type { CheckResult, CheckState } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { read, write } from './content.ts';
import { type Day, type DayRow, type Days, dayMs, idOf, placeOf, resultDays, stragglerMs } from './days.ts';
import { oldResults } from './old-results.ts';
import { cursorKey, pageLimit, pageOf } from './rows.ts';
import type { Series, SeriesTable } from './series.ts';

const hourMs = 3_600_000;
/** Rows that are read at once when all series are. */
const block = 500;
/** The exit code of each state. */
export const states: readonly CheckState[] = ['ok', 'warning', 'critical', 'unknown'];

type Stored = CheckResult & { id: number; host: string; check: string };
type Place = Pick<Stored, 'host' | 'check'>;

/** A row that was found: where, and whose. */
interface Found {
  id: number;
  day: Day;
  row: DayRow;
}

/** Writes are part of the caller's transaction. */
export interface Results extends Pick<Store, 'results'> {
  add(series: Series, result: CheckResult): void;
  /** The newest of each series by its number, as far as it is still there. */
  newest(): Map<number, CheckResult>;
  /** True while more is left. */
  prune(beforeMs: number): boolean;
  /** The transaction was undone. */
  forget(): void;
}

export function resultTables(db: Connection, allSeries: SeriesTable): Results {
  const days = resultDays(db);
  const old = oldResults(db);
  const putLatest = db.prepare<[number, number, number]>(
    `INSERT INTO latest (series_id, result_id, at_ms) VALUES (?, ?, ?)
     ON CONFLICT (series_id) DO UPDATE SET result_id = excluded.result_id, at_ms = excluded.at_ms`,
  );
  const found = finder(db, days, allSeries);
  return {
    add(series, result) {
      const atMs = Math.round(result.startedAtMs);
      const day = days.at(atMs);
      const number = day.next;
      const hour = Math.floor(atMs / hourMs);
      const before = placeOf(series.newestId);
      const isBorne = before.dayId === day.id && series.hour === hour;
      const { content, changes, bearer } = write(result, isBorne ? series.bearer : undefined);
      day.insert({
        id: number,
        series_id: series.id,
        back: before.dayId === day.id ? number - before.number : -series.newestId,
        at: atMs - day.startMs,
        state: states.indexOf(result.state),
        duration_ms: Math.round(result.durationMs),
        exit_code: result.exitCode ?? null,
        content,
        changes,
      });
      day.next += 1;
      day.newestMs = Math.max(day.newestMs, atMs);
      series.newestId = idOf(day, number);
      series.hour = hour;
      series.bearer = bearer;
      putLatest.run(series.id, series.newestId, atMs);
    },
    newest() {
      const results = new Map<number, CheckResult>();
      for (const day of days.all())
        for (const row of day.newest()) results.set(row.series_id, decode(day, row));
      return results;
    },
    results(query) {
      const wanted = pageLimit(query.limit) + 1;
      const rows: { id: number; result: Stored }[] = [];
      for (const { id, day, row, place } of found(query)) {
        rows.push({ id, result: { id, ...place, ...decode(day, row) } });
        if (rows.length === wanted) break;
      }
      if (rows.length < wanted) rows.push(...old.rows(query, wanted - rows.length));
      return pageOf(
        rows,
        query,
        ({ id }) => id,
        ({ result }) => result,
      );
    },
    prune: (beforeMs) => [days.prune(beforeMs), old.prune(beforeMs)].includes(true),
    forget() {
      days.forget();
      old.forget();
    },
  };
}

/** The rows that a query asks for, newest first. */
function finder(
  db: Connection,
  days: Days,
  allSeries: SeriesTable,
): (query: HistoryQuery) => Iterable<Found & { place: Place }> {
  const placeOfSeries = db.prepare<[number], Place>(
    'SELECT host, check_id AS "check" FROM series WHERE id = ?',
  );
  const newestOf = db.prepare<[number], number>('SELECT result_id FROM latest WHERE series_id = ?').pluck();

  /** The last row of a series in a day before a number, or one not far behind it. */
  function entryTo(seriesId: number, day: Day, before: number, untilMs: number): number | undefined {
    const here = day.entry(seriesId, before, untilMs + stragglerMs);
    if (here !== undefined) return here;
    for (const later of days.all().filter(({ id }) => id > day.id)) {
      const first = later.entry(seriesId, 0, Infinity);
      if (first !== undefined) return numberIn(day, -(later.row(first)?.back ?? 0));
    }
    return numberIn(day, newestOf.get(seriesId) ?? 0);
  }

  function* chain(
    seriesId: number,
    { cursor, sinceMs = -Infinity, untilMs = Infinity }: HistoryQuery,
  ): Generator<Found> {
    const before = cursorKey(cursor) ?? Infinity;
    for (const day of days.all().toReversed()) {
      if (day.startMs - stragglerMs > untilMs || day.startMs + dayMs < sinceMs || idOf(day, 0) > before)
        continue;
      let number = entryTo(seriesId, day, Math.min(before - idOf(day, 0), day.next), untilMs);
      while (number !== undefined && number > 0) {
        const row = day.row(number);
        if (row === undefined || day.startMs + row.at < sinceMs - stragglerMs) break;
        const id = idOf(day, number);
        if (id < before) yield { id, day, row };
        number = row.back > 0 ? number - row.back : undefined;
      }
    }
  }

  function* everything({ cursor }: HistoryQuery): Generator<Found> {
    const before = cursorKey(cursor) ?? Infinity;
    for (const day of days.all().toReversed()) {
      let rows: DayRow[];
      let number = Math.min(before - idOf(day, 0), day.next);
      do {
        rows = day.before(number, block);
        for (const row of rows) yield { id: idOf(day, row.id), day, row };
        number = rows.at(-1)?.id ?? 0;
      } while (rows.length === block);
    }
  }

  return function* (query) {
    const { host, check, sinceMs = -Infinity, untilMs = Infinity } = query;
    const sources =
      host === undefined
        ? [everything(query)]
        : allSeries.find(host, check).map(({ id }) => chain(id, query));
    for (const one of merged(sources)) {
      const atMs = one.day.startMs + one.row.at;
      if (atMs < sinceMs || atMs > untilMs) continue;
      const place = placeOfSeries.get(one.row.series_id);
      if (place !== undefined && (check === undefined || place.check === check)) yield { ...one, place };
    }
  };
}

/** The number of a result in a day; undefined when it lies in another. */
function numberIn(day: Day, id: number): number | undefined {
  const { dayId, number } = placeOf(id);
  return dayId === day.id ? number : undefined;
}

/** Each source is sorted by id, the greatest first; so is the whole. */
function* merged(sources: readonly Generator<Found>[]): Generator<Found> {
  const heads = sources.map((source) => ({ source, at: source.next() }));
  for (;;) {
    const next = heads.reduce<(typeof heads)[number] | undefined>((best, head) => {
      if (head.at.done === true) return best;
      return best === undefined || best.at.done === true || head.at.value.id > best.at.value.id ? head : best;
    }, undefined);
    if (next === undefined || next.at.done === true) return;
    yield next.at.value;
    next.at = next.source.next();
  }
}

function decode(day: Day, row: DayRow): CheckResult {
  const content = row.content ?? day.contentOf(row.series_id, row.id);
  return {
    state: states[row.state] ?? 'unknown',
    ...(content === undefined ? { text: '', longText: '', perfdata: [] } : read(content, row.changes)),
    ...(row.exit_code === null ? {} : { exitCode: row.exit_code }),
    startedAtMs: day.startMs + row.at,
    durationMs: row.duration_ms,
  };
}
