/** Owns the table of stored changes of state. */
import type { Store } from '../core/ports.ts';
import type { StateType, Transition } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { pageOf, pageReader, present, pruner } from './rows.ts';

interface Row {
  id: number;
  at_ms: number;
  host: string;
  check_id: string | null;
  from_state: string;
  to_state: string;
  type: string;
  attempt: number;
  text: string;
  flapping: number;
  percent: number;
  percent_without_actions: number;
  after_action: number;
}

export interface Transitions extends Pick<Store, 'transitions'> {
  add(transition: Omit<Transition, 'id'>): void;
  prune(beforeMs: number, batch: number): number;
}

export function transitionTable(db: Connection): Transitions {
  const insert = db.prepare<[Omit<Row, 'id'>]>(
    `INSERT INTO transitions (at_ms, host, check_id, from_state, to_state, type, attempt, text, flapping, percent,
       percent_without_actions, after_action)
     VALUES (:at_ms, :host, :check_id, :from_state, :to_state, :type, :attempt, :text, :flapping, :percent,
       :percent_without_actions, :after_action)`,
  );
  const read = pageReader<Row>(db, { select: 'SELECT * FROM transitions', key: 'id' });
  return {
    add: (transition) => void insert.run(encode(transition)),
    transitions(query) {
      const rows = read(
        [
          ['host = ?', query.host],
          ['check_id = ?', query.check],
          ['at_ms >= ?', query.sinceMs],
          ['at_ms <= ?', query.untilMs],
        ],
        query,
      );
      return pageOf(rows, query, (row) => row.id, decode);
    },
    prune: pruner(db, 'transitions', 'at_ms < ?'),
  };
}

function encode(transition: Omit<Transition, 'id'>): Omit<Row, 'id'> {
  return {
    at_ms: transition.atMs,
    host: transition.host,
    check_id: transition.check ?? null,
    from_state: transition.from,
    to_state: transition.to,
    type: transition.type,
    attempt: transition.attempt,
    text: transition.text,
    flapping: Number(transition.flapping),
    percent: transition.percent,
    percent_without_actions: transition.percentWithoutActions,
    after_action: Number(transition.afterAction),
  };
}

function decode(row: Row): Transition {
  return {
    id: row.id,
    atMs: row.at_ms,
    host: row.host,
    ...present({ check: row.check_id }),
    from: row.from_state,
    to: row.to_state,
    type: row.type as StateType,
    attempt: row.attempt,
    text: row.text,
    flapping: row.flapping === 1,
    percent: row.percent,
    percentWithoutActions: row.percent_without_actions,
    afterAction: row.after_action === 1,
  };
}
