/**
 * Counts what the daemon does, for metrics. Keeps no history.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Stats } from '../core/views.ts';
import type { Fleet } from './fleet.ts';

/** How often a shed check is told as an event; the count is always exact. */
const shedEventEvery = 100;

export class Tally {
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });
  readonly #shed = new Map<string, number>();
  readonly #ended = new Map<
    string,
    { action: string; outcome: Stats['actions'][number]['outcome']; count: number }
  >();
  #checksRun = 0;

  constructor() {
    this.#loopDelay.enable();
  }

  checkRun(): void {
    this.#checksRun += 1;
  }

  /** True when this one should be told. */
  shed(reason: string): boolean {
    const count = (this.#shed.get(reason) ?? 0) + 1;
    this.#shed.set(reason, count);
    return count % shedEventEvery === 1;
  }

  ended(action: string, outcome: Stats['actions'][number]['outcome']): void {
    const key = `${action}\n${outcome}`;
    const count = (this.#ended.get(key)?.count ?? 0) + 1;
    this.#ended.set(key, { action, outcome, count });
  }

  stats(now: {
    scheduler: { running: number; queued: number; lagMs: number };
    fleet: Fleet;
    connections: Stats['connections'];
    brakesOn: number;
    inDoubt: boolean;
    approvalsWaiting: number;
  }): Stats {
    return {
      checksRun: this.#checksRun,
      checksShed: Object.fromEntries(this.#shed),
      checksRunning: now.scheduler.running,
      checksQueued: now.scheduler.queued,
      schedulerLagMs: now.scheduler.lagMs,
      actions: [...this.#ended.values()],
      suppressed: Object.fromEntries(now.fleet.suppressed),
      connections: now.connections,
      brakesOn: now.brakesOn,
      inDoubt: now.inDoubt,
      approvalsWaiting: now.approvalsWaiting,
      eventLoopDelayMs: this.#loopDelay.percentile(99) / 1e6,
    };
  }
}
