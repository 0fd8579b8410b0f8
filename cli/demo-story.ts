/**
 * Owns the demo's three episodes: what is broken, what should follow, and whether it did. It breaks the hosts and reads the
 * daemon's events; healing is the daemon's alone.
 */
import type { StoredEvent } from '../core/types.ts';
import type { App } from '../daemon/app.ts';
import type { DemoFleet, DemoHostName } from './demo-fleet.ts';

/** Longest wait for one step of the story. Milliseconds. */
const stepWithinMs = 60_000;

export interface Stage {
  app: App;
  fleet: DemoFleet;
  tell: (line: string) => void;
}

export interface Episode {
  title: string;
  host: DemoHostName;
  play: (stage: Stage, episode: Watch) => Promise<string>;
}

/** The events of one host since the episode began. */
export class Watch {
  readonly #events: StoredEvent[] = [];
  readonly #unsubscribe: () => void;
  #wake: () => void = () => undefined;

  constructor(app: App, host: DemoHostName) {
    this.#unsubscribe = app.daemon.onEvent((event) => {
      if (event.host !== host) return;
      this.#events.push(event);
      this.#wake();
    });
  }

  /** Waits for the `nth` event that fits. Errors: an Error that names the step when it did not happen in time. */
  async until(step: string, fits: (event: StoredEvent) => boolean, nth = 1): Promise<void> {
    const deadlineMs = performance.now() + stepWithinMs;
    while (this.count(fits) < nth) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`did not happen within ${stepWithinMs / 1000} s: ${step}`);
      await this.#next(leftMs);
    }
  }

  count(fits: (event: StoredEvent) => boolean): number {
    return this.#events.filter(fits).length;
  }

  close(): void {
    this.#unsubscribe();
  }

  async #next(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const entered = (state: string) => (event: StoredEvent) =>
  event.type === 'state.changed' && event.data['to'] === state;
const ended = (action: string, status: string) => (event: StoredEvent) =>
  event.type === 'action.ended' &&
  event.data['action'] === `queue.${action}` &&
  event.data['status'] === status;
const held = (reason: string) => (event: StoredEvent) =>
  event.type === 'decision.made' && event.data['verdict'] === 'held' && event.data['reason'] === reason;

export const episodes: readonly Episode[] = [
  {
    title: 'A worker dies',
    host: 'web-1',
    async play({ fleet }, watch) {
      const host = fleet.hosts['web-1'];
      const bootId = host.bootId();
      host.breakWorker('crash');
      await watch.until('the check turns critical', entered('critical'));
      await watch.until('the restart is verified', ended('restart', 'verified'));
      if (host.bootId() !== bootId) throw new Error('the host was rebooted');
      return 'Restarted once over SSH, and the check stayed OK: fixed means verified.';
    },
  },
  {
    title: 'A restart does not help',
    host: 'web-2',
    async play({ fleet }, watch) {
      const host = fleet.hosts['web-2'];
      const bootId = host.bootId();
      host.breakWorker('broken');
      await watch.until('the restart does not help', ended('restart', 'not_verified'));
      await watch.until('the reboot is verified', ended('reboot', 'verified'));
      if (host.bootId() === bootId) throw new Error('the boot id is the same: it was not rebooted');
      return `The ladder climbed to a reboot; boot id ${bootId.slice(0, 8)} became ${host.bootId().slice(0, 8)}.`;
    },
  },
  {
    title: 'A worker flaps',
    host: 'web-3',
    async play({ fleet }, watch) {
      const host = fleet.hosts['web-3'];
      host.setWorkerFlapping(true);
      await watch.until('it fails for the third time', entered('critical'), 3);
      host.setWorkerFlapping(false);
      host.breakWorker('crash');
      await watch.until('the repair is held', held('flapping'));
      if (
        watch.count((event) => event.type === 'action.started' && event.data['action'] !== 'queue.page') > 0
      ) {
        throw new Error('a flapping worker was acted on');
      }
      await watch.until('a person is told', (event) => event.type === 'message.sent');
      return 'A worker that comes and goes is not hammered: the restart is held, and a person is told why.';
    },
  },
];
