/** Owns the history file: joins its tables into the `Store` port. One change is one transaction, or a part of the caller's. */
import type { Store, StoreChange } from '../core/ports.ts';
import type { StoredEvent } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { copyOnline } from './copy.ts';
import { currentState } from './current-state.ts';
import { decisionTable } from './decisions.ts';
import { eventTable } from './events.ts';
import { guarded } from './failure.ts';
import { resultTable } from './results.ts';
import { transitionTable } from './transitions.ts';

/** Rows of one table that one call of `prune` deletes; about 30 ms. */
const pruneBatch = 5_000;

/** Limits: pages of 1..500. Errors: STORE_UNUSABLE and STORE_CORRUPT from every method. */
export function createHistory(db: Connection, file: string): Store {
  const state = currentState(db);
  const results = resultTable(db);
  const transitions = transitionTable(db);
  const decisions = decisionTable(db);
  const events = eventTable(db);

  const write = (change: StoreChange): StoredEvent[] => {
    const { host, check, checkStatus, hostStatus, result } = change;
    if (hostStatus !== undefined) state.putHost(host, hostStatus);
    for (const transition of change.transitions) transitions.add(transition);
    const stored = change.events.map((event) => events.addEvent(event));
    if (checkStatus === undefined && result === undefined) return stored;
    if (check === undefined) throw new Error(`a result or status of ${host} names no check`);
    if (checkStatus !== undefined) state.putCheck(host, check, checkStatus);
    if (result !== undefined) results.add(host, check, result);
    return stored;
  };

  const transact = db.transaction((work: () => unknown) => work());
  const together = <T>(work: () => T): T => {
    if (db.inTransaction) return work();
    try {
      return transact.immediate(work) as T;
    } catch (error) {
      results.rolledBack();
      throw error;
    }
  };

  return guarded<Store>(file, {
    loadChecks: state.loadChecks,
    loadHosts: state.loadHosts,
    save: (change) => together(() => write(change)),
    batch: together,
    saveDecision: (decision) => together(() => decisions.saveDecision(decision)),
    addEvent: events.addEvent,
    forget: (keep) => together(() => state.forget(keep)),
    transitions: transitions.transitions,
    results: results.results,
    decisions: decisions.decisions,
    eventsAfter: events.eventsAfter,
    lastEventId: events.lastEventId,
    prune({ resultsBeforeMs, historyBeforeMs }) {
      const deleted = [
        results.prune(resultsBeforeMs, pruneBatch),
        transitions.prune(historyBeforeMs, pruneBatch),
        decisions.prune(historyBeforeMs, pruneBatch),
        events.prune(historyBeforeMs, pruneBatch),
      ];
      return deleted.includes(pruneBatch);
    },
    backup: (to) => copyOnline(db, to),
    close: () => void db.close(),
  });
}
