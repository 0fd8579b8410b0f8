/**
 * What `now` tells of the past and the fleet's state does not hold: when something last turned bad, and how often flapping
 * held an action. The store is asked seldom.
 */
import type { FlappingCheck } from '../core/now-view.ts';
import type { Clock } from '../core/ports.ts';
import type { History } from './history.ts';

/** Newest changes looked through for the last that was bad. */
const changesRead = 200;
/** Newest decisions looked through for one check; repeats are folded. */
const decisionsRead = 500;
/** How long a count is told without asking again. Milliseconds. */
const keptMs = 15_000;
const bad: readonly string[] = ['warning', 'critical', 'unknown', 'unreachable'];

type Held = Pick<FlappingCheck, 'held' | 'heldMore'>;

export class Lately {
  readonly #clock: Clock;
  readonly #history: History;
  readonly #held = new Map<string, { atMs: number; held: Held }>();
  #lastProblemAtMs: number | undefined;
  #isRead = false;

  constructor({ clock, history }: { clock: Clock; history: History }) {
    this.#clock = clock;
    this.#history = history;
    history.onEvent(({ type, atMs, data }) => {
      if ((type === 'state.changed' || type === 'host.changed') && bad.includes(String(data['to'])))
        this.#lastProblemAtMs = atMs;
    });
  }

  /** Wall time; undefined when nothing bad is known of. Errors: MenddError when the store cannot be read. */
  lastProblemAtMs(): number | undefined {
    if (this.#lastProblemAtMs === undefined && !this.#isRead) {
      const { items } = this.#history.reader.transitions({ limit: changesRead });
      this.#lastProblemAtMs = items.find(({ to }) => bad.includes(to))?.atMs;
      this.#isRead = true;
    }
    return this.#lastProblemAtMs;
  }

  /** Times an action was held since then because the check flaps. Errors: MenddError when the store cannot be read. */
  heldForFlapping(host: string, check: string, sinceMs: number): Held {
    const nowMs = this.#clock.monotonicMs();
    const key = `${host}\n${check}`;
    const known = this.#held.get(key);
    if (known !== undefined && nowMs - known.atMs < keptMs) return known.held;
    const { items, next } = this.#history.reader.decisions({ host, check, sinceMs, limit: decisionsRead });
    const count = items.reduce((sum, each) => sum + (each.reason === 'flapping' ? each.count : 0), 0);
    for (const [old, { atMs }] of this.#held) if (nowMs - atMs >= keptMs) this.#held.delete(old);
    const held: Held = { held: count, ...(next === undefined ? {} : { heldMore: true }) };
    this.#held.set(key, { atMs: nowMs, held });
    return held;
  }
}
