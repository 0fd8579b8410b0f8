/**
 * Owns when checks run: no overlap of one check, limits for the fleet and for each host, what is due on one host together, a finite
 * queue that sheds with a counted reason. Intervals run on the monotonic clock; calendar schedules on the wall clock. Knows nothing
 * of results.
 */
import { calmly, toEnd } from '../config/steps.ts';
import type { HostPlan } from '../core/definitions.ts';
import { nextDue, sameTiming, warmUpDue } from '../core/schedule.ts';
import { Calendar, type CalendarSchedule } from './calendar.ts';
import { DueQueue } from './due-queue.ts';
import { HostLines, type Priority } from './host-lines.ts';
import type { Job, SchedulerOptions } from './scheduler-options.ts';

export type { Job, ShedReason } from './scheduler-options.ts';

/** Longest time one timer may sleep: keeps a missed wake-up from lasting. Milliseconds. */
const longestSleepMs = 60_000;
/** Connecting, and ending what does not end, on top of a check's own time-out. Milliseconds. */
const slotGraceMs = 60_000;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #due = new DueQueue();
  readonly #calendar = new Map<string, CalendarSchedule>();
  readonly #calendars = new Calendar();
  readonly #lines: HostLines;
  /** When what waits or was shed was due. */
  readonly #dueAtMs = new Map<string, number>();
  /** Asked for ahead of its timing. */
  readonly #wanted = new Set<string>();
  /** Shed at its last turn: goes ahead of routine ones at the next. */
  readonly #owed = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  /** Of all hosts. */
  #slots = 0;
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
    this.#lines = new HostLines(options.limits, options.troubled);
    this.#originMs = options.clock.nowMs() - options.clock.monotonicMs();
  }

  /** Adds, removes and re-times; what did not change keeps its place in time. */
  update(plans: ReadonlyMap<string, HostPlan>): void {
    toEnd(this.#updating(plans));
  }

  /** The same in steps; what was not reached yet runs as it was. One at a time. */
  updateCalmly(plans: ReadonlyMap<string, HostPlan>): Promise<void> {
    return calmly(this.#updating(plans));
  }

  *#updating(plans: ReadonlyMap<string, HostPlan>): Generator<void, void> {
    const wanted = new Set<string>();
    for (const { host, checks } of plans.values()) {
      yield;
      if (this.#stopped) return;
      for (const check of checks) {
        const key = keyOf(host.name, check.id);
        wanted.add(key);
        this.#want(key, { host: host.name, check });
      }
    }
    for (const key of this.#jobs.keys())
      if (!wanted.has(key) && this.#jobs.delete(key)) this.#unschedule(key);
    this.#calendars.clear();
    this.#wake();
  }

  /** Runs a check out of turn, ahead of routine ones; when it is running, once more after it. */
  soon(host: string, checkId: string, delayMs = 0): void {
    const key = keyOf(host, checkId);
    const job = this.#jobs.get(key);
    if (job === undefined || this.#stopped) return;
    if (delayMs <= 0) {
      if (this.#running.has(key)) this.#again.add(key);
      else this.#wait(key, job, 'urgent', this.#nowMs());
      this.#pump();
      return;
    }
    this.#wanted.add(key);
    this.#bringForward(key, job, delayMs);
  }

  #bringForward(key: string, job: Job, delayMs: number): void {
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
      queued: this.#lines.size,
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
    if (this.#slots < this.#options.limits.maxConcurrent) return Infinity;
    const timeouts = [...this.#running.keys()].map((key) => this.#jobs.get(key)?.check.timeoutMs ?? 0);
    return this.#movedAtMs + Math.max(...timeouts) + slotGraceMs;
  }

  /** Starts nothing new; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#lines.clear();
    await Promise.all(this.#running.values());
  }

  #nowMs(): number {
    return this.#originMs + this.#options.clock.monotonicMs();
  }

  #want(key: string, job: Job): void {
    const before = this.#jobs.get(key);
    if (before !== undefined && !sameTiming(job.check.timing, before.check.timing)) this.#unschedule(key);
    const isKnown = before !== undefined && (this.#due.dueOf(key) !== undefined || this.#calendar.has(key));
    this.#jobs.set(key, job);
    if (!isKnown && !this.#lines.has(key)) this.#schedule(key, job, true);
  }

  #unschedule(key: string): void {
    this.#due.delete(key);
    this.#lines.remove(key);
    for (const keys of [this.#dueAtMs, this.#wanted, this.#owed]) keys.delete(key);
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
    const calendar = this.#calendar.get(key) ?? this.#calendars.schedule(timing.cron, timing.timezone, nowMs);
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
    for (
      let dueMs = this.#due.nextDueMs() ?? Infinity;
      dueMs <= nowMs;
      dueMs = this.#due.nextDueMs() ?? Infinity
    ) {
      const key = this.#due.first(nowMs) ?? '';
      const job = this.#jobs.get(key);
      if (job === undefined) {
        this.#due.delete(key);
        continue;
      }
      const fires = this.#calendar.get(key)?.poll(this.#options.clock.nowMs()) ?? true;
      const isEarly = (this.#early.get(key) ?? Infinity) <= nowMs;
      if (isEarly) this.#early.delete(key);
      this.#schedule(key, job, false);
      if (fires || isEarly) this.#enqueue(key, job, dueMs);
    }
    this.#pump();
    this.#wake();
  }

  #enqueue(key: string, job: Job, dueMs: number): void {
    if (this.#stopped) return;
    const { limits, onShed, retryInMs } = this.#options;
    if (this.#running.has(key)) return onShed(job, 'still_running');
    const isWanted = this.#wanted.delete(key);
    if (this.#lines.has(key) && !isWanted) return onShed(job, 'still_waiting');
    const isAhead = isWanted || this.#owed.has(key) || retryInMs(job) !== undefined;
    this.#wait(key, job, isWanted ? 'urgent' : isAhead ? 'soon' : 'routine', dueMs);
    if (this.#lines.size > limits.queueLimit) this.#shedYoungest();
  }

  /** It keeps the time it was due, so that at some later turn it is older than others. */
  #shedYoungest(): void {
    const key = this.#lines.takeYoungest();
    const job = key === undefined ? undefined : this.#jobs.get(key);
    if (key === undefined || job === undefined) return;
    this.#owed.add(key);
    this.#options.onShed(job, 'queue_full');
  }

  #wait(key: string, { host, check }: Job, priority: Priority, dueMs: number): void {
    const sinceMs = this.#dueAtMs.get(key) ?? dueMs;
    this.#dueAtMs.set(key, sinceMs);
    // What is asked from elsewhere does not wait for the host to be reached.
    const line = check.runOn.kind === 'target' ? host : `${host}\n`;
    this.#lines.add(line, key, priority, sinceMs);
  }

  #pump(): void {
    for (;;) {
      const room = this.#options.limits.maxConcurrent - this.#slots;
      const next = this.#stopped || room <= 0 ? undefined : this.#lines.next();
      if (next === undefined) return;
      this.#startOn(next.host, next.keys, Math.min(next.free, room));
    }
  }

  /** Those that may share go together, in as many slots as are left; each other one takes a slot. */
  #startOn(host: string, keys: readonly string[], slots: number): void {
    const together: [string, Job][] = [];
    let free = slots;
    for (const key of keys) {
      const job = this.#jobs.get(key);
      const isShared = job !== undefined && this.#options.shares(job);
      const isFirst = isShared && together.length === 0;
      if (free <= 0 && (!isShared || isFirst)) continue;
      this.#lines.remove(key);
      if (job === undefined) continue;
      if (isShared) together.push([key, job]);
      if (!isShared || isFirst) free -= 1;
      if (!isShared) this.#start(host, [[key, job]], 1);
    }
    if (together.length > 0) this.#start(host, together, Math.min(together.length, 1 + free));
  }

  /** They hold `slots` between them, and give back those that the rest of them cannot use. */
  #start(host: string, jobs: readonly [string, Job][], slots: number): void {
    const { run, onStart } = this.#options;
    const nowMs = this.#nowMs();
    this.#movedAtMs = nowMs;
    this.#lines.take(host, slots);
    this.#slots += slots;
    let [left, held] = [jobs.length, slots];
    const parallel = jobs.length > 1 ? slots : undefined;
    for (const [key, job] of jobs) {
      onStart?.(Math.max(0, nowMs - (this.#dueAtMs.get(key) ?? nowMs)));
      this.#dueAtMs.delete(key);
      this.#owed.delete(key);
      const ended = (): void => {
        left -= 1;
        if (left < held) {
          held -= 1;
          this.#slots -= 1;
          this.#lines.release(host);
        }
        this.#ended(key, job);
      };
      this.#running.set(key, run(job, parallel).finally(ended));
    }
  }

  #ended(key: string, job: Job): void {
    this.#movedAtMs = this.#nowMs();
    this.#running.delete(key);
    const isDefined = this.#jobs.has(key) && !this.#stopped;
    const retryMs = isDefined ? this.#options.retryInMs(job) : undefined;
    if (this.#again.delete(key)) this.soon(job.host, job.check.id);
    else if (retryMs !== undefined) this.#bringForward(key, job, Math.max(1, retryMs));
    this.#pump();
  }
}

function keyOf(host: string, checkId: string): string {
  return `${host}\n${checkId}`;
}
