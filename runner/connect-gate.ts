/**
 * Lets connection attempts start and shake hands: so many a second, so many at once in all, at one address and through
 * one jump host. It knows nothing of SSH.
 */
import type { Clock } from '../core/ports.ts';
import { Crowds } from './connect-crowds.ts';

export interface GateLimits {
  ratePerSec: number;
  maxOpen: number;
}

export interface Visit {
  /** `host:port`. Several hosts may be behind one. */
  address: string;
  /** The jump host on the way. */
  through?: string;
  /** It was not reached the last time: the others go first. */
  troubled: boolean;
}

/** What an attempt holds between `enter` and its end. */
export interface Pass {
  /** Somebody was let in at the address since it last turned people away for long. */
  readonly known: boolean;
  /** Resolves when the attempt may spend our CPU on a handshake. */
  turn(): Promise<void>;
  /** The attempt ended. The connection that it made counts as open until `leave` of the gate is called. */
  done(end: 'arrived' | 'turned_away' | 'failed'): void;
}

interface Waiter {
  visit: Visit;
  go: (pass: Pass) => void;
}

/** Handshakes at once: each costs 5-6 ms of the main loop in a few pieces. */
const handshakeLimit = 16;
/** One that takes longer waits for the host and costs no CPU meanwhile; a host that hangs must not hold up the others. */
const handshakeHeldMs = 1_000;
/** Of so many starts one is kept for hosts that were not reached the last time. */
const troubledShare = 4;

export class ConnectGate {
  readonly #clock: Clock;
  /** Closes an idle connection to make room; false when all are busy. */
  readonly #makeRoom: () => boolean;
  readonly #waiting: Record<'sound' | 'troubled', Waiter[]> = { sound: [], troubled: [] };
  readonly #crowds: Crowds;
  readonly #starts: Pace;
  readonly #handshakes: Pace;
  readonly #turns: (() => void)[] = [];
  /** Handshakes under way, with what cancels the end of their time. */
  readonly #shaking = new Map<() => void, () => void>();
  #limits: GateLimits;
  #open = 0;
  #started = 0;
  #pumping = false;
  #ending = false;

  constructor(limits: GateLimits, clock: Clock, makeRoom: () => boolean) {
    this.#limits = limits;
    this.#clock = clock;
    this.#makeRoom = makeRoom;
    this.#crowds = new Crowds(clock);
    this.#starts = new Pace(clock, () => this.#pump());
    this.#handshakes = new Pace(clock, () => this.#pumpTurns());
  }

  get waiting(): number {
    return this.#waiting.sound.length + this.#waiting.troubled.length;
  }

  set limits(limits: GateLimits) {
    this.#limits = limits;
    this.#pump();
  }

  /** Resolves when an attempt may start; it then counts as open until `leave` is called. */
  enter(visit: Visit): Promise<Pass> {
    return new Promise((go) => {
      if (this.#ending) {
        this.#open += 1;
        go(this.#pass(visit));
        return;
      }
      this.#waiting[visit.troubled ? 'troubled' : 'sound'].push({ visit, go });
      this.#pump();
    });
  }

  leave(): void {
    this.#open -= 1;
    this.#pump();
  }

  /** Lets everybody through at once: for the end, when nobody connects any more. */
  flush(): void {
    this.#ending = true;
    this.#starts.stop();
    this.#handshakes.stop();
    for (const { visit, go } of [...this.#waiting.sound.splice(0), ...this.#waiting.troubled.splice(0)]) {
      this.#open += 1;
      go(this.#pass(visit));
    }
    for (const turn of this.#turns.splice(0)) turn();
  }

  #pump(): void {
    // Making room calls leave(), which comes back here.
    if (this.#pumping) return;
    this.#pumping = true;
    for (let next = this.#next(); next; next = this.#next()) {
      if (this.#open >= this.#limits.maxOpen) {
        if (this.#makeRoom()) continue;
        break;
      }
      if (!this.#starts.go(this.#limits.ratePerSec)) break;
      this.#open += 1;
      this.#started += 1;
      next.queue.splice(next.index, 1);
      next.waiter.go(this.#pass(next.waiter.visit));
    }
    this.#pumping = false;
  }

  /** The first that its address and jump host have room for. */
  #next(): { queue: Waiter[]; index: number; waiter: Waiter } | undefined {
    const { sound, troubled } = this.#waiting;
    const order = (this.#started + 1) % troubledShare === 0 ? [troubled, sound] : [sound, troubled];
    for (const queue of order) {
      const index = queue.findIndex(({ visit }) => this.#crowds.haveRoom(visit));
      const waiter = queue[index];
      if (waiter) return { queue, index, waiter };
    }
    return undefined;
  }

  #pass(visit: Visit): Pass {
    const crowd = this.#crowds.join(visit, () => this.#pump());
    const endings: (() => void)[] = [];
    return {
      get known() {
        return crowd.known;
      },
      turn: () =>
        new Promise((resolve) => {
          const turn = (): void => resolve();
          this.#turns.push(turn);
          endings.push(() => this.#endTurn(turn));
          this.#pumpTurns();
        }),
      done: (end) => {
        for (const ending of endings) ending();
        crowd.leave(end);
        this.#pump();
      },
    };
  }

  #pumpTurns(): void {
    while (this.#turns.length > 0 && this.#shaking.size < handshakeLimit) {
      if (!this.#handshakes.go(this.#limits.ratePerSec)) return;
      const turn = this.#turns.shift();
      if (turn) this.#beginTurn(turn);
    }
  }

  #beginTurn(turn: () => void): void {
    const cancel = this.#clock.after(handshakeHeldMs, () => this.#endTurn(turn));
    this.#shaking.set(turn, cancel);
    turn();
  }

  #endTurn(turn: () => void): void {
    const index = this.#turns.indexOf(turn);
    if (index >= 0) this.#turns.splice(index, 1);
    this.#shaking.get(turn)?.();
    if (this.#shaking.delete(turn)) this.#pumpTurns();
  }
}

/** So many a second, evenly. */
class Pace {
  readonly #clock: Clock;
  readonly #again: () => void;
  #nextAtMs = 0;
  #timer: (() => void) | undefined;

  /** `again` is called when the next may go, after one was told to wait. */
  constructor(clock: Clock, again: () => void) {
    this.#clock = clock;
    this.#again = again;
  }

  go(ratePerSec: number): boolean {
    if (this.#timer) return false;
    const nowMs = this.#clock.monotonicMs();
    const waitMs = this.#nextAtMs - nowMs;
    if (waitMs > 0) {
      this.#timer = this.#clock.after(waitMs, () => {
        this.#timer = undefined;
        this.#again();
      });
      return false;
    }
    this.#nextAtMs = nowMs + 1000 / ratePerSec;
    return true;
  }

  stop(): void {
    this.#timer?.();
  }
}
