/** Owns the table of decisions; the same answer again and again is one row with a count. */

import type { Decision, GateVerdict, Reason, StoredDecision } from '../core/decisions.ts';
import type { Store } from '../core/ports.ts';
import type { Connection } from './connection.ts';
import { pageOf, pageReader, present, pruner } from './rows.ts';

interface Row {
  id: number;
  at_ms: number;
  last_at_ms: number;
  count: number;
  host: string;
  ladder: string;
  action: string;
  check_id: string;
  verdict: string;
  reason: string;
  gates: string;
  run_id: string | null;
}

type Query = Parameters<Store['decisions']>[0];

/** Writes are part of the caller's transaction. */
export interface Decisions extends Pick<Store, 'saveDecision' | 'decisions'> {
  prune(beforeMs: number, batch: number): number;
}

export function decisionTable(db: Connection): Decisions {
  const newest = db.prepare<[string, string], Row>(
    'SELECT * FROM decisions WHERE host = ? AND action = ? ORDER BY id DESC LIMIT 1',
  );
  const insert = db.prepare<[Omit<Row, 'id'>]>(
    `INSERT INTO decisions (at_ms, last_at_ms, count, host, ladder, action, check_id, verdict, reason, gates, run_id)
     VALUES (:at_ms, :last_at_ms, :count, :host, :ladder, :action, :check_id, :verdict, :reason, :gates, :run_id)`,
  );
  const update = db.prepare<[Pick<Row, 'id' | 'last_at_ms' | 'count' | 'gates'>]>(
    'UPDATE decisions SET last_at_ms = :last_at_ms, count = :count, gates = :gates WHERE id = :id',
  );
  const save = (decision: Decision): StoredDecision => {
    const before = newest.get(decision.host, decision.action);
    const row = encode(decision);
    if (before === undefined || !repeats(before, row)) {
      return { ...decision, id: Number(insert.run(row).lastInsertRowid), count: 1, lastAtMs: decision.atMs };
    }
    // The gates of the newest repeat are kept: they say what would open them now.
    const folded = {
      ...before,
      count: before.count + 1,
      last_at_ms: Math.max(before.last_at_ms, row.at_ms),
      gates: row.gates,
    };
    const { id, count, last_at_ms, gates } = folded;
    update.run({ id, count, last_at_ms, gates });
    return decode(folded);
  };
  const read = pageReader<Row>(db, { select: 'SELECT * FROM decisions AS d', key: 'id' });
  return {
    saveDecision: save,
    decisions: (query) => pageOf(read(filtersOf(query), query), query, (row) => row.id, decode),
    prune: pruner(db, 'decisions', 'last_at_ms < ?'),
  };
}

/** A run of its own makes a decision one of its own. */
function repeats(before: Row, row: Omit<Row, 'id'>): boolean {
  const same = (['ladder', 'check_id', 'verdict', 'reason'] as const).every(
    (key) => before[key] === row[key],
  );
  return same && before.run_id === null && row.run_id === null;
}

/** With `atMs`: of each host's action the newest decision that had been taken by then. */
function filtersOf(query: Query): Parameters<ReturnType<typeof pageReader>>[0] {
  const newestByThen = `d.id = (SELECT max(n.id) FROM decisions AS n
    WHERE n.host = d.host AND n.action = d.action AND n.at_ms <= ?)`;
  return [
    ['host = ?', query.host],
    ['check_id = ?', query.check],
    ['action = ?', query.action],
    ['last_at_ms >= ?', query.sinceMs],
    ['at_ms <= ?', query.untilMs],
    [newestByThen, query.atMs],
  ];
}

function encode(decision: Decision): Omit<Row, 'id'> {
  return {
    at_ms: decision.atMs,
    last_at_ms: decision.atMs,
    count: 1,
    host: decision.host,
    ladder: decision.ladder,
    action: decision.action,
    check_id: decision.check,
    verdict: decision.verdict,
    reason: decision.reason,
    gates: JSON.stringify(decision.gates),
    run_id: decision.runId ?? null,
  };
}

function decode(row: Row): StoredDecision {
  return {
    id: row.id,
    atMs: row.at_ms,
    lastAtMs: row.last_at_ms,
    count: row.count,
    host: row.host,
    ladder: row.ladder,
    action: row.action,
    check: row.check_id,
    verdict: row.verdict as Decision['verdict'],
    reason: row.reason as Reason,
    gates: JSON.parse(row.gates) as GateVerdict[],
    ...present({ runId: row.run_id }),
  };
}
