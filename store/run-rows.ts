/** Owns how a run lies in its row, with a checksum over all of it. A row whose checksum is wrong is never believed. */
import type { ActionKind, Intent, Run, RunEvent, RunStatus, RunSummary } from '../core/types.ts';
import { present } from './rows.ts';
import { damaged, sealOf } from './seal.ts';

/** As in the partial indexes of the schema, letter by letter, so that SQLite uses them. */
export const openRuns = `status IN ('intended', 'dispatched', 'unknown', 'verifying')`;
/** A run that certainly never ran on the target spends nothing. */
export const spendingRuns = `NOT (status IN ('refused', 'expired') OR (status = 'cancelled' AND dispatched_at_ms IS NULL))`;

export interface SummaryRow {
  id: string;
  host: string;
  ladder: string;
  action: string;
  kind: string;
  episode: string;
  attempt: number;
  status: string;
  decided_at_ms: number;
  dispatched_at_ms: number | null;
  ended_at_ms: number | null;
  verify_by_ms: number | null;
  verify_ok_since_ms: number | null;
}

export interface RunRow extends SummaryRow {
  repairs: number;
  /** The rest of the intent. */
  intent: string;
  /** Exit code, outcome and output. Foreign text lies in JSON, which keeps every code unit as it was. */
  result: string;
  events: string;
  checksum: string;
}

export const summaryColumns = `id, host, ladder, action, kind, episode, attempt, status, decided_at_ms, dispatched_at_ms,
  ended_at_ms, verify_by_ms, verify_ok_since_ms`;

/** A quote within a text of JSON has a backslash before it: nothing that a person writes looks like this. */
export const byPerson = `instr(intent, '"decidedBy":"person:') > 0 AS by_person`;

type RestOfIntent = Pick<
  Intent,
  | 'notAfterMs'
  | 'fence'
  | 'decidedBy'
  | 'approvedBy'
  | 'reason'
  | 'command'
  | 'revision'
  | 'gates'
  | 'preconditions'
  | 'shard'
>;
type Result = Pick<Run, 'exitCode' | 'outcome' | 'stdout' | 'stderr' | 'evidence' | 'step'>;

export function encodeRun(run: Run, repairs: boolean): RunRow {
  const { notAfterMs, fence, decidedBy, approvedBy, reason, command, revision, gates, preconditions, shard } =
    run;
  const intent: RestOfIntent = {
    notAfterMs,
    fence,
    decidedBy,
    ...present({ approvedBy }),
    reason,
    command,
    revision,
    gates,
    preconditions,
    shard,
  };
  const { exitCode, outcome, stdout, stderr, evidence, step } = run;
  return {
    id: run.id,
    host: run.host,
    ladder: run.ladder,
    action: run.action,
    kind: run.kind,
    episode: run.episode,
    attempt: run.attempt,
    status: run.status,
    repairs: Number(repairs),
    decided_at_ms: run.decidedAtMs,
    dispatched_at_ms: run.dispatchedAtMs ?? null,
    ended_at_ms: run.endedAtMs ?? null,
    verify_by_ms: run.verifyByMs ?? null,
    verify_ok_since_ms: run.verifyOkSinceMs ?? null,
    intent: JSON.stringify(intent),
    result: JSON.stringify({ exitCode, outcome, stdout, stderr, evidence, step }),
    events: JSON.stringify(run.events),
    checksum: sealOf({ run, repairs }),
  };
}

export function decodeSummary(row: SummaryRow): RunSummary {
  return {
    id: row.id,
    host: row.host,
    ladder: row.ladder,
    action: row.action,
    kind: row.kind as ActionKind,
    episode: row.episode,
    attempt: row.attempt,
    status: row.status as RunStatus,
    decidedAtMs: row.decided_at_ms,
    ...present({
      dispatchedAtMs: row.dispatched_at_ms,
      endedAtMs: row.ended_at_ms,
      verifyByMs: row.verify_by_ms,
      verifyOkSinceMs: row.verify_ok_since_ms,
    }),
  };
}

/** Errors: STORE_CORRUPT, naming the run. */
export function decodeRun(row: RunRow, file: string): Run {
  let run: Run;
  try {
    run = {
      ...decodeSummary(row),
      ...(JSON.parse(row.intent) as RestOfIntent),
      ...(JSON.parse(row.result) as Result),
      events: JSON.parse(row.events) as RunEvent[],
    };
  } catch (cause) {
    throw damaged(file, `run ${row.id}`, cause);
  }
  if (sealOf({ run, repairs: row.repairs === 1 }) !== row.checksum) throw damaged(file, `run ${row.id}`);
  return run;
}
