/**
 * Counts what the daemon does, for metrics. Keeps no history.
 */
import { createHistogram } from 'node:perf_hooks';
import type { Clock } from '../core/ports.ts';
import type { Stats } from '../core/views.ts';
import type { Healing } from './healing.ts';

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
  #beforeSinceMs: number;
  readonly #shed = new Map<string, number>();
  readonly #ended = new Map<
    string,
    { action: string; outcome: Stats['actions'][number]['outcome']; count: number }
  >();
  #checksRun = 0;
  #heartbeats: Stats['heartbeats'] = { heard: 0, failed: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#latenessSinceMs = clock.monotonicMs();
    this.#beforeSinceMs = this.#latenessSinceMs;
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
    this.#beforeSinceMs = this.#latenessSinceMs;
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

  #checksPerMin(): number {
    this.#turnLateness();
    const overMs = this.#clock.monotonicMs() - this.#beforeSinceMs;
    const started = this.#latenessBefore.count + this.#lateness.count;
    return overMs <= 0 ? 0 : Math.round((started * 60_000) / overMs);
  }

  beat(isHeard: boolean): void {
    const { heard, failed } = this.#heartbeats;
    if (isHeard) this.#heartbeats = { heard: heard + 1, failed, heardAtMs: this.#clock.nowMs() };
    else this.#heartbeats = { ...this.#heartbeats, failed: failed + 1 };
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
    healing: Pick<Healing, 'fleet' | 'brakes' | 'selfDoubt' | 'approvals' | 'auditWatch'>;
    connections: Stats['connections'];
    batches: Stats['batches'];
  }): Stats {
    const { fleet, brakes, selfDoubt, approvals, auditWatch } = now.healing;
    return {
      checksRun: this.#checksRun,
      checksShed: Object.fromEntries(this.#shed),
      checksRunning: now.scheduler.running,
      checksQueued: now.scheduler.queued,
      schedulerLagMs: now.scheduler.lagMs,
      actions: [...this.#ended.values()],
      suppressed: Object.fromEntries(fleet.suppressed),
      connections: now.connections,
      batches: now.batches,
      brakesOn: brakes.on,
      inDoubt: selfDoubt.doubt !== undefined,
      approvalsWaiting: approvals.waiting().length,
      auditBroken: auditWatch.isBroken,
      heartbeats: this.#heartbeats,
      checkLateness: this.#checkLateness(),
      checksPerMin: this.#checksPerMin(),
    };
  }
}
