/**
 * Owns writing history: routine results wait a moment in memory and are committed together, changes of state a shorter one; whatever
 * an action or a message rests on is committed at once, with all that came before it. While the store fails, what waits is kept in order and bounded,
 * and no action may start. Also fans events out to listeners.
 */

import type { Decision } from '../core/decisions.ts';
import { MenddError } from '../core/errors.ts';
import type { EventType } from '../core/event-types.ts';
import type { Clock, Store, StoreChange } from '../core/ports.ts';
import type { StoredEvent } from '../core/types.ts';
import type { History as ReadPort } from '../core/views.ts';
import type { Log } from './log.ts';

interface Waiting {
  write: () => StoredEvent[];
  /** Nothing is told or done because of it: a kill may take it, and a full queue drops it first. */
  isRoutine: boolean;
}

/** How long a routine result may wait, which is what a kill can lose. Milliseconds. */
const routineWaitMs = 500;
/** How long a change of state may wait that nothing is done about: when many hosts change, for the others. Milliseconds. */
const changeWaitMs = 20;
/** Writes of one transaction at most; about 5 ms. */
const batchLimit = 500;
/** Writes kept while the store is down; beyond it the oldest routine one is dropped, or the oldest, and counted. */
const waitingLimit = 10_000;

export class History {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting: Waiting[] = [];
  readonly #listeners = new Set<(event: StoredEvent) => void>();
  #cancel: (() => void) | undefined;
  /** Monotonic; means nothing without `#cancel`. */
  #flushAtMs = 0;
  #problem: string | undefined;
  #dropped = 0;
  #isClosed = false;

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Why the store cannot be written at present. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The stored history with what still waits: it is written first. */
  get reader(): ReadPort {
    const store = this.#store;
    return {
      ...store,
      transitions: (query) => (this.flush(), store.transitions(query)),
      eventsAfter: (...query) => (this.flush(), store.eventsAfter(...query)),
      lastEventId: () => (this.flush(), store.lastEventId()),
      results: (query) => (this.flush(), store.results(query)),
      decisions: (query) => (this.flush(), store.decisions(query)),
      rollups: (query) => (this.flush(), store.rollups(query)),
    };
  }

  onEvent(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `isActedOn`: something is done because of it. */
  save(change: StoreChange, isActedOn = true): void {
    const isRoutine = change.transitions.length === 0 && change.events.length === 0;
    const waitMs = isRoutine ? routineWaitMs : isActedOn ? 0 : changeWaitMs;
    this.#write(() => this.#store.save(change), isRoutine, waitMs);
  }

  saveDecision(decision: Decision): void {
    this.#write(
      () => {
        const stored = this.#store.saveDecision(decision);
        if (stored.count > 1) return [];
        const { verdict, reason, action, check, ladder } = decision;
        const run = decision.runId === undefined ? {} : { runId: decision.runId };
        const data = { verdict, reason, action, ladder };
        return [
          this.#store.addEvent({
            atMs: decision.atMs,
            type: 'decision.made',
            host: decision.host,
            check,
            ...run,
            data,
          }),
        ];
      },
      decision.verdict === 'held',
      decision.verdict === 'held' ? routineWaitMs : 0,
    );
  }

  add(type: EventType, event: Partial<Omit<StoredEvent, 'id' | 'atMs' | 'type'>> = {}): void {
    const whole = { data: {}, ...event, type, atMs: this.#clock.nowMs() };
    this.#write(() => [this.#store.addEvent(whole)]);
  }

  forget(keep: Parameters<Store['forget']>[0]): void {
    this.#write(() => {
      this.#store.forget(keep);
      return [];
    });
  }

  /** Writes what waits; called from time to time too. True when nothing is left. */
  flush(): boolean {
    this.#cancel?.();
    this.#cancel = undefined;
    // A store that failed is tried with little.
    let limit = this.#problem === undefined ? batchLimit : 1;
    let hasBug = false;
    while (this.#waiting.length > 0) {
      const outcome = this.#commit(this.#waiting.slice(0, limit));
      if (outcome === 'failed') return false;
      hasBug ||= outcome === 'bug';
      limit = hasBug ? 1 : batchLimit;
    }
    if (this.#problem !== undefined) this.#recovered();
    return true;
  }

  /** Before the store is closed: nothing is written afterwards, whatever still comes in. */
  close(): void {
    this.flush();
    this.#isClosed = true;
    this.#cancel?.();
    this.#waiting.length = 0;
  }

  /** The ledger or another writer met an unusable store. */
  failed(error: MenddError): void {
    if (this.#problem !== undefined) return;
    this.#problem = error.message;
    this.#log.error({ code: error.code, hint: error.hint }, `store: ${error.message}`);
    const event = {
      atMs: this.#clock.nowMs(),
      type: 'store.failed',
      data: { message: error.message },
    } as const;
    this.#waiting.push({ write: () => [this.#store.addEvent(event)], isRoutine: false });
  }

  #recovered(): void {
    this.#problem = undefined;
    this.#log.info({ dropped: this.#dropped }, 'store: writes work again');
    const data = { dropped: this.#dropped };
    this.#dropped = 0;
    this.add('store.recovered', { data });
  }

  #write(write: Waiting['write'], isRoutine = false, waitMs = 0): void {
    if (this.#isClosed) return;
    const waiting = this.#waiting;
    waiting.push({ write, isRoutine });
    if (waiting.length > waitingLimit) {
      waiting.splice(
        Math.max(
          0,
          waiting.findIndex((each) => each.isRoutine),
        ),
        1,
      );
      this.#dropped += 1;
    }
    const isFull = waiting.length >= batchLimit && this.#problem === undefined;
    if (waitMs === 0 || isFull) this.flush();
    else this.#flushWithin(waitMs);
  }

  #flushWithin(waitMs: number): void {
    const atMs = this.#clock.monotonicMs() + waitMs;
    if (this.#cancel !== undefined && this.#flushAtMs <= atMs) return;
    this.#cancel?.();
    this.#flushAtMs = atMs;
    this.#cancel = this.#clock.after(waitMs, () => this.flush());
  }

  /** All of `batch`, the first of what waits, or nothing of it. */
  #commit(batch: readonly Waiting[]): 'written' | 'failed' | 'bug' {
    let events: StoredEvent[];
    try {
      events = this.#store.batch(() => batch.flatMap(({ write }) => write()));
    } catch (error) {
      if (error instanceof MenddError) {
        this.failed(error);
        return 'failed';
      }
      // One that cannot be written at all must not take the others with it: they go one by one.
      if (batch.length > 1) return 'bug';
      this.#waiting.shift();
      throw error;
    }
    this.#waiting.splice(0, batch.length);
    for (const event of events) for (const listener of this.#listeners) listener(event);
    return 'written';
  }
}
