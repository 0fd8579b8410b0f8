/** Owns how rows become data: absent fields, and pages newest first. Knows no table. */
import type { HistoryQuery, Page } from '../core/ports.ts';
import type { Connection } from './connection.ts';

export type Present<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** The same fields without those that are NULL in SQL. */
export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  ) as Present<T>;
}

export type SqlValue = string | number;
/** A condition with one `?`; left out while its value is undefined. */
export type Filter = readonly [condition: string, value: SqlValue | undefined];

export type PageQuery = Pick<HistoryQuery, 'cursor' | 'limit'>;

/** `select` ends before WHERE; `key` is the integer column that orders the rows and makes the cursor. */
export interface Listing {
  select: string;
  key: string;
}

export type ReadPage<Row> = (filters: readonly Filter[], query: PageQuery) => Row[];

/** Limits: 1..500 rows. */
export function pageLimit(limit: number): number {
  return Math.min(500, Math.max(1, Math.trunc(limit)));
}

/** The row key before which a page begins. A cursor that we did not make names no row. */
export function cursorKey(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  return /^\d{1,15}$/.test(cursor) ? Number(cursor) : 0;
}

/** Reads one row more than a page, so that `pageOf` knows whether more follow. Each combination of filters is prepared once. */
export function pageReader<Row>(db: Connection, { select, key }: Listing): ReadPage<Row> {
  const prepared = new Map<string, ReturnType<typeof db.prepare<SqlValue[], Row>>>();
  return (filters, query) => {
    const used = [...filters, [`${key} < ?`, cursorKey(query.cursor)] as const].filter(
      ([, value]) => value !== undefined,
    );
    const where = used.length === 0 ? '' : `WHERE ${used.map(([condition]) => condition).join(' AND ')}`;
    const sql = `${select} ${where} ORDER BY ${key} DESC LIMIT ?`;
    const statement = prepared.get(sql) ?? db.prepare<SqlValue[], Row>(sql);
    prepared.set(sql, statement);
    const values = used.flatMap(([, value]) => (value === undefined ? [] : [value]));
    return statement.all(...values, pageLimit(query.limit) + 1);
  };
}

/** Cuts what `pageReader` read to a page. */
export function pageOf<Row, T>(
  rows: Row[],
  query: PageQuery,
  key: (row: Row) => number,
  read: (row: Row) => T,
): Page<T> {
  const limit = pageLimit(query.limit);
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const next = rows.length > limit && last !== undefined ? { next: String(key(last)) } : {};
  return { items: kept.map(read), ...next };
}

/** Deletes at most `batch` rows of `table` whose `column` is before a time; returns how many. */
export function pruner(
  db: Connection,
  table: string,
  condition: string,
): (beforeMs: number, batch: number) => number {
  const statement = db.prepare<[number, number]>(
    `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${condition} LIMIT ?)`,
  );
  return (beforeMs, batch) => statement.run(beforeMs, batch).changes;
}
