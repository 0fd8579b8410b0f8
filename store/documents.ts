/** Owns a small table of whole, sealed documents that are read often and written seldom. Knows none of their meaning. */
import type { Connection } from './connection.ts';
import { pruner } from './rows.ts';
import { damaged, type Sealed, sealed, unsealed } from './seal.ts';

/** For a document that holds until somebody says otherwise. */
export const withoutEnd = Number.MAX_SAFE_INTEGER;

interface Content {
  id: string;
  until_ms: number;
  body: string;
}

export interface DocumentKind<T> {
  table: 'suppressions' | 'approvals' | 'brakes' | 'trust' | 'registrations' | 'conversations';
  idOf: (document: T) => string;
  /** Wall time from which it is only remembered, or `withoutEnd`. */
  untilMs: (document: T) => number;
}

/** Documents are frozen through and through. Errors: STORE_CORRUPT. */
export interface Documents<T> {
  get: (id: string) => T | undefined;
  /** Those that last beyond that wall time, in the order they came. */
  lastingAfter: (ms: number) => readonly T[];
  /** False when the id is taken. */
  add: (document: T) => boolean;
  put: (document: T) => void;
  remove: (id: string) => boolean;
  verify: () => void;
  prune: (beforeMs: number, batch: number) => number;
}

export function documentTable<T extends object>(
  db: Connection,
  file: string,
  { table, idOf, untilMs }: DocumentKind<T>,
): Documents<T> {
  type Row = Sealed<Content>;
  const columns = 'id, until_ms, body, checksum';
  const insert = `INSERT INTO ${table} (${columns}) VALUES (:id, :until_ms, :body, :checksum) ON CONFLICT (id)`;
  const add = db.prepare<[Row]>(`${insert} DO NOTHING`);
  const put = db.prepare<[Row]>(
    `${insert} DO UPDATE SET until_ms = excluded.until_ms, body = excluded.body, checksum = excluded.checksum`,
  );
  const byId = db.prepare<[string], Row>(`SELECT ${columns} FROM ${table} WHERE id = ?`);
  const lasting = db.prepare<[number], Row>(
    `SELECT ${columns} FROM ${table} WHERE until_ms > ? ORDER BY seq`,
  );
  const remove = db.prepare<[string]>(`DELETE FROM ${table} WHERE id = ?`);
  const version = versionOf(db);
  let known: { version: string; afterMs: number; rows: { untilMs: number; document: T }[] } | undefined;

  const encode = (document: T): Row =>
    sealed({ id: idOf(document), until_ms: untilMs(document), body: JSON.stringify(document) });
  const decode = (row: Row): T => {
    const { id, body } = unsealed(row, file, `${table} ${row.id}`);
    const document = JSON.parse(body, (_key, value: unknown) => Object.freeze(value)) as T;
    if (idOf(document) !== id) throw damaged(file, `${table} ${id}`);
    return document;
  };
  /** Read again only when the file has changed, or when the question reaches further back. */
  const rowsAfter = (ms: number): { untilMs: number; document: T }[] => {
    const now = version();
    if (known === undefined || known.version !== now || ms < known.afterMs) {
      const rows = lasting.all(ms).map((row) => ({ untilMs: row.until_ms, document: decode(row) }));
      known = { version: now, afterMs: ms, rows };
    }
    return known.rows;
  };

  return {
    get(id) {
      const row = byId.get(id);
      return row && decode(row);
    },
    lastingAfter: (ms) =>
      rowsAfter(ms)
        .filter((row) => row.untilMs > ms)
        .map(({ document }) => document),
    add: (document) => add.run(encode(document)).changes === 1,
    put: (document) => void put.run(encode(document)),
    remove: (id) => remove.run(id).changes === 1,
    verify() {
      for (const row of lasting.all(-1)) decode(row);
    },
    prune: pruner(db, table, 'until_ms < ?'),
  };
}

/** Another text after each change of the file, by whatever connection. Source: https://www.sqlite.org/pragma.html#pragma_data_version */
function versionOf(db: Connection): () => string {
  const own = db.prepare<[], number>('SELECT total_changes()').pluck();
  return () => `${String(db.pragma('data_version', { simple: true }))} ${String(own.get())}`;
}
