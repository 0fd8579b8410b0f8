/**
 * Notices that the far side of an open connection went silent, and asks it for a sign of life no oftener than that takes: a
 * connection in use tells by itself. It ends nothing; ssh-connection.ts does.
 */
import type { Clock } from '../core/ports.ts';

/**
 * Quiet for so long it is asked, and silent when nothing came within `patienceMs` of that: after 40 s while something is under
 * way there. When nothing is, nobody waits for it, and what begins then has limits of its own: after 90 s.
 */
export const pulse = { busyMs: 10_000, idleMs: 60_000, patienceMs: 30_000 } as const;

export interface PulseOptions {
  clock: Clock;
  /** Something is under way. */
  isBusy: () => boolean;
  /** False when there is no way to ask at present. */
  ask: () => boolean;
  onSilent: () => void;
}

export class Pulse {
  readonly #options: PulseOptions;
  #lastByteAtMs: number;
  /** When something was begun while nothing was under way. */
  #begunAtMs: number;
  /** When it was asked first since the newest byte. */
  #askedAtMs: number | undefined;
  #dueAtMs = 0;
  #cancel: (() => void) | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#lastByteAtMs = options.clock.monotonicMs();
    this.#begunAtMs = this.#lastByteAtMs;
    this.#wait(pulse.busyMs);
  }

  /** Since the newest byte from the host. */
  get quietMs(): number {
    return this.#options.clock.monotonicMs() - this.#lastByteAtMs;
  }

  heard(): void {
    this.#lastByteAtMs = this.#options.clock.monotonicMs();
    this.#askedAtMs = undefined;
  }

  /** Something begins, and nothing was under way. */
  begin(): void {
    this.#begunAtMs = this.#options.clock.monotonicMs();
    if (this.#cancel && this.#dueAtMs > this.#begunAtMs + pulse.busyMs) this.#wait(pulse.busyMs);
  }

  /** Now; the answer is heard like any other byte. */
  ask(): void {
    if (this.#options.ask()) this.#askedAtMs ??= this.#options.clock.monotonicMs();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(delayMs: number): void {
    const { clock } = this.#options;
    this.#cancel?.();
    this.#dueAtMs = clock.monotonicMs() + delayMs;
    this.#cancel = clock.after(delayMs, () => this.#feel());
  }

  #feel(): void {
    const { clock, isBusy, onSilent } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#askedAtMs !== undefined && nowMs - this.#askedAtMs >= pulse.patienceMs) {
      this.stop();
      onSilent();
      return;
    }
    const everyMs = isBusy() ? pulse.busyMs : pulse.idleMs;
    const leftMs = everyMs - (nowMs - Math.max(this.#lastByteAtMs, this.#begunAtMs));
    if (leftMs > 0 && this.#askedAtMs === undefined) {
      this.#wait(Math.max(1, leftMs));
      return;
    }
    this.ask();
    // Asking may have shown that the connection is gone.
    if (this.#cancel) this.#wait(this.#askedAtMs === undefined ? everyMs : pulse.busyMs);
  }
}
