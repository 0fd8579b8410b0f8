/**
 * Looks whether the audit chain is whole: its end at each start, all of it once a day, a step at a time. Tells people when it is not; stops
 * and mends nothing.
 */
import { MenddError } from '../core/errors.ts';
import type { AuditWalk } from '../core/ledger-ports.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { AuditVerdict } from '../core/safety.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';

/** Entries that a start looks at. */
const newest = 1_000;
/** Milliseconds, monotonic. */
const firstAfterMs = 600_000;
const everyMs = 86_400_000;
const retryAfterMs = 600_000;

export interface AuditWatchOptions {
  clock: Clock;
  coordinator: Coordinator;
  history: History;
  log: Log;
  onBroken: (brokenAtSeq: number, problem: string) => void;
}

export class AuditWatch {
  readonly #options: AuditWatchOptions;
  #walk: AuditWalk | undefined;
  #nextAtMs: number;
  #isBroken = false;

  constructor(options: AuditWatchOptions) {
    this.#options = options;
    this.#nextAtMs = options.clock.monotonicMs() + firstAfterMs;
  }

  /** As the newest look has it. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** At start, all at once: some milliseconds. Errors: MenddError. */
  lookAtEnd(): void {
    const walk = this.#options.coordinator.walkAudit(newest);
    for (;;) {
      const verdict = walk.step();
      if (verdict === undefined) continue;
      this.#judge(verdict);
      return;
    }
  }

  /** To be called every second: one step, when a walk is due or under way. Errors: MenddError; the walk begins anew later. */
  turn(): void {
    const { clock, coordinator } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#walk === undefined && nowMs < this.#nextAtMs) return;
    try {
      this.#walk ??= coordinator.walkAudit();
      const verdict = this.#walk.step();
      if (verdict === undefined) return;
      this.#walk = undefined;
      this.#nextAtMs = nowMs + everyMs;
      this.#judge(verdict);
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#walk = undefined;
      this.#nextAtMs = nowMs + retryAfterMs;
      throw error;
    }
  }

  #judge(verdict: AuditVerdict): void {
    const { history, log, onBroken } = this.#options;
    this.#isBroken = !verdict.ok;
    if (verdict.ok) return;
    const { brokenAtSeq, problem } = verdict;
    log.error({ brokenAtSeq, problem }, `audit: the chain is broken: ${problem}`);
    history.add('audit.broken', { data: { brokenAtSeq, problem } });
    onBroken(brokenAtSeq, problem);
  }
}
