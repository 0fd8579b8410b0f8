/**
 * Owns the tables of results, one for each day: appended to in the order of time, without an index over all rows. Each row tells
 * where the row before it of its series stands, and the rows that bear what was printed are indexed to enter that chain.
 */
import type { Connection } from './connection.ts';

export const dayMs = 86_400_000;
/** A result that is older than one before it by more means that the clock was set back: a new table is begun. Milliseconds. */
export const stragglerMs = 3_600_000;
/** Rows among which the newest time of a table is looked for when it is opened. */
const lookedThrough = 10_000;
/** The id of a result is its day's id times this, and its number within the day. */
export const rowsPerDay = 1_000_000_000;
/** Rows that one call of `prune` deletes, and left when a table is dropped; less than a millisecond, 6 ms with a checkpoint. */
const slice = 5_000;

/** A row as it stands in the table of a day. */
export interface DayRow {
  id: number;
  series_id: number;
  /** Rows back to the one before of the series; below 0: its id, in another day; 0: none. */
  back: number;
  /** Since the day began. Milliseconds; may be less than 0. */
  at: number;
  state: number;
  duration_ms: number;
  exit_code: number | null;
  content: string | null;
  changes: string | null;
}

export type BareRow = Pick<DayRow, 'id' | 'series_id' | 'at' | 'state' | 'duration_ms'>;

export interface Day {
  readonly id: number;
  readonly startMs: number;
  /** Number of the next row. */
  next: number;
  /** The newest time so far; no later row is older by more than `stragglerMs`. */
  newestMs: number;
  insert(row: DayRow): void;
  row(number: number): DayRow | undefined;
  /** Those of its rows that are the newest of their series, each with the content that it bears or relies on. */
  newest(): Iterable<DayRow>;
  /** Rows before a number, the last first. */
  before(number: number, limit: number): DayRow[];
  /** Rows after a number that began within these wall times, the first first; without what they tell. */
  after(number: number, span: { sinceMs: number; untilMs: number }, limit: number): BareRow[];
  /** What the row of that number bears or relies on. */
  contentOf(seriesId: number, number: number): string | undefined;
  /** The first row of a series that bears something and is of that number or more, or of a later time. */
  entry(seriesId: number, number: number, afterMs: number): number | undefined;
}

export interface Days {
  /** Oldest first. */
  all(): readonly Day[];
  /** The one that takes a result of that time; made when it has to be. */
  at(ms: number): Day;
  /** Days that are over wholly, and whole hours of the newest two, but for the last row. True while more is left. */
  prune(beforeMs: number): boolean;
  forget(): void;
}

export function idOf(day: Day, number: number): number {
  return day.id * rowsPerDay + number;
}

export function placeOf(id: number): { dayId: number; number: number } {
  return { dayId: Math.floor(id / rowsPerDay), number: id % rowsPerDay };
}

export function resultDays(db: Connection): Days {
  const list = db.prepare<[], { id: number; day: number }>('SELECT id, day FROM days ORDER BY id');
  const insert = db.prepare<[number]>('INSERT INTO days (day) VALUES (?)');
  const remove = db.prepare<[number]>('DELETE FROM days WHERE id = ?');
  let known: Day[] | undefined;
  const all = (): Day[] => {
    known ??= list.all().map(({ id, day }) => openDay(db, id, day));
    return known;
  };
  return {
    all,
    at(ms) {
      const newest = all().at(-1);
      const day = Math.floor(ms / dayMs);
      if (newest !== undefined && newest.next < rowsPerDay) {
        const isLater = day * dayMs > newest.startMs;
        if (!isLater && ms >= newest.newestMs - stragglerMs) return newest;
      }
      const id = Number(insert.run(day).lastInsertRowid);
      db.exec(createDay(id));
      const made = openDay(db, id, day);
      all().push(made);
      return made;
    },
    prune(beforeMs) {
      const days = all();
      // Not always the first: the clock may have been ahead when that was begun.
      const over = days.find((day) => day.startMs + dayMs <= beforeMs);
      if (over !== undefined) {
        if (cut(db, over, over.next - slice)) return true;
        db.exec(`DROP TABLE results_${over.id}`);
        remove.run(over.id);
        days.splice(days.indexOf(over), 1);
        return true;
      }
      return days.slice(-2).some((day) => cut(db, day, firstKept(db, day, beforeMs)));
    },
    forget: () => {
      known = undefined;
    },
  };
}

function createDay(id: number): string {
  return `CREATE TABLE results_${id} (
      id INTEGER PRIMARY KEY,
      series_id INTEGER NOT NULL,
      back INTEGER NOT NULL,
      at INTEGER NOT NULL,
      state INTEGER NOT NULL,
      duration_ms INTEGER NOT NULL,
      exit_code INTEGER,
      content TEXT,
      changes TEXT
    ) STRICT;
    CREATE INDEX results_${id}_entries ON results_${id} (series_id) WHERE content IS NOT NULL;`;
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** Statements are prepared when they are needed: most days are only kept. */
function openDay(db: Connection, id: number, day: number): Day {
  const table = `results_${id}`;
  const insert = lazily(() =>
    db.prepare<(number | string | null)[]>(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
  );
  const row = lazily(() => db.prepare<[number], DayRow>(`SELECT * FROM ${table} WHERE id = ?`));
  const before = lazily(() =>
    db.prepare<[number, number], DayRow>(`SELECT * FROM ${table} WHERE id < ? ORDER BY id DESC LIMIT ?`),
  );
  const after = lazily(() =>
    db.prepare<[number, number, number, number], BareRow>(
      `SELECT id, series_id, at, state, duration_ms FROM ${table} WHERE id > ? AND at >= ? AND at <= ? ORDER BY id LIMIT ?`,
    ),
  );
  const contentOf = lazily(() =>
    db
      .prepare<[number, number], string>(
        `SELECT content FROM ${table} WHERE series_id = ? AND content IS NOT NULL AND id <= ? ORDER BY id DESC LIMIT 1`,
      )
      .pluck(),
  );
  const entry = lazily(() =>
    db
      .prepare<[number, number, number], number>(
        `SELECT id FROM ${table} WHERE series_id = ? AND content IS NOT NULL AND (id >= ? OR at > ?) ORDER BY id LIMIT 1`,
      )
      .pluck(),
  );
  const newest = (): Iterable<DayRow> =>
    db
      .prepare<[number, number, number], DayRow>(
        `SELECT r.id, r.series_id, r.back, r.at, r.state, r.duration_ms, r.exit_code, r.changes,
           coalesce(r.content, (SELECT b.content FROM ${table} AS b WHERE b.series_id = r.series_id
             AND b.content IS NOT NULL AND b.id <= r.id ORDER BY b.id DESC LIMIT 1)) AS content
         FROM latest AS l CROSS JOIN ${table} AS r ON r.id = l.result_id - ?
         WHERE l.result_id > ? AND l.result_id < ?`,
      )
      .iterate(id * rowsPerDay, id * rowsPerDay, (id + 1) * rowsPerDay);
  const last = db
    .prepare<[number], { id: number | null; at: number | null }>(
      `SELECT max(id) AS id, max(at) AS at FROM (SELECT id, at FROM ${table} ORDER BY id DESC LIMIT ?)`,
    )
    .get(lookedThrough);
  const startMs = day * dayMs;
  return {
    id,
    startMs,
    next: (last?.id ?? 0) + 1,
    newestMs: startMs + (last?.at ?? -Infinity),
    insert({ id: number, series_id, back, at, state, duration_ms, exit_code, content, changes }) {
      insert().run(number, series_id, back, at, state, duration_ms, exit_code, content, changes);
    },
    row: (number) => row().get(number),
    newest,
    before: (number, limit) => before().all(number, limit),
    after: (number, { sinceMs, untilMs }, limit) =>
      after().all(number, sinceMs - startMs, untilMs - startMs, limit),
    contentOf: (seriesId, number) => contentOf().get(seriesId, number),
    entry: (seriesId, number, afterMs) => entry().get(seriesId, number, afterMs - startMs),
  };
}

/**
 * The first row that is not older; rows before it may go, and what they bear is borne again in each hour. The last one stays: after
 * a start it tells which number is next.
 */
function firstKept(db: Connection, day: Day, beforeMs: number): number {
  const hourMs = 3_600_000;
  const before = Math.floor(beforeMs / hourMs) * hourMs - day.startMs;
  const sql = `SELECT id FROM results_${day.id} WHERE at >= ? ORDER BY id LIMIT 1`;
  return db.prepare<[number], number>(sql).pluck().get(before) ?? day.next - 1;
}

/** Deletes the oldest of the rows before a number, a slice at most; false when there were none. */
function cut(db: Connection, day: Day, number: number): boolean {
  const table = `results_${day.id}`;
  const first = db.prepare<[], number | null>(`SELECT min(id) FROM ${table}`).pluck().get() ?? number;
  if (first >= number) return false;
  db.prepare<[number]>(`DELETE FROM ${table} WHERE id < ?`).run(Math.min(number, first + slice));
  return true;
}
