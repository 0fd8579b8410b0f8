/**
 * Owns writing history while the store may fail: what cannot be written waits in memory, in order and bounded, and goes out
 * as soon as the store takes writes again. While anything waits, no action may start. Also fans events out to listeners.
 */

import type { Decision } from '../core/decisions.ts';
import { MenddError } from '../core/errors.ts';
import type { Clock, Store, StoreChange } from '../core/ports.ts';
import type { EventType, StoredEvent } from '../core/types.ts';
import type { Log } from './log.ts';

type Write = () => StoredEvent[];

/** Changes kept while the store is down; the oldest beyond it are dropped and counted. */
const waitingLimit = 10_000;

export class History {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting: Write[] = [];
  readonly #listeners = new Set<(event: StoredEvent) => void>();
  #problem: string | undefined;
  #dropped = 0;

  constructor(store: Store, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Why the store cannot be written at present. */
  get problem(): string | undefined {
    return this.#problem;
  }

  onEvent(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  save(change: StoreChange): void {
    this.#write(() => this.#store.save(change));
  }

  saveDecision(decision: Decision): void {
    this.#write(() => {
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
    });
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

  /** Tries what waits; called before each write and from time to time. True when nothing is left. */
  flush(): boolean {
    while (this.#waiting.length > 0) {
      const write = this.#waiting[0];
      if (write === undefined || !this.#attempt(write)) return false;
      this.#waiting.shift();
    }
    if (this.#problem !== undefined) this.#recovered();
    return true;
  }

  /** The ledger or another writer met an unusable store. */
  failed(error: MenddError): void {
    if (this.#problem !== undefined) return;
    this.#problem = error.message;
    this.#log.error({ code: error.code, hint: error.hint }, `store: ${error.message}`);
    this.#waiting.push(() => [
      this.#store.addEvent({
        atMs: this.#clock.nowMs(),
        type: 'store.failed',
        data: { message: error.message },
      }),
    ]);
  }

  #recovered(): void {
    this.#problem = undefined;
    this.#log.info({ dropped: this.#dropped }, 'store: writes work again');
    const data = { dropped: this.#dropped };
    this.#dropped = 0;
    this.add('store.recovered', { data });
  }

  #write(write: Write): void {
    if (this.flush() && this.#attempt(write)) return;
    this.#waiting.push(write);
    if (this.#waiting.length <= waitingLimit) return;
    this.#waiting.shift();
    this.#dropped += 1;
  }

  #attempt(write: Write): boolean {
    try {
      const events = write();
      for (const event of events) for (const listener of this.#listeners) listener(event);
      return true;
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.failed(error);
      return false;
    }
  }
}
