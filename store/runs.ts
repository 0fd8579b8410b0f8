/** Owns the runs of the ledger: claims, moves and reading. Each change is one durable transaction, read back before it counts. */
import type { ClaimVerdict, Coordinator, Page, RunChange, Slots } from '../core/ports.ts';
import { type Intent, isOpen, type Run, type RunEvent, type RunStatus } from '../core/types.ts';
import { assertDurable, type Connection, ledgerKind } from './connection.ts';
import { pageOf, pageReader, present, pruner, type SqlValue } from './rows.ts';
import { mayMove } from './run-moves.ts';
import {
  damaged,
  decodeRun,
  decodeSummary,
  encodeRun,
  type RunRow,
  type SummaryRow,
  summaryColumns,
} from './run-rows.ts';

/** As in the partial indexes of the schema, letter by letter, so that SQLite uses them. */
const open = `status IN ('intended', 'dispatched', 'unknown', 'verifying')`;
/** A run that certainly never ran on the target spends nothing. */
const spends = `NOT (status IN ('refused', 'expired') OR (status = 'cancelled' AND dispatched_at_ms IS NULL))`;

export type Runs = Pick<
  Coordinator,
  'claim' | 'dispatched' | 'advance' | 'get' | 'open' | 'list' | 'summaries'
> & {
  /** Errors: STORE_CORRUPT, naming the first run that is not as it was written. */
  verify: () => void;
  prune: (beforeMs: number, batch: number) => number;
};

export interface ClaimGuards {
  /** The newest fence token in the ledger. */
  fence(): number;
  paused(nowMs: number): boolean;
}

type Stored = RunRow & { seq: number };
type Refusal = Extract<ClaimVerdict, { kind: 'refused' }>['reason'];

export function runTable(db: Connection, file: string, guards: ClaimGuards): Runs {
  const byId = db.prepare<[string], Stored>('SELECT * FROM runs WHERE id = ?');
  const all = db.prepare<[], Stored>('SELECT * FROM runs ORDER BY seq');
  const opened = db.prepare<[], Stored>(`SELECT * FROM runs WHERE ${open} ORDER BY seq`);
  const summaries = db.prepare<[number], SummaryRow>(
    `SELECT ${summaryColumns} FROM runs WHERE decided_at_ms >= ? OR ${open} ORDER BY seq`,
  );
  const readPage = pageReader<Stored>(db, { select: 'SELECT * FROM runs', key: 'seq' });
  const write = runWriter(db);
  const refusalOf = claimRules(db, guards, (id) => byId.get(id) !== undefined);

  function find(runId: string): { run: Run; repairs: boolean } | undefined {
    const row = byId.get(runId);
    return row && { run: decodeRun(row, file), repairs: row.repairs === 1 };
  }

  /** What is not on disk as it was written was not written. */
  function readBack(runId: string, status: RunStatus): void {
    assertDurable(db, file, ledgerKind);
    if (find(runId)?.run.status !== status) throw damaged(file, `run ${runId}`);
  }

  const claim = db.transaction((intent: Intent, slots: Slots): Refusal | undefined => {
    const refusal = refusalOf(intent, slots);
    if (refusal === undefined) write.insert(newRun(intent), slots.repairs);
    return refusal;
  });

  const move = db.transaction((runId: string, change: (run: Run) => Run): Run => {
    const found = find(runId);
    if (found === undefined) throw new Error(`run ${runId} does not exist`);
    const moved = change(found.run);
    write.update(moved, found.repairs);
    return moved;
  });

  return {
    claim(intent, slots) {
      const reason = claim.immediate(intent, slots);
      if (reason !== undefined) return { kind: 'refused', reason };
      readBack(intent.id, 'intended');
      return { kind: 'claimed' };
    },
    dispatched(runId, atMs) {
      move.immediate(runId, (run) => dispatch(run, atMs));
      readBack(runId, 'dispatched');
    },
    advance: (runId, change) => move.immediate(runId, (run) => advance(run, change)),
    get: (runId) => find(runId)?.run,
    open: () => opened.all().map((row) => decodeRun(row, file)),
    list(query): Page<Run> {
      const rows = readPage(
        [
          ['host = ?', query.host],
          ['action = ?', query.action],
          ['status = ?', query.status],
          ['decided_at_ms >= ?', query.sinceMs],
          ['decided_at_ms <= ?', query.untilMs],
        ],
        query,
      );
      return pageOf(
        rows,
        query,
        (row) => row.seq,
        (row) => decodeRun(row, file),
      );
    },
    summaries: (sinceMs) => summaries.all(sinceMs).map(decodeSummary),
    verify() {
      for (const row of all.iterate()) decodeRun(row, file);
    },
    prune: pruner(db, 'runs', `NOT (${open}) AND decided_at_ms < ?`),
  };
}

/** The rules of a claim, asked inside its transaction; the first that refuses is the reason. */
function claimRules(
  db: Connection,
  guards: ClaimGuards,
  exists: (runId: string) => boolean,
): (intent: Intent, slots: Slots) => Refusal | undefined {
  const count = (where: string): ((...params: SqlValue[]) => number) => {
    const statement = db.prepare<SqlValue[], { count: number }>(
      `SELECT count(*) AS count FROM runs WHERE ${where}`,
    );
    return (...params) => statement.get(...params)?.count ?? 0;
  };
  const openOnHost = count(`host = ? AND repairs = 1 AND ${open}`);
  const openInFleet = count(`repairs = 1 AND ${open}`);
  const ofAction = count(`host = ? AND action = ? AND decided_at_ms > ? AND ${spends}`);
  const ofFleet = count(`repairs = 1 AND decided_at_ms > ? AND ${spends}`);

  return (intent, slots) => {
    if (guards.fence() !== intent.fence) return 'fenced';
    if (exists(intent.id)) return 'duplicate';
    // A message changes no machine: people are told also while automation is paused.
    if (!slots.repairs) return undefined;
    if (guards.paused(intent.decidedAtMs)) return 'paused';
    if (openOnHost(intent.host) > 0) return 'host_busy';
    if (openInFleet() >= slots.fleetConcurrent) return 'fleet_busy';
    if (ofAction(intent.host, intent.action, slots.action.sinceMs) >= slots.action.runs)
      return 'max_runs_reached';
    if (ofFleet(slots.fleet.sinceMs) >= slots.fleet.runs) return 'fleet_budget_spent';
    return undefined;
  };
}

interface RunWriter {
  insert(run: Run, repairs: boolean): void;
  update(run: Run, repairs: boolean): void;
}

function runWriter(db: Connection): RunWriter {
  const insert = db.prepare<[RunRow]>(
    `INSERT INTO runs (${summaryColumns}, repairs, intent, result, events, checksum)
     VALUES (:id, :host, :ladder, :action, :kind, :episode, :attempt, :status, :decided_at_ms, :dispatched_at_ms,
       :ended_at_ms, :verify_by_ms, :verify_ok_since_ms, :repairs, :intent, :result, :events, :checksum)`,
  );
  const update = db.prepare<[RunRow]>(
    `UPDATE runs SET status = :status, dispatched_at_ms = :dispatched_at_ms, ended_at_ms = :ended_at_ms,
       verify_by_ms = :verify_by_ms, verify_ok_since_ms = :verify_ok_since_ms, intent = :intent, result = :result,
       events = :events, checksum = :checksum
     WHERE id = :id`,
  );
  return {
    insert: (run, repairs) => void insert.run(encodeRun(run, repairs)),
    update: (run, repairs) => void update.run(encodeRun(run, repairs)),
  };
}

function newRun(intent: Intent): Run {
  const event: RunEvent = { atMs: intent.decidedAtMs, status: 'intended', text: intent.reason };
  return { ...intent, status: 'intended', events: [event] };
}

function dispatch(run: Run, atMs: number): Run {
  if (run.status !== 'intended') throw new Error(`run ${run.id} is ${run.status}: it cannot be dispatched`);
  const event: RunEvent = { atMs, status: 'dispatched', text: 'about to be sent' };
  return { ...run, status: 'dispatched', dispatchedAtMs: atMs, events: [...run.events, event] };
}

function advance(run: Run, change: RunChange): Run {
  const { atMs, event, status = run.status, verifyOkSinceMs, ...fields } = change;
  if (!mayMove(run.status, status) || (status === 'dispatched' && run.status !== status)) {
    throw new Error(`run ${run.id} cannot move from ${run.status} to ${status}`);
  }
  const ends = isOpen(run) && !isOpen({ status });
  const { verifyOkSinceMs: okSinceMs, ...rest } = run;
  const kept = verifyOkSinceMs === undefined ? okSinceMs : verifyOkSinceMs;
  return {
    ...rest,
    ...present(fields),
    status,
    ...present({ verifyOkSinceMs: kept, endedAtMs: ends ? atMs : run.endedAtMs }),
    events: event === undefined ? run.events : [...run.events, event],
  };
}
