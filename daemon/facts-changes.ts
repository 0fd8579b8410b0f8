/**
 * Owns when facts that changed make the definitions be resolved again: several as one, not too often, and soon where nothing
 * was known. It tells which, never what they are.
 */
import type { Clock } from '../core/ports.ts';
import type { History } from './history.ts';

export interface ChangesOptions {
  clock: Clock;
  history: Pick<History, 'add'>;
  /** Resolves the definitions again; settles when that is done. */
  onChange: () => Promise<void>;
}

/** Answers that come together are one change. Milliseconds. */
const gatherMs = 250;
/** From the end of one resolving to the next. Milliseconds. */
const restMs = 10_000;
/** The same when checks wait for a fact that was not known. Milliseconds. */
const shortRestMs = 1_000;
/** Names in an event. */
const shownNames = 20;
const shownHosts = 10;

export class FactChanges {
  readonly #options: ChangesOptions;
  readonly #paths = new Set<string>();
  readonly #hosts = new Set<string>();
  #isAwaited = false;
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** Monotonic; when the newest resolving ended. */
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #isStarted = false;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /** `isAwaited`: some of them were not known before. */
  add(host: string, paths: readonly string[], isAwaited: boolean): void {
    if (paths.length === 0) return;
    this.#hosts.add(host);
    for (const path of paths) this.#paths.add(path);
    this.#isAwaited ||= isAwaited;
    this.#arm();
  }

  /** Tells what was added until then, and from then on. */
  start(): void {
    this.#isStarted = true;
    this.#arm();
  }

  /** Tells nothing more; resolves when what is being resolved is done. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#cancel?.();
    await this.#running;
  }

  #arm(): void {
    if (!this.#isStarted || this.#running !== undefined || this.#hosts.size === 0) return;
    const { clock } = this.#options;
    this.#cancel?.();
    const freeAtMs = this.#endedAtMs + (this.#isAwaited ? shortRestMs : restMs);
    const delayMs = Math.max(gatherMs, freeAtMs - clock.monotonicMs());
    this.#cancel = clock.after(delayMs, () => {
      this.#running = this.#tell();
    });
  }

  async #tell(): Promise<void> {
    const { clock, history, onChange } = this.#options;
    const [hosts, names] = [[...this.#hosts].sort(), [...this.#paths].sort()];
    this.#hosts.clear();
    this.#paths.clear();
    this.#isAwaited = false;
    const [only] = hosts;
    history.add('facts.changed', {
      ...(hosts.length === 1 && only !== undefined ? { host: only } : {}),
      data: { hostCount: hosts.length, hosts: hosts.slice(0, shownHosts), names: names.slice(0, shownNames) },
    });
    try {
      await onChange();
    } finally {
      this.#endedAtMs = clock.monotonicMs();
      this.#running = undefined;
      this.#arm();
    }
  }
}
