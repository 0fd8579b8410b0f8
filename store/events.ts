/** Owns the table of what happened: numbered without reuse, so that a listener can ask for what it missed. */

import type { EventType } from '../core/event-types.ts';
import type { Store } from '../core/ports.ts';
import type { StoredEvent } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { present, pruner } from './rows.ts';

interface Row {
  id: number;
  at_ms: number;
  type: string;
  host: string | null;
  check_id: string | null;
  run_id: string | null;
  data: string;
}

export interface Events extends Pick<Store, 'addEvent' | 'eventsAfter' | 'lastEventId'> {
  prune(beforeMs: number, batch: number): number;
}

export function eventTable(db: Connection): Events {
  const insert = db.prepare<[Omit<Row, 'id'>]>(
    `INSERT INTO events (at_ms, type, host, check_id, run_id, data)
     VALUES (:at_ms, :type, :host, :check_id, :run_id, :data)`,
  );
  const after = db.prepare<[number, number], Row>('SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?');
  // The newest id given out, also when its row was pruned.
  const last = db.prepare<[], { seq: number }>(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`);
  return {
    addEvent(event) {
      const { lastInsertRowid } = insert.run({
        at_ms: event.atMs,
        type: event.type,
        host: event.host ?? null,
        check_id: event.check ?? null,
        run_id: event.runId ?? null,
        data: JSON.stringify(event.data),
      });
      return { ...event, id: Number(lastInsertRowid) };
    },
    eventsAfter: (afterId, limit) => after.all(afterId, Math.max(1, Math.trunc(limit))).map(decode),
    lastEventId: () => last.get()?.seq ?? 0,
    prune: pruner(db, 'events', 'at_ms < ?'),
  };
}

function decode(row: Row): StoredEvent {
  return {
    id: row.id,
    atMs: row.at_ms,
    type: row.type as EventType,
    ...present({ host: row.host, check: row.check_id, runId: row.run_id }),
    data: JSON.parse(row.data) as Record<string, unknown>,
  };
}
