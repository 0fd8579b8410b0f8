/** Owns the runs: claims, moves and what is read of them. A claim is one durable transaction, read back before it counts. */
import type { Coordinator, Page, RunChange, Slots } from '../core/ports.ts';
import { type Intent, isOpen, type Run, type RunEvent, type RunStatus } from '../core/types.ts';
import { type ClaimGuards, claimRules, type Refusal } from './claim-rules.ts';
import { assertDurable, type Connection, ledgerKind } from './connection.ts';
import { pageOf, pageReader, present, pruner } from './rows.ts';
import { runGroupTable } from './run-groups.ts';
import { mayMove } from './run-moves.ts';
import {
  byPerson,
  decodeRun,
  decodeSummary,
  encodeRun,
  openRuns,
  type RunRow,
  type SummaryRow,
  summaryColumns,
} from './run-rows.ts';
import { damaged } from './seal.ts';

export type Runs = Pick<
  Coordinator,
  'claim' | 'dispatched' | 'advance' | 'get' | 'open' | 'list' | 'summaries'
> & {
  /** The greatest number a run ever had; 0 before the first. */
  lastSeq: () => number;
  /** Errors: STORE_CORRUPT, naming the first run that is not as it was written. */
  verify: () => void;
  prune: (beforeMs: number, batch: number) => number;
};

type Stored = RunRow & { seq: number };

/** `claimed` is called inside the transaction of a claim that holds. */
export function runTable(
  db: Connection,
  file: string,
  guards: ClaimGuards,
  claimed: (intent: Intent) => void,
): Runs {
  const byId = db.prepare<[string], Stored>('SELECT * FROM runs WHERE id = ?');
  const all = db.prepare<[], Stored>('SELECT * FROM runs ORDER BY seq');
  const opened = db.prepare<[], Stored>(`SELECT * FROM runs WHERE ${openRuns} ORDER BY seq`);
  const summaries = db.prepare<[number], SummaryRow & { by_person: 0 | 1 }>(
    `SELECT ${summaryColumns}, ${byPerson} FROM runs WHERE decided_at_ms >= ? OR ${openRuns} ORDER BY seq`,
  );
  const lastSeq = db.prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'runs'`).pluck();
  const readPage = pageReader<Stored>(db, { select: 'SELECT * FROM runs', key: 'seq' });
  const write = runWriter(db);
  const groups = runGroupTable(db, file);
  const refusalOf = claimRules(db, guards, groups);

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
    if (refusal !== undefined) return refusal;
    const seq = write.insert(newRun(intent), slots.repairs);
    const scopes = slots.repairs ? slots.groups.map(({ key }) => key) : [];
    groups.add(seq, scopes, intent.decidedAtMs);
    claimed(intent);
    return undefined;
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
    summaries: (sinceMs) =>
      summaries
        .all(sinceMs)
        .map((row) => ({ ...decodeSummary(row), ...(row.by_person === 1 ? { byPerson: true } : {}) })),
    lastSeq: () => lastSeq.get() ?? 0,
    verify() {
      for (const row of all.iterate()) decodeRun(row, file);
      groups.verify();
    },
    prune: pruner(db, 'runs', `NOT (${openRuns}) AND decided_at_ms < ?`),
  };
}

interface RunWriter {
  /** Returns the run's number. */
  insert(run: Run, repairs: boolean): number;
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
    insert: (run, repairs) => Number(insert.run(encodeRun(run, repairs)).lastInsertRowid),
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
