/**
 * Lets the same thing be told only now and then. Bounded: it forgets everything once it knows too much.
 */
import type { Clock } from '../core/ports.ts';

const keysLimit = 10_000;

export class Seldom {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #toldMs = new Map<string, number>();

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** True when this was not told within the interval. */
  isNews(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const toldMs = this.#toldMs.get(key);
    if (toldMs !== undefined && nowMs - toldMs < this.#everyMs) return false;
    if (this.#toldMs.size >= keysLimit) this.#toldMs.clear();
    this.#toldMs.set(key, nowMs);
    return true;
  }
}
