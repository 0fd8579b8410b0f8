/** Owns the numbers of series (a check of a host each) and what is remembered of each while it gets results. */
import type { CheckStatus } from '../core/types.ts';
import type { Connection } from './connection.ts';
import type { Bearer } from './content.ts';

export interface Series {
  readonly id: number;
  /** Id of its newest result; 0: none. */
  newestId: number;
  /** The hour in which `bearer` was written; another one needs its own. Since the epoch. */
  hour?: number;
  bearer?: Bearer;
  /** As it was written last, without what stands beside it. */
  status?: Omit<CheckStatus, 'lastResult'>;
}

export interface SeriesTable {
  /** Made when there is none. */
  of(host: string, check: string): Series;
  /** Ids of those that exist. */
  find(host: string, check?: string): { id: number; check: string }[];
  /** What is remembered may not be what is stored: it is read again. */
  forget(): void;
}

export function seriesTable(db: Connection): SeriesTable {
  const select = db.prepare<[string, string], { id: number; newestId: number | null }>(
    `SELECT s.id, l.result_id AS newestId FROM series AS s LEFT JOIN latest AS l ON l.series_id = s.id
     WHERE s.host = ? AND s.check_id = ?`,
  );
  const insert = db.prepare<[string, string]>('INSERT INTO series (host, check_id) VALUES (?, ?)');
  const ofHost = db.prepare<[string], { id: number; check: string }>(
    'SELECT id, check_id AS "check" FROM series WHERE host = ?',
  );
  const known = new Map<string, Map<string, Series>>();
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
    forget: () => known.clear(),
  };
}
