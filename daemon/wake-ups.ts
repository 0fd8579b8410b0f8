/** Owns waits that end early when the daemon stops, so that nobody keeps it from ending. Starts nothing. */
import type { Clock } from '../core/ports.ts';

export class WakeUps {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends every wait, also those that are still to begin. */
  stop(): void {
    this.#stopped = true;
    for (const wake of this.#waiting) wake();
  }

  wait(delayMs: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.#clock.after(delayMs, wake);
      this.#waiting.add(wake);
    });
  }
}
