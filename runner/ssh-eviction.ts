/** Chooses whose idle connection makes room for another host's; it closes nothing. */
import type { Clock } from '../core/ports.ts';
import type { Line } from './ssh-line.ts';

/** A host that comes back so soon after it made room was closed in vain. */
const returnMs = 300_000;

export class Eviction {
  readonly #clock: Clock;
  /** Until then hosts come back soon after they made room. */
  #crowdedUntilMs = 0;
  /** Since the start. */
  count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The least recently used goes. When there are more hosts than room and each comes back in its turn, that would close every
   * connection shortly before it is needed; so then the newest goes, and most hosts keep theirs.
   */
  choose(lines: Iterable<Line>): Line | undefined {
    const nowMs = this.#clock.monotonicMs();
    const newest = nowMs < this.#crowdedUntilMs;
    let chosen: Line | undefined;
    let rank = Infinity;
    for (const line of lines) {
      const { connection } = line;
      if (!connection?.idle || !connection.usable) continue;
      const own = newest ? -connection.openedAtMs : connection.lastUsedAtMs;
      if (own >= rank) continue;
      rank = own;
      chosen = line;
    }
    if (!chosen) return undefined;
    chosen.evictedAtMs = nowMs;
    this.count += 1;
    return chosen;
  }

  /** Told of each host that connected. True when hosts begin to come back too soon. */
  noteReturn(line: Line): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (line.evictedAtMs === undefined || nowMs - line.evictedAtMs > returnMs) return false;
    const begins = nowMs >= this.#crowdedUntilMs;
    this.#crowdedUntilMs = nowMs + returnMs;
    return begins;
  }
}
