/**
 * Records in the audit chain what rules decided and what people were refused. What the ledger does not take at once is recorded later;
 * what repeats is recorded once a minute, with its count.
 */
import { MenddError } from '../core/errors.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { History } from './history.ts';

type Entry = Parameters<Coordinator['audit']>[0];

/** Entries that wait for a ledger; what comes after them is not recorded. */
const waitingLimit = 1_000;
/** Monotonic milliseconds. */
const repeatedEveryMs = 60_000;
const keysLimit = 1_000;

export interface RecorderOptions {
  clock: Clock;
  coordinator: Coordinator;
  history: History;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #waiting: Entry[] = [];
  readonly #repeated = new Map<string, { recordedAtMs: number; repeats: number }>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Entries of one `key` are repeats of each other; without one, it is recorded in any case. */
  record(entry: Omit<Entry, 'atMs'>, key?: string): void {
    const { clock } = this.#options;
    const repeats = key === undefined ? 0 : this.#repeatsOf(key, clock.monotonicMs());
    if (repeats === undefined || this.#waiting.length >= waitingLimit) return;
    const body = repeats === 0 ? entry.body : { ...entry.body, repeats };
    this.#waiting.push({ ...entry, body, atMs: clock.nowMs() });
    this.turn();
  }

  /** From time to time: what the ledger did not take. */
  turn(): void {
    const { coordinator, history } = this.#options;
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        coordinator.audit(next);
        this.#waiting.shift();
      }
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }

  /** How many of that key were not recorded since the last one that was; undefined: this one is not either. */
  #repeatsOf(key: string, nowMs: number): number | undefined {
    const known = this.#repeated.get(key);
    if (known !== undefined && nowMs - known.recordedAtMs < repeatedEveryMs) {
      known.repeats += 1;
      return undefined;
    }
    if (this.#repeated.size >= keysLimit) this.#repeated.clear();
    this.#repeated.set(key, { recordedAtMs: nowMs, repeats: 0 });
    return known?.repeats ?? 0;
  }
}
