/**
 * Counts what the daemon does, for metrics. Keeps no history.
 */
import { createHistogram } from 'node:perf_hooks';
import type { Clock } from '../core/ports.ts';
import type { Stats } from '../core/views.ts';
import type { Fleet } from './fleet.ts';

/** How often a shed check is told as an event; the count is always exact. */
const shedEventEvery = 100;
/** Lateness is told of the last one to two of these. Milliseconds. */
const latenessSpanMs = 60_000;

export class Tally {
  readonly #clock: Clock;
  /** In whole milliseconds, each one higher than it was, since a histogram begins at 1. */
  #lateness = createHistogram();
  #latenessBefore = createHistogram();
  #latenessSinceMs: number;
  readonly #shed = new Map<string, number>();
  readonly #ended = new Map<
    string,
    { action: string; outcome: Stats['actions'][number]['outcome']; count: number }
  >();
  #checksRun = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#latenessSinceMs = clock.monotonicMs();
  }

  /** A check started so long after it was due. Milliseconds. */
  checkRun(latenessMs: number): void {
    this.#checksRun += 1;
    this.#turnLateness();
    this.#lateness.record(Math.floor(latenessMs) + 1);
  }

  #turnLateness(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#latenessSinceMs < latenessSpanMs) return;
    this.#latenessSinceMs = nowMs;
    this.#latenessBefore = this.#lateness;
    this.#lateness = createHistogram();
  }

  #checkLateness(): Stats['checkLateness'] {
    this.#turnLateness();
    const both = createHistogram();
    both.add(this.#latenessBefore);
    both.add(this.#lateness);
    const atMs = (percent: number): number => (both.count === 0 ? 0 : both.percentile(percent) - 1);
    return { p50Ms: atMs(50), p99Ms: atMs(99), maxMs: atMs(100) };
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
    batches: Stats['batches'];
    brakesOn: number;
    inDoubt: boolean;
    approvalsWaiting: number;
    auditBroken: boolean;
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
      batches: now.batches,
      brakesOn: now.brakesOn,
      inDoubt: now.inDoubt,
      approvalsWaiting: now.approvalsWaiting,
      auditBroken: now.auditBroken,
      checkLateness: this.#checkLateness(),
    };
  }
}
