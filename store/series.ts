/** Owns the numbers of series (a check of a host each) and what is remembered of each while it gets results. */
import type { CheckStatus } from '../core/types.ts';
import type { Connection } from './connection.ts';
import type { Bearer } from './content.ts';
import { rowsPerDay } from './days.ts';

export interface Series {
  readonly id: number;
  /** Id of its newest result; 0: none. */
  newestId: number;
  /** The hour in which `bearer` was written; another one needs its own. Since the epoch. */
  hour?: number;
  bearer?: Bearer;
  /** As it was written last, but for what stands beside it. */
  status?: CheckStatus;
}

export interface SeriesTable {
  /** Made when there is none. */
  of(host: string, check: string): Series;
  /** Ids of those that exist. */
  find(host: string, check?: string): { id: number; check: string }[];
  /**
   * Forgets those without a state, for their checks are gone, and of which nothing is kept any more: the newest result is older, and
   * the table of its day dropped. Looks at some of them, at the next ones in the next call. To be called when nothing older is left.
   */
  prune(beforeMs: number): void;
  /** What is remembered may not be what is stored: it is read again. */
  forget(): void;
}

/** Numbers that one call of `prune` looks at; about 2 ms. */
const lookedAt = 5_000;

export function seriesTable(db: Connection): SeriesTable {
  const select = db.prepare<[string, string], { id: number; newestId: number | null }>(
    `SELECT s.id, l.result_id AS newestId FROM series AS s LEFT JOIN latest AS l ON l.series_id = s.id
     WHERE s.host = ? AND s.check_id = ?`,
  );
  const insert = db.prepare<[string, string]>('INSERT INTO series (host, check_id) VALUES (?, ?)');
  const ofHost = db.prepare<[string], { id: number; check: string }>(
    'SELECT id, check_id AS "check" FROM series WHERE host = ?',
  );
  // Before there was a table for each day nothing told the newest result: such a series waits until the last of them is gone.
  const unused = db.prepare<[number, number, number], { id: number; host: string; check: string }>(
    `SELECT s.id, s.host, s.check_id AS "check" FROM series AS s LEFT JOIN latest AS l ON l.series_id = s.id
     WHERE s.id > ? AND s.id <= ? AND NOT EXISTS (SELECT 1 FROM check_state AS c WHERE c.series_id = s.id)
       AND (l.series_id IS NULL OR l.at_ms < ? AND NOT EXISTS (SELECT 1 FROM days AS d WHERE d.id <= l.result_id / ${rowsPerDay}))
       AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'results')`,
  );
  const greatest = db.prepare<[], number | null>('SELECT max(id) FROM series').pluck();
  const remove = ['series WHERE id', 'latest WHERE series_id'].map((place) =>
    db.prepare<[number]>(`DELETE FROM ${place} = ?`),
  );
  const known = new Map<string, Map<string, Series>>();
  let lookedUntil = 0;
  return {
    of(host, check) {
      const checks = known.get(host) ?? new Map<string, Series>();
      const before = checks.get(check);
      if (before !== undefined) return before;
      const row = select.get(host, check) ?? {
        id: Number(insert.run(host, check).lastInsertRowid),
        newestId: null,
      };
      const series = { id: row.id, newestId: row.newestId ?? 0 };
      known.set(host, checks.set(check, series));
      return series;
    },
    find: (host, check) => ofHost.all(host).filter((one) => check === undefined || one.check === check),
    prune(beforeMs) {
      if (lookedUntil >= (greatest.get() ?? 0)) lookedUntil = 0;
      for (const { id, host, check } of unused.all(lookedUntil, lookedUntil + lookedAt, beforeMs)) {
        for (const statement of remove) statement.run(id);
        known.get(host)?.delete(check);
      }
      lookedUntil += lookedAt;
    },
    forget: () => known.clear(),
  };
}
