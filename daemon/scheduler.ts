/**
 * Owns when checks run: no overlap of one check, limits for the fleet and for each host, a finite queue that sheds with a
 * counted reason. Intervals run on the monotonic clock; calendar schedules on the wall clock. Knows nothing of results.
 */
import type { CheckDefinition, DaemonConfig, HostPlan } from '../core/definitions.ts';
import type { Clock } from '../core/ports.ts';
import { nextDue, warmUpDue } from '../core/schedule.ts';
import { CalendarSchedule } from './calendar.ts';
import { DueQueue } from './due-queue.ts';

export interface Job {
  host: string;
  check: CheckDefinition;
}

export type ShedReason = 'queue_full' | 'still_running';

export interface SchedulerOptions {
  clock: Clock;
  limits: DaemonConfig['scheduler'];
  run: (job: Job) => Promise<void>;
  onShed: (job: Job, reason: ShedReason) => void;
  /** Milliseconds to the next run while a problem is soft; undefined: the regular timing. */
  retryInMs: (job: Job) => number | undefined;
}

/** Longest time one timer may sleep: keeps a missed wake-up from lasting. Milliseconds. */
const longestSleepMs = 60_000;
/** Connecting, and ending what does not end, on top of a check's own time-out. Milliseconds. */
const slotGraceMs = 60_000;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #due = new DueQueue();
  readonly #calendar = new Map<string, CalendarSchedule>();
  /** Keys that are due, urgent ones first within each take. */
  readonly #urgent = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #perHost = new Map<string, number>();
  readonly #again = new Set<string>();
  /** When checks with a calendar are wanted ahead of it; in the due queue such a check also stands for looking at its calendar. */
  readonly #early = new Map<string, number>();
  /** The monotonic timeline is laid over the wall clock once, so that ticks fall alike after every start. */
  readonly #originMs: number;
  #cancelTimer: (() => void) | undefined;
  /** When a check last started or ended. */
  #movedAtMs = 0;
  #stopped = false;
  #lagMs = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#originMs = options.clock.nowMs() - options.clock.monotonicMs();
  }

  /** Adds, removes and re-times; what did not change keeps its place in time. */
  update(plans: ReadonlyMap<string, HostPlan>): void {
    if (this.#stopped) return;
    const wanted = new Map<string, Job>();
    for (const plan of plans.values()) {
      for (const check of plan.checks)
        wanted.set(keyOf(plan.host.name, check.id), { host: plan.host.name, check });
    }
    for (const [key, job] of this.#jobs) {
      const next = wanted.get(key);
      if (next === undefined || !sameTiming(next.check, job.check)) this.#unschedule(key);
      if (next === undefined) this.#jobs.delete(key);
    }
    for (const [key, job] of wanted) {
      const known = this.#jobs.has(key) && (this.#due.dueOf(key) !== undefined || this.#calendar.has(key));
      this.#jobs.set(key, job);
      if (!known && !this.#isQueued(key)) this.#schedule(key, job, true);
    }
    this.#wake();
  }

  /** Runs a check out of turn, ahead of routine ones; when it is running, once more after it. */
  soon(host: string, checkId: string, delayMs = 0): void {
    const key = keyOf(host, checkId);
    const job = this.#jobs.get(key);
    if (job === undefined || this.#stopped) return;
    if (delayMs <= 0) {
      if (this.#running.has(key)) this.#again.add(key);
      else {
        this.#waiting.delete(key);
        this.#urgent.add(key);
      }
      this.#pump();
      return;
    }
    const dueMs = this.#nowMs() + delayMs;
    if (job.check.timing.kind === 'calendar') {
      this.#early.set(key, Math.min(dueMs, this.#early.get(key) ?? Infinity));
    }
    if (dueMs < (this.#due.dueOf(key) ?? Infinity)) this.#due.set(key, dueMs);
    this.#wake();
  }

  /** Resolves when the check has run once from now on; undefined when there is no such check. */
  async runNow(host: string, checkId: string): Promise<boolean> {
    const key = keyOf(host, checkId);
    if (!this.#jobs.has(key) || this.#stopped) return false;
    await this.#running.get(key);
    this.soon(host, checkId);
    const run = this.#running.get(key);
    if (run === undefined) return false;
    await run;
    return true;
  }

  nextDueAtMs(host: string, checkId: string): number | undefined {
    const key = keyOf(host, checkId);
    const calendar = this.#calendar.get(key);
    return calendar === undefined ? this.#due.dueOf(key) : calendar.nextFireMs;
  }

  stats(): { running: number; queued: number; lagMs: number } {
    return {
      running: this.#running.size,
      queued: this.#urgent.size + this.#waiting.size,
      lagMs: this.#lagMs,
    };
  }

  /** How late it is with its work: its timer, or slots that all hold checks which should have ended. Milliseconds. */
  overdueMs(): number {
    const dueMs = Math.min(this.#due.nextDueMs() ?? Infinity, this.#freeByMs());
    return Math.max(0, this.#nowMs() - dueMs);
  }

  /** By when a slot must become free although all are taken. */
  #freeByMs(): number {
    if (this.#running.size < this.#options.limits.maxConcurrent) return Infinity;
    const timeouts = [...this.#running.keys()].map((key) => this.#jobs.get(key)?.check.timeoutMs ?? 0);
    return this.#movedAtMs + Math.max(...timeouts) + slotGraceMs;
  }

  /** Starts nothing new; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#urgent.clear();
    this.#waiting.clear();
    await Promise.all(this.#running.values());
  }

  #nowMs(): number {
    return this.#originMs + this.#options.clock.monotonicMs();
  }

  #isQueued(key: string): boolean {
    return this.#urgent.has(key) || this.#waiting.has(key);
  }

  #unschedule(key: string): void {
    this.#due.delete(key);
    this.#urgent.delete(key);
    this.#waiting.delete(key);
    this.#calendar.delete(key);
    this.#early.delete(key);
  }

  #schedule(key: string, job: Job, first: boolean): void {
    const { timing } = job.check;
    if (timing.kind === 'interval') {
      const due = first ? warmUpDue : nextDue;
      this.#due.set(key, due(job.host, job.check.id, timing.everyMs, this.#nowMs()));
      return;
    }
    const nowMs = this.#options.clock.nowMs();
    const calendar = this.#calendar.get(key) ?? new CalendarSchedule(timing.cron, timing.timezone, nowMs);
    this.#calendar.set(key, calendar);
    // The wall clock may be set meanwhile: it is looked at once a minute at the least.
    const lookMs = this.#nowMs() + Math.min(longestSleepMs, Math.max(0, calendar.pollAtMs - nowMs));
    this.#due.set(key, Math.min(lookMs, this.#early.get(key) ?? Infinity));
  }

  #wake(): void {
    this.#cancelTimer?.();
    if (this.#stopped) return;
    const dueMs = this.#due.nextDueMs();
    if (dueMs === undefined) return;
    const delayMs = Math.min(longestSleepMs, Math.max(0, dueMs - this.#nowMs()));
    this.#cancelTimer = this.#options.clock.after(delayMs, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    this.#lagMs = this.overdueMs();
    for (let key = this.#due.take(nowMs); key !== undefined; key = this.#due.take(nowMs)) {
      const job = this.#jobs.get(key);
      if (job === undefined) continue;
      const fires = this.#calendar.get(key)?.poll(this.#options.clock.nowMs()) ?? true;
      const isEarly = (this.#early.get(key) ?? Infinity) <= nowMs;
      if (isEarly) this.#early.delete(key);
      this.#schedule(key, job, false);
      if (fires || isEarly) this.#enqueue(key);
    }
    this.#wake();
  }

  #enqueue(key: string): void {
    const job = this.#jobs.get(key);
    if (job === undefined || this.#stopped || this.#isQueued(key)) return;
    if (this.#running.has(key)) {
      this.#options.onShed(job, 'still_running');
      return;
    }
    if (this.#waiting.size >= this.#options.limits.queueLimit) {
      this.#options.onShed(job, 'queue_full');
      return;
    }
    this.#waiting.add(key);
    this.#pump();
  }

  #pump(): void {
    for (const queue of [this.#urgent, this.#waiting]) {
      for (const key of queue) {
        if (this.#stopped || this.#running.size >= this.#options.limits.maxConcurrent) return;
        const job = this.#jobs.get(key);
        if (job !== undefined && (this.#perHost.get(job.host) ?? 0) >= this.#options.limits.maxPerHost)
          continue;
        queue.delete(key);
        if (job !== undefined) this.#start(key, job);
      }
    }
  }

  #start(key: string, job: Job): void {
    this.#movedAtMs = this.#nowMs();
    this.#perHost.set(job.host, (this.#perHost.get(job.host) ?? 0) + 1);
    this.#running.set(
      key,
      this.#options.run(job).finally(() => this.#ended(key, job)),
    );
  }

  #ended(key: string, job: Job): void {
    this.#movedAtMs = this.#nowMs();
    this.#running.delete(key);
    const left = (this.#perHost.get(job.host) ?? 1) - 1;
    if (left > 0) this.#perHost.set(job.host, left);
    else this.#perHost.delete(job.host);
    const retryMs = this.#options.retryInMs(job);
    if (this.#again.delete(key)) this.soon(job.host, job.check.id);
    else if (retryMs !== undefined) this.soon(job.host, job.check.id, Math.max(1, retryMs));
    this.#pump();
  }
}

function keyOf(host: string, checkId: string): string {
  return `${host}\n${checkId}`;
}

function sameTiming(a: CheckDefinition, b: CheckDefinition): boolean {
  return JSON.stringify(a.timing) === JSON.stringify(b.timing);
}
