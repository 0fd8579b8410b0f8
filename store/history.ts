/** Owns the history file: joins its tables into the `Store` port. One change is one transaction, or a part of the caller's. */
import { MenddError } from '../core/errors.ts';
import type { Store, StoreChange } from '../core/ports.ts';
import type { CheckResult, StoredEvent } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { copyOnline } from './copy.ts';
import { currentState } from './current-state.ts';
import { decisionTable } from './decisions.ts';
import { eventTable } from './events.ts';
import { guarded, translated } from './failure.ts';
import { heardTable } from './heard.ts';
import { noteDamage } from './integrity.ts';
import { resultTables } from './results.ts';
import { rollupTable } from './rollups.ts';
import { seriesTable } from './series.ts';
import { transitionTable } from './transitions.ts';

const hourMs = 3_600_000;
/** Rows of one table that one call of `prune` deletes; about 6 ms. */
const pruneBatch = 1_000;

/** Limits: pages of 1..500. Errors: STORE_UNUSABLE and STORE_CORRUPT from every method. */
export function createHistory(db: Connection, file: string): Store {
  const series = seriesTable(db);
  const results = resultTables(db, series);
  const state = currentState(db, () => results.newest());
  const transitions = transitionTable(db);
  const decisions = decisionTable(db);
  const events = eventTable(db);
  const rollups = rollupTable(db);
  const heard = heardTable(db);
  /** Of the present transaction. */
  let added: [seriesId: number, result: CheckResult][] = [];

  const forgetMemory = (): void => {
    added = [];
    series.forget();
    results.forget();
    state.forgetWritten();
  };
  const transact = db.transaction((work: () => unknown) => {
    const done = work();
    state.settle();
    rollups.write();
    return done;
  });
  const together = <T>(work: () => T): T => {
    if (db.inTransaction) return work();
    try {
      const done = transact.immediate(work) as T;
      rollups.written();
      for (const one of added) rollups.take(...one);
      added = [];
      return done;
    } catch (error) {
      forgetMemory();
      throw error;
    }
  };

  const write = (change: StoreChange): StoredEvent[] => {
    const { host, check, checkStatus, hostStatus, result } = change;
    if (hostStatus !== undefined) state.putHost(host, hostStatus);
    for (const transition of change.transitions) transitions.add(transition);
    const stored = change.events.map((event) => events.addEvent(event));
    if (checkStatus === undefined && result === undefined) return stored;
    if (check === undefined) throw new Error(`a result or status of ${host} names no check`);
    const one = series.of(host, check);
    if (checkStatus !== undefined) state.putCheck(one, checkStatus, result);
    if (result !== undefined) {
      results.add(one, result);
      added.push([one.id, result]);
    }
    return stored;
  };

  const prune: Store['prune'] = ({ resultsBeforeMs, historyBeforeMs, rollupsBeforeMs }) => {
    rollups.end('left');
    const left = [
      results.prune(resultsBeforeMs),
      rollups.prune(rollupsBeforeMs),
      transitions.prune(historyBeforeMs, pruneBatch) === pruneBatch,
      decisions.prune(historyBeforeMs, pruneBatch) === pruneBatch,
      events.prune(historyBeforeMs, pruneBatch) === pruneBatch,
    ];
    const isMore = left.includes(true);
    if (!isMore) series.prune(Math.min(resultsBeforeMs, historyBeforeMs, rollupsBeforeMs) - hourMs);
    return isMore;
  };

  const port: Store = {
    loadChecks: state.loadChecks,
    loadHosts: state.loadHosts,
    save: (change) => together(() => write(change)),
    batch: together,
    saveDecision: (decision) => together(() => decisions.saveDecision(decision)),
    addEvent: events.addEvent,
    forget: (keep) =>
      together(() => {
        state.settle();
        state.forget(keep);
        series.forget();
      }),
    transitions: transitions.transitions,
    results: results.results,
    decisions: decisions.decisions,
    rollups(query) {
      const found = series.find(query.host, query.check);
      return rollups.read(
        found.map(({ id }) => id),
        query,
      );
    },
    eventsAfter: events.eventsAfter,
    lastEventId: events.lastEventId,
    ...heard,
    prune: (olderThan) => together(() => prune(olderThan)),
    backup: (to) => copyOnline(db, to),
    close() {
      try {
        rollups.end('all');
        if (db.open) together(() => undefined);
      } catch (error) {
        // A disk that takes nothing more costs the last five minutes of graphs; it must not keep the daemon from its end.
        if (!(translated(file, error) instanceof MenddError)) throw error;
      } finally {
        db.close();
      }
    },
  };
  return guarded(file, port, (error) => noteDamage(file, error));
}
