/** Lets connection attempts start one by one: so many a second, so many at once. It knows nothing of SSH. */
import type { Clock } from '../core/ports.ts';

export interface GateLimits {
  ratePerSec: number;
  maxOpen: number;
}

export class ConnectGate {
  readonly #clock: Clock;
  /** Closes an idle connection to make room; false when all are busy. */
  readonly #makeRoom: () => boolean;
  readonly #queue: (() => void)[] = [];
  #limits: GateLimits;
  #open = 0;
  #nextAtMs = 0;
  #timer: (() => void) | undefined;
  #pumping = false;

  constructor(limits: GateLimits, clock: Clock, makeRoom: () => boolean) {
    this.#limits = limits;
    this.#clock = clock;
    this.#makeRoom = makeRoom;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  set limits(limits: GateLimits) {
    this.#limits = limits;
    this.#pump();
  }

  /** Resolves when an attempt may start; it then counts as open until `leave` is called. */
  enter(): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push(resolve);
      this.#pump();
    });
  }

  leave(): void {
    this.#open -= 1;
    this.#pump();
  }

  /** Lets everybody through at once: for the end, when nobody connects any more. */
  flush(): void {
    this.#timer?.();
    for (const go of this.#queue.splice(0)) {
      this.#open += 1;
      go();
    }
  }

  #pump(): void {
    // Making room calls leave(), which comes back here.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#queue.length > 0 && this.#timer === undefined) {
      if (this.#open >= this.#limits.maxOpen) {
        if (this.#makeRoom()) continue;
        break;
      }
      const waitMs = this.#nextAtMs - this.#clock.monotonicMs();
      if (waitMs > 0) {
        this.#timer = this.#clock.after(waitMs, () => {
          this.#timer = undefined;
          this.#pump();
        });
        break;
      }
      this.#nextAtMs = this.#clock.monotonicMs() + 1000 / this.#limits.ratePerSec;
      this.#open += 1;
      this.#queue.shift()?.();
    }
    this.#pumping = false;
  }
}
