/**
 * What has to happen from time to time: deadlines of verification, runs that nobody carries, waiting history, the outbox,
 * retention. One timer, bounded work at each turn.
 */
import type { Outbox } from '../actions/outbox.ts';
import { MenddError } from '../core/errors.ts';
import type { Clock, Coordinator, Store } from '../core/ports.ts';
import type { Approvals } from './approvals.ts';
import type { AuditExport } from './audit.ts';
import type { AuditWatch } from './audit-watch.ts';
import type { Brakes } from './brakes.ts';
import type { Fleet } from './fleet.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import type { Messages } from './messages.ts';
import type { RunObserver } from './observe-run.ts';
import type { Recorder } from './recorder.ts';
import type { SelfDoubt } from './self-doubt.ts';
import type { Suppressions } from './suppressions.ts';
import type { Trust } from './trust.ts';

/** Milliseconds. */
const turnEveryMs = 1_000;
const tellEveryMs = 50;
const takeUpEveryMs = 10_000;
const pruneEveryMs = 60_000;
/** A clock that was set forwards is believed after one to two of these, for what is forgotten cannot be had back. Milliseconds. */
const doubtMs = 12 * 3_600_000;

export interface HousekeepingOptions {
  clock: Clock;
  log: Log;
  fleet: Fleet;
  history: History;
  store: Store;
  coordinator: Coordinator;
  outbox: Outbox;
  observer: RunObserver;
  messages: Messages;
  selfDoubt: SelfDoubt;
  brakes: Brakes;
  suppressions: Suppressions;
  approvals: Approvals;
  trust: Trust;
  auditExport: AuditExport;
  auditWatch: AuditWatch;
  recorder: Recorder;
  heartbeat: Pick<Heartbeat, 'turn' | 'stop'>;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #cancel: (() => void) | undefined;
  #cancelTelling: (() => void) | undefined;
  #nextTakeUpMs = 0;
  #nextPruneMs = 0;
  /** Wall minus monotonic clock, as oldness is judged by; and the least of them since a monotonic time. */
  #offsetMs = Infinity;
  #leastOffsetMs = Infinity;
  #leastSinceMs: number;
  #pumping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#leastSinceMs = options.clock.monotonicMs();
    this.#judgeOldnessBy();
  }

  start(): void {
    this.#cancel = this.#options.clock.after(turnEveryMs, () => this.#turn());
  }

  /** Resolves when messages that are on their way have been delivered or given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancelTelling?.();
    this.#options.heartbeat.stop();
    await this.#pumping;
  }

  /** A message was queued: deliver it without waiting for the next turn. */
  pumpSoon(): void {
    if (this.#stopped) return;
    const before = this.#pumping;
    this.#pumping = this.#options.outbox.pump().then(() => before);
  }

  /** Each by itself: one that cannot be written must not keep the others, least of all pruning, from their turn. */
  #turn(): void {
    const { history, fleet, coordinator, observer, messages, clock } = this.#options;
    const { selfDoubt, brakes, trust, suppressions, approvals, recorder, auditExport, auditWatch } =
      this.#options;
    this.#try(() => selfDoubt.turn());
    this.#try(() => history.flush());
    this.#try(() => brakes.stepAll());
    this.#try(() => trust.turn());
    this.#try(() => recorder.turn());
    this.#try(() => fleet.writeQuarantine());
    this.#try(() => {
      for (const { id, kind } of suppressions.endOver(fleet.states(), clock.nowMs()))
        history.add('suppression.ended', { data: { id, kind, by: 'rule' } });
    });
    this.#try(() => suppressions.refresh(fleet.definitions, clock.nowMs()));
    this.#try(() => approvals.turn());
    this.#try(() => auditWatch.turn());
    this.#try(() => {
      if (messages.turn()) this.#tellSoon();
    });
    this.#try(() => {
      for (const run of coordinator.open()) {
        if (run.status === 'verifying') fleet.apply(run.host, { kind: 'tick' });
      }
    });
    const nowMs = clock.monotonicMs();
    if (nowMs >= this.#nextTakeUpMs) {
      this.#nextTakeUpMs = nowMs + takeUpEveryMs;
      this.#try(() => observer.takeUp(false));
      this.#try(() => messages.settle());
      this.#try(() => fleet.forgetOldRuns(this.#judgeOldnessBy()));
      this.#try(() => auditExport.turn());
    }
    if (nowMs >= this.#nextPruneMs) this.#try(() => this.#prune(nowMs));
    void this.#options.heartbeat.turn();
    this.pumpSoon();
    if (!this.#stopped) this.start();
  }

  /** In a mass failure much is to be told at once: a bit at a time, so that checks have their turn. */
  #tellSoon(): void {
    const { clock, messages } = this.#options;
    this.#cancelTelling?.();
    this.#cancelTelling = clock.after(tellEveryMs, () =>
      this.#try(() => {
        if (messages.conversations.turn()) this.#tellSoon();
      }),
    );
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      this.#options.history.failed(error);
    }
  }

  /** One batch a turn until nothing is left, then a pause. */
  #prune(nowMs: number): void {
    const { store, coordinator, fleet } = this.#options;
    const { keepResultsMs, keepHistoryMs, keepRollupsMs } = fleet.definitions.daemon.store;
    const wallMs = this.#judgeOldnessBy();
    const historyBeforeMs = wallMs - keepHistoryMs;
    const moreHistory = store.prune({
      resultsBeforeMs: wallMs - keepResultsMs,
      historyBeforeMs,
      rollupsBeforeMs: wallMs - keepRollupsMs,
    });
    const moreLedger = coordinator.prune(Math.min(historyBeforeMs, wallMs - fleet.memoryMs()));
    if (!moreHistory && !moreLedger) this.#nextPruneMs = nowMs + pruneEveryMs;
  }

  /** Wall time, but for a while the one from before the clock was set forwards. */
  #judgeOldnessBy(): number {
    const { clock } = this.#options;
    const monotonicMs = clock.monotonicMs();
    const offsetMs = clock.nowMs() - monotonicMs;
    this.#leastOffsetMs = Math.min(this.#leastOffsetMs, offsetMs);
    if (monotonicMs - this.#leastSinceMs >= doubtMs) {
      this.#offsetMs = this.#leastOffsetMs;
      this.#leastOffsetMs = offsetMs;
      this.#leastSinceMs = monotonicMs;
    }
    this.#offsetMs = Math.min(this.#offsetMs, offsetMs);
    return monotonicMs + this.#offsetMs;
  }
}
