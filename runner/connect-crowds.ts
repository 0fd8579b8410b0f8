/**
 * Counts the attempts under way at each address and through each jump host, and learns how many an address takes at once.
 * It starts nothing.
 */
import type { Clock } from '../core/ports.ts';

interface Way {
  address: string;
  through?: string;
}

export interface Crowd {
  /** Somebody was let in at the address, and it was not followed by a long row of refusals. */
  readonly known: boolean;
  leave(end: 'arrived' | 'turned_away' | 'failed'): void;
}

/**
 * sshd drops some of those that are not logged in from the tenth on (MaxStartups 10:30:100), and it may count one for a
 * moment after its login. Others log in there too.
 */
const addressLimit = 7;
const jumpLimit = 32;
/** Behind a jump host one that takes longer than this no longer counts: a host that hangs must not hold up its neighbours. */
const jumpHeldMs = 1_000;
/** One login in ten makes room for one more after the limit had to be lowered. */
const limitRegrowth = 0.1;
/** Addresses without anybody under way that are remembered, the newest. */
const memoryLimit = 20_000;

interface Address {
  active: number;
  limit: number;
  known: boolean;
  /** Turned away since the last one that was let in. */
  refusals: number;
}

/** So many in a row, and the server is not crowded but broken. */
const refusalLimit = 20;

export class Crowds {
  readonly #clock: Clock;
  /** Newest last. */
  readonly #addresses = new Map<string, Address>();
  readonly #jumps = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  haveRoom({ address, through }: Way): boolean {
    const there = this.#addresses.get(address);
    if (there && there.active >= Math.floor(there.limit)) return false;
    return through === undefined || (this.#jumps.get(through) ?? 0) < jumpLimit;
  }

  /** `changed` is called when there is room again before the one who joined leaves. */
  join({ address, through }: Way, changed: () => void): Crowd {
    const there = this.#enter(address);
    const leaveJump = through === undefined ? undefined : this.#enterJump(through);
    const cancel =
      leaveJump &&
      this.#clock.after(jumpHeldMs, () => {
        leaveJump();
        changed();
      });
    return {
      get known() {
        return there.known;
      },
      leave(end) {
        cancel?.();
        leaveJump?.();
        there.active -= 1;
        if (end === 'arrived') {
          there.known = true;
          there.refusals = 0;
          there.limit = Math.min(addressLimit, there.limit + limitRegrowth);
        } else if (end === 'turned_away') {
          there.refusals += 1;
          // No more at once from now on than the others who are there.
          there.limit = Math.max(1, Math.min(there.limit, there.active));
          if (there.refusals >= refusalLimit) there.known = false;
        }
      },
    };
  }

  #enter(name: string): Address {
    const there = this.#addresses.get(name) ?? { active: 0, limit: addressLimit, known: false, refusals: 0 };
    this.#addresses.delete(name);
    this.#addresses.set(name, there);
    there.active += 1;
    for (const [oldest, { active }] of this.#addresses) {
      if (this.#addresses.size <= memoryLimit || active > 0) break;
      this.#addresses.delete(oldest);
    }
    return there;
  }

  #enterJump(name: string): () => void {
    this.#jumps.set(name, (this.#jumps.get(name) ?? 0) + 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const rest = (this.#jumps.get(name) ?? 1) - 1;
      if (rest > 0) this.#jumps.set(name, rest);
      else this.#jumps.delete(name);
    };
  }
}
