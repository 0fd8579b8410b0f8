/**
 * Owns when a calendar schedule fires, in its own time zone and across daylight saving: a schedule for every hour fires in both
 * hours that autumn gives twice; one for certain hours fires once; and what spring leaves out fires right after the gap.
 * node-cron 4.6 alone would be silent for the second of the two hours. It says here which minutes match; the walk over them is ours.
 */
import { createTask } from 'node-cron';

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Steps looked at in one go; a schedule that fires more seldom is looked at again from there. */
const stepsAtOnce = 1_440;

export class CalendarSchedule {
  readonly #matches: (local: Date) => boolean;
  readonly #everyHour: boolean;
  readonly #stepMs: number;
  readonly #zone: Intl.DateTimeFormat;
  /** Wall time of the next firing when `#fires`; else where to look on. */
  #nextMs = 0;
  #fires = false;

  /** The expression and the zone were judged by config/. */
  constructor(cron: string, timezone: string, nowMs: number) {
    const fields = cron.trim().split(/\s+/);
    const task = createTask(cron, () => undefined, { timezone: 'UTC' });
    this.#matches = (local) => task.match(local);
    // Taken out of node-cron's own registry: it is only asked, never started.
    void task.destroy();
    this.#stepMs = fields.length === 6 ? 1_000 : minuteMs;
    this.#everyHour = (fields.at(-4) ?? '').startsWith('*');
    this.#zone = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' });
    this.#look(nowMs);
  }

  /** Wall time of the next firing; undefined while it is further away than was looked. */
  get nextFireMs(): number | undefined {
    return this.#fires ? this.#nextMs : undefined;
  }

  /** Wall time at which to poll next. */
  get pollAtMs(): number {
    return this.#nextMs;
  }

  /** True when it fires now: once, however late, and never for a time before. */
  poll(nowMs: number): boolean {
    if (nowMs < this.#nextMs) return false;
    const fired = this.#fires;
    this.#look(fired ? nowMs : this.#nextMs - this.#stepMs);
    return fired;
  }

  #look(afterMs: number): void {
    const firstMs = (Math.floor(afterMs / this.#stepMs) + 1) * this.#stepMs;
    for (let step = 0; step < stepsAtOnce; step += 1) {
      this.#nextMs = firstMs + step * this.#stepMs;
      this.#fires = this.#firesAt(this.#nextMs);
      if (this.#fires) return;
    }
  }

  #firesAt(atMs: number): boolean {
    const offsetMs = this.#offsetMs(atMs);
    const localMs = atMs + offsetMs;
    const gapMs = this.#everyHour ? 0 : offsetMs - this.#offsetMs(atMs - this.#stepMs);
    for (let skippedMs = 0; skippedMs < gapMs; skippedMs += this.#stepMs) {
      if (this.#matches(new Date(localMs - gapMs + skippedMs))) return true;
    }
    if (!this.#matches(new Date(localMs))) return false;
    if (this.#everyHour) return true;
    const backMs = this.#offsetMs(atMs - 2 * hourMs) - offsetMs;
    const cameBefore = backMs > 0 && this.#offsetMs(atMs - backMs) === offsetMs + backMs;
    return !cameBefore;
  }

  /** What the zone is ahead of UTC at that moment. */
  #offsetMs(atMs: number): number {
    const name = this.#zone.formatToParts(atMs).find((part) => part.type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes = '0'] = /GMT([+-])(\d+):?(\d+)?/.exec(name) ?? [];
    if (hours === undefined) return 0;
    return (sign === '-' ? -1 : 1) * (Number(hours) * hourMs + Number(minutes) * minuteMs);
  }
}
