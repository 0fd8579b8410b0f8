/** As FakeClock, for a million timers: those of one millisecond are one entry of a heap. */
import type { Clock } from '../../core/ports.ts';
import { DueQueue } from '../../daemon/due-queue.ts';

export class BusyClock implements Clock {
  readonly #originMs: number;
  readonly #due = new DueQueue();
  readonly #timers = new Map<string, Set<() => void>>();
  #atMs = 0;

  constructor(wallMs = 1_700_000_000_000) {
    this.#originMs = wallMs;
  }

  nowMs(): number {
    return this.#originMs + this.#atMs;
  }

  monotonicMs(): number {
    return this.#atMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const dueMs = this.#atMs + Math.max(0, delayMs);
    const timers = this.#timers.get(`${dueMs}`) ?? new Set();
    this.#timers.set(`${dueMs}`, timers.add(callback));
    this.#due.set(`${dueMs}`, dueMs);
    return () => timers.delete(callback);
  }

  /** Passes time, firing what becomes due; promises settle in between. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#atMs + ms;
    for (let key = this.#due.take(untilMs); key !== undefined; key = this.#due.take(untilMs)) {
      this.#atMs = Number(key);
      const timers = this.#timers.get(key) ?? [];
      this.#timers.delete(key);
      for (const callback of timers) callback();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#atMs = untilMs;
  }
}
