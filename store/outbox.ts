/** Owns messages to people from their enqueueing until they are delivered or given up. Sends nothing. */
import type { Coordinator, OutboxMessage } from '../core/ports.ts';
import type { Connection } from './connection.ts';
import { present, pruner } from './rows.ts';

interface NewRow {
  key: string;
  target: string;
  kind: string;
  run_id: string | null;
  host: string;
  ladder: string;
  body: string;
  created_at_ms: number;
  next_attempt_at_ms: number;
}

interface Row extends NewRow {
  id: number;
  attempts: number;
  status: string;
  last_error: string | null;
}

export type Outbox = Pick<
  Coordinator,
  'enqueue' | 'dueMessages' | 'messageSent' | 'messageFailed' | 'unrecovered'
> & {
  prune: (beforeMs: number, batch: number) => number;
};

/** A recovery answers every older problem of its ladder that went to the same target. */
const unrecovered = `SELECT * FROM messages AS p
  WHERE p.host = ? AND p.ladder = ? AND p.kind = 'problem' AND p.status IN ('pending', 'sent')
    AND NOT EXISTS (SELECT 1 FROM messages AS r WHERE r.host = p.host AND r.ladder = p.ladder
      AND r.target = p.target AND r.kind = 'recovery' AND r.id > p.id)
  ORDER BY p.id`;

export function outboxTable(db: Connection): Outbox {
  const insert = db.prepare<[NewRow]>(
    `INSERT INTO messages (key, target, kind, run_id, host, ladder, body, created_at_ms, next_attempt_at_ms)
     VALUES (:key, :target, :kind, :run_id, :host, :ladder, :body, :created_at_ms, :next_attempt_at_ms)
     ON CONFLICT (key) DO NOTHING`,
  );
  const due = db.prepare<[number, number], Row>(
    `SELECT * FROM messages WHERE status = 'pending' AND next_attempt_at_ms <= ?
     ORDER BY next_attempt_at_ms, id LIMIT ?`,
  );
  const sent = db.prepare<[number, number]>(
    `UPDATE messages SET status = 'sent', sent_at_ms = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?`,
  );
  const retry = db.prepare<[string, number, number]>(
    'UPDATE messages SET attempts = attempts + 1, last_error = ?, next_attempt_at_ms = ? WHERE id = ?',
  );
  const bury = db.prepare<[string, number]>(
    `UPDATE messages SET status = 'dead', attempts = attempts + 1, last_error = ? WHERE id = ?`,
  );
  const open = db.prepare<[string, string], Row>(unrecovered);
  return {
    enqueue: (message) => insert.run(encode(message)).changes === 1,
    dueMessages: (nowMs, limit) => due.all(nowMs, Math.max(1, Math.trunc(limit))).map(decode),
    messageSent: (id, atMs) => void sent.run(atMs, id),
    messageFailed(id, error, nextAttemptAtMs) {
      if (nextAttemptAtMs === 'dead') bury.run(error, id);
      else retry.run(error, nextAttemptAtMs, id);
    },
    unrecovered: (host, ladder) => open.all(host, ladder).map(decode),
    prune: pruner(db, 'messages', `status <> 'pending' AND created_at_ms < ?`),
  };
}

function encode(message: Parameters<Coordinator['enqueue']>[0]): NewRow {
  return {
    key: message.key,
    target: message.target,
    kind: message.kind,
    run_id: message.runId ?? null,
    host: message.host,
    ladder: message.ladder,
    body: JSON.stringify(message.body),
    created_at_ms: message.createdAtMs,
    next_attempt_at_ms: message.nextAttemptAtMs,
  };
}

function decode(row: Row): OutboxMessage {
  return {
    id: row.id,
    key: row.key,
    target: row.target,
    kind: row.kind as OutboxMessage['kind'],
    ...present({ runId: row.run_id, lastError: row.last_error }),
    host: row.host,
    ladder: row.ladder,
    body: JSON.parse(row.body) as Record<string, unknown>,
    createdAtMs: row.created_at_ms,
    attempts: row.attempts,
    nextAttemptAtMs: row.next_attempt_at_ms,
    status: row.status as OutboxMessage['status'],
  };
}
