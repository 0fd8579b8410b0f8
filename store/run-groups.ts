/** Owns which groups of hosts a repair belongs to, and how many of a group are open or spent. Limits nothing. */
import type { GroupKey } from '../core/safety.ts';
import type { Connection } from './connection.ts';
import { openRuns, spendingRuns } from './run-rows.ts';
import { type Sealed, sealed, unsealed } from './seal.ts';

interface Content {
  run: number;
  scope: string;
  at_ms: number;
}

export interface RunGroups {
  add(run: number, scopes: readonly GroupKey[], atMs: number): void;
  /** Open repairs of the group. */
  open(scope: GroupKey): number;
  /** Repairs of the group that were decided after that time and spend a budget. */
  spent(scope: GroupKey, afterMs: number): number;
  verify(): void;
}

export function runGroupTable(db: Connection, file: string): RunGroups {
  const insert = db.prepare<[Sealed<Content>]>(
    'INSERT INTO run_groups (run, scope, at_ms, checksum) VALUES (:run, :scope, :at_ms, :checksum)',
  );
  const open = db
    .prepare<[string], number>(
      `SELECT count(*) FROM runs WHERE repairs = 1 AND ${openRuns}
       AND EXISTS (SELECT 1 FROM run_groups AS g WHERE g.run = runs.seq AND g.scope = ?)`,
    )
    .pluck();
  const spent = db
    .prepare<[string, number], number>(
      `SELECT count(*) FROM run_groups AS g JOIN runs ON runs.seq = g.run
       WHERE g.scope = ? AND g.at_ms > ? AND repairs = 1 AND ${spendingRuns}`,
    )
    .pluck();
  const all = db.prepare<[], Sealed<Content>>('SELECT run, scope, at_ms, checksum FROM run_groups');
  return {
    add(run, scopes, atMs) {
      for (const scope of new Set(scopes)) insert.run(sealed({ run, scope, at_ms: atMs }));
    },
    open: (scope) => open.get(scope) ?? 0,
    spent: (scope, afterMs) => spent.get(scope, afterMs) ?? 0,
    verify() {
      for (const row of all.iterate()) unsealed(row, file, `group ${row.scope} of run ${row.run}`);
    },
  };
}
