/** Owns the time of a replay: it stands still until it is told to pass, and fires what is due on the way. It reads no clock. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../core/ports.ts';

interface Timer {
  /** Monotonic. */
  dueMs: number;
  callback: () => void;
}

/** A machine that slept for less would go unnoticed. Milliseconds. */
const shortestSleepMs = 5_000;

export class ReplayClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  /** Those due first are last. */
  readonly #timers: Timer[] = [];

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), callback };
    const index = this.#timers.findLastIndex(({ dueMs }) => dueMs > timer.dueMs);
    this.#timers.splice(index + 1, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  /** Time passes to that wall time, not backwards; what a timer begins goes as far as it can before the next one fires. */
  async passTo(wallMs: number): Promise<void> {
    const untilMs = this.#monotonicMs + Math.max(0, wallMs - this.#wallMs);
    for (;;) {
      const next = this.#timers.at(-1);
      if (next === undefined || next.dueMs > untilMs) break;
      this.#timers.pop();
      this.#move(next.dueMs);
      next.callback();
      await nextTurn();
    }
    this.#move(untilMs);
  }

  /** Nothing ran until then, as if the machine had slept. */
  sleepTo(wallMs: number): void {
    const sleptMs = Math.max(0, wallMs - this.#wallMs);
    this.#wallMs += sleptMs;
    this.#monotonicMs -= Math.max(0, shortestSleepMs - sleptMs);
  }

  #move(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}
