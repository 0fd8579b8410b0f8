/** Owns messages to people from their enqueueing until they are delivered or given up. Sends nothing. */
import type { MessageBook, NewMessage } from '../core/message-port.ts';
import type { Coordinator, OutboxMessage } from '../core/ports.ts';
import type { Connection } from './connection.ts';
import { pageOf, pageReader, present, pruner } from './rows.ts';

/**
 * Messages that may wait for one target. Above it the oldest notice, and without one the oldest message, becomes a dead letter: it is
 * shown, counted and can be sent again, so nothing is lost unseen.
 */
export const mostWaiting = 2_000;
export const pushedOut = 'too many messages wait for this target';
const withdrawn = 'it is a question no more';

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
  conversation: string | null;
}

interface Row extends NewRow {
  id: number;
  attempts: number;
  status: string;
  sent_at_ms: number | null;
  last_error: string | null;
}

export type Outbox = Pick<
  Coordinator,
  'enqueue' | 'dueMessages' | 'messageSent' | 'messageFailed' | 'unrecovered'
> &
  Omit<MessageBook, 'conversations' | 'converse'> & {
    /** Is not sent, unless it is on its way already, and needs nobody. */
    withdraw: (id: number) => void;
    prune: (beforeMs: number, batch: number) => number;
  };

/** A problem outside of conversations that no recovery of its ladder to the same target answers. */
const open = `p.kind = 'problem' AND p.status IN ('pending', 'sent') AND p.conversation IS NULL
    AND NOT EXISTS (SELECT 1 FROM messages AS r WHERE r.host = p.host AND r.ladder = p.ladder
      AND r.target = p.target AND r.kind = 'recovery' AND r.conversation IS NULL AND r.id > p.id)`;

/** Of one target: what a problem and its recovery have in common. */
const problemOf = (row: string): string =>
  `coalesce(${row}.conversation, ${row}.host || char(10) || ${row}.ladder)`;

export function outboxTable(db: Connection): Outbox {
  const insert = db.prepare<[NewRow]>(
    `INSERT INTO messages (key, target, kind, run_id, host, ladder, body, created_at_ms, next_attempt_at_ms, conversation)
     VALUES (:key, :target, :kind, :run_id, :host, :ladder, :body, :created_at_ms, :next_attempt_at_ms, :conversation)
     ON CONFLICT (key) DO NOTHING`,
  );
  const waiting = db.prepare<[string], number>(
    `SELECT COUNT(*) FROM messages WHERE status = 'pending' AND target = ?`,
  );
  const pushOut = db.prepare<[string, string]>(
    `UPDATE messages SET status = 'dead', last_error = ? WHERE id = (SELECT id FROM messages
      WHERE status = 'pending' AND target = ? ORDER BY kind <> 'notice', id LIMIT 1)`,
  );
  const readPage = pageReader<Row>(db, { select: 'SELECT * FROM messages', key: 'id' });
  const byId = db.prepare<[number], Row>('SELECT * FROM messages WHERE id = ?');
  const unanswered = db.prepare<[string, string], Row>(
    `SELECT * FROM messages AS p WHERE p.host = ? AND p.ladder = ? AND ${open} ORDER BY p.id`,
  );
  const unansweredLadders = db.prepare<[], { host: string; ladder: string }>(
    `SELECT DISTINCT p.host, p.ladder FROM messages AS p WHERE ${open}`,
  );
  const rest = db.prepare<[string, number]>(
    `UPDATE messages SET status = 'dismissed', last_error = ? WHERE id = ? AND status = 'pending'`,
  );
  const enqueue = db.transaction((message: NewMessage): boolean => {
    if (insert.run(encode(message)).changes === 0) return false;
    if ((waiting.pluck().get(message.target) ?? 0) > mostWaiting) pushOut.run(pushedOut, message.target);
    return true;
  });
  return {
    enqueue: (message) => enqueue.immediate(message),
    withdraw: (id) => void rest.run(withdrawn, id),
    ...deliveryOf(db),
    ...countsOf(db),
    ...dismissalOf(db),
    unrecovered: (host, ladder) => unanswered.all(host, ladder).map(decode),
    unrecoveredLadders: () => unansweredLadders.all(),
    message(id) {
      const row = byId.get(id);
      return row && decode(row);
    },
    messages: (query) =>
      pageOf(
        readPage(
          [
            ['status = ?', query.status],
            ['target = ?', query.target],
            ['host = ?', query.host],
            ['key >= ?', query.keyPrefix],
            ['key < ?', query.keyPrefix === undefined ? undefined : `${query.keyPrefix}\u{10ffff}`],
            ['created_at_ms >= ?', query.sinceMs],
            ['created_at_ms <= ?', query.untilMs],
          ],
          query,
        ),
        query,
        ({ id }) => id,
        decode,
      ),
    prune: pruner(db, 'messages', `status <> 'pending' AND created_at_ms < ?`),
  };
}

function deliveryOf(
  db: Connection,
): Pick<Outbox, 'dueMessages' | 'messageSent' | 'messageFailed' | 'retryMessage'> {
  const targets = db.prepare<[], string>(`SELECT DISTINCT target FROM messages WHERE status = 'pending'`);
  const due = db.prepare<[{ target: string; nowMs: number; limit: number }], Row>(
    `WITH ahead AS MATERIALIZED (SELECT ${problemOf('p')} AS problem, MIN(p.id) AS id FROM messages AS p INDEXED BY messages_due
       WHERE p.status = 'pending' AND p.target = :target AND p.kind = 'problem' GROUP BY 1)
     SELECT m.* FROM messages AS m
       LEFT JOIN ahead ON m.kind = 'recovery' AND ahead.problem = ${problemOf('m')} AND ahead.id < m.id
     WHERE m.status = 'pending' AND m.target = :target AND m.next_attempt_at_ms <= :nowMs AND ahead.id IS NULL
     ORDER BY m.next_attempt_at_ms, m.id LIMIT :limit`,
  );
  const sent = db.prepare<[number, number]>(
    `UPDATE messages SET status = 'sent', sent_at_ms = ?, attempts = attempts + 1, last_error = NULL WHERE id = ?`,
  );
  const later = db.prepare<[string, number, number]>(
    'UPDATE messages SET attempts = attempts + 1, last_error = ?, next_attempt_at_ms = ? WHERE id = ?',
  );
  const bury = db.prepare<[string, number]>(
    `UPDATE messages SET status = 'dead', attempts = attempts + 1, last_error = ? WHERE id = ?`,
  );
  const again = db.prepare<[number, number]>(
    `UPDATE messages SET status = 'pending', attempts = 0, next_attempt_at_ms = ? WHERE id = ? AND status <> 'sent'`,
  );
  return {
    dueMessages: (nowMs, limit) =>
      targets
        .pluck()
        .all()
        .flatMap((target) => due.all({ target, nowMs, limit: Math.max(1, Math.trunc(limit)) }))
        .map(decode),
    messageSent: (id, atMs) => void sent.run(atMs, id),
    messageFailed(id, error, nextAttemptAtMs) {
      if (nextAttemptAtMs === 'dead') bury.run(error, id);
      else later.run(error, nextAttemptAtMs, id);
    },
    retryMessage: (id, atMs) => again.run(atMs, id).changes === 1,
  };
}

function dismissalOf(db: Connection): Pick<Outbox, 'dismissMessage' | 'dismissMessages' | 'deadMessages'> {
  const chosen = `status = 'dead' AND id <= ? AND target = coalesce(?, target)`;
  const one = db.prepare<[number]>(
    `UPDATE messages SET status = 'dismissed' WHERE id = ? AND status = 'dead'`,
  );
  const all = db.prepare<[number, string | null]>(`UPDATE messages SET status = 'dismissed' WHERE ${chosen}`);
  const count = db.prepare<[number, string | null], number>(`SELECT COUNT(*) FROM messages WHERE ${chosen}`);
  return {
    dismissMessage: (id) => one.run(id).changes === 1,
    dismissMessages: (upToId, target) => all.run(upToId, target ?? null).changes,
    deadMessages: (upToId, target) => count.pluck().get(upToId, target ?? null) ?? 0,
  };
}

function countsOf(db: Connection): Pick<Outbox, 'messageCounts' | 'messageTrouble'> {
  const counts = db.prepare<[], { status: string; count: number }>(
    'SELECT status, COUNT(*) AS count FROM messages GROUP BY status',
  );
  const trouble = db.prepare<[number], { waiting: number; oldest: number | null; dead: number }>(
    `SELECT (SELECT COUNT(*) FROM messages WHERE status = 'pending') AS waiting,
      (SELECT MIN(created_at_ms) FROM messages WHERE status = 'pending') AS oldest,
      (SELECT COUNT(*) FROM messages WHERE status = 'dead' AND created_at_ms >= ?) AS dead`,
  );
  return {
    messageCounts() {
      const of = new Map(counts.all().map(({ status, count }) => [status, count]));
      return { waiting: of.get('pending') ?? 0, sent: of.get('sent') ?? 0, dead: of.get('dead') ?? 0 };
    },
    messageTrouble(deadSinceMs) {
      const { waiting = 0, dead = 0, oldest = null } = trouble.get(deadSinceMs) ?? {};
      return { waiting, dead, ...(oldest === null ? {} : { oldestWaitingAtMs: oldest }) };
    },
  };
}

function encode(message: NewMessage): NewRow {
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
    conversation: message.conversation ?? null,
  };
}

function decode(row: Row): OutboxMessage {
  return {
    id: row.id,
    key: row.key,
    target: row.target,
    kind: row.kind as OutboxMessage['kind'],
    ...present({
      runId: row.run_id,
      lastError: row.last_error,
      sentAtMs: row.sent_at_ms,
      conversation: row.conversation,
    }),
    host: row.host,
    ladder: row.ladder,
    body: JSON.parse(row.body) as Record<string, unknown>,
    createdAtMs: row.created_at_ms,
    attempts: row.attempts,
    nextAttemptAtMs: row.next_attempt_at_ms,
    status: row.status as OutboxMessage['status'],
  };
}
