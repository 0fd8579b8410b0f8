/**
 * Time of a simulation: one queue of what happens next, for the daemon, its hosts and chance alike. Moves from event to event; the
 * wall clock can be set, and the monotonic one can stand still, as on a real box.
 */
import type { Clock } from '../../core/ports.ts';

interface Timer {
  dueMs: number;
  order: number;
  callback: (() => void) | undefined;
}

export class SimulatedClock {
  monotonicMs = 0;
  wallMs = 1_700_000_000_000;
  /** Time of the hosts: goes on while the ops box sleeps. */
  worldMs = 10_000_000;
  readonly #heap: Timer[] = [];
  #order = 0;

  /** `isOver`: who asked is dead, and hears nothing any more. */
  of(isOver: () => boolean): Clock {
    return {
      nowMs: () => this.wallMs,
      monotonicMs: () => this.monotonicMs,
      after: (delayMs, callback) => this.after(delayMs, () => (isOver() ? undefined : callback())),
    };
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = {
      dueMs: this.monotonicMs + Math.max(0, delayMs),
      order: (this.#order += 1),
      callback,
    };
    this.#push(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  /** Runs what comes next; false when nothing comes until then. Monotonic. */
  step(untilMs: number): boolean {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (next.dueMs > untilMs) break;
      this.#pop();
      if (next.callback === undefined) continue;
      this.pass(next.dueMs - this.monotonicMs);
      next.callback();
      return true;
    }
    this.pass(untilMs - this.monotonicMs);
    return false;
  }

  /** Time goes by and nobody is served. */
  pass(ms: number): void {
    const passedMs = Math.max(0, ms);
    this.monotonicMs += passedMs;
    this.wallMs += passedMs;
    this.worldMs += passedMs;
  }

  /** The box sleeps: its monotonic clock stands still. */
  suspend(ms: number): void {
    this.wallMs += ms;
    this.worldMs += ms;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!isBefore(timer, heap[above])) break;
      heap[index] = heap[above] as Timer;
      index = above;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below += 1;
      if (!isBefore(heap[below], last)) break;
      heap[index] = heap[below] as Timer;
      index = below;
    }
    heap[index] = last;
  }
}

function isBefore(one: Timer | undefined, other: Timer | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.dueMs === other.dueMs ? one.order < other.order : one.dueMs < other.dueMs;
}
