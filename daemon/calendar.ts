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

/** Makes schedules; those of one expression and zone search together, since a search may take milliseconds. */
export class Calendar {
  readonly #searches = new Map<string, Search>();

  /** The expression and the zone were judged by config/. */
  schedule(cron: string, timezone: string, nowMs: number): CalendarSchedule {
    const key = `${timezone}\n${cron}`;
    const search = this.#searches.get(key) ?? new Search(cron, timezone);
    this.#searches.set(key, search);
    return new CalendarSchedule(search, nowMs);
  }

  /** Schedules that were made go on. */
  clear(): void {
    this.#searches.clear();
  }
}

interface Found {
  atMs: number;
  /** False: nothing until then; look on from there. */
  fires: boolean;
}

export class CalendarSchedule {
  readonly #search: Search;
  #next: Found;
  /** Wall time from which `#next` was sought: nothing fires between the two. */
  #fromMs: number;

  constructor(search: Search, nowMs: number) {
    this.#search = search;
    this.#fromMs = nowMs;
    this.#next = search.after(nowMs);
  }

  /** Wall time of the next firing; undefined while it is further away than was looked. */
  get nextFireMs(): number | undefined {
    return this.#next.fires ? this.#next.atMs : undefined;
  }

  /** Wall time at which to poll next. */
  get pollAtMs(): number {
    return this.#next.atMs;
  }

  /**
   * True when it fires now: once, however late, and never for a time before. Hours that come again since the clock was set back by
   * more than one are lived through again.
   */
  poll(nowMs: number): boolean {
    const { atMs, fires } = this.#next;
    const isBack = nowMs < this.#fromMs - hourMs;
    if (nowMs < atMs && !isBack) return false;
    this.#fromMs = fires || isBack ? nowMs : atMs - this.#search.stepMs;
    this.#next = this.#search.after(this.#fromMs);
    return fires && !isBack;
  }
}

class Search {
  readonly stepMs: number;
  readonly #matches: (local: Date) => boolean;
  readonly #everyHour: boolean;
  readonly #zone: Intl.DateTimeFormat;
  /** The newest answer, and the step it was sought from. */
  #newest: (Found & { fromMs: number }) | undefined;

  constructor(cron: string, timezone: string) {
    const fields = cron.trim().split(/\s+/);
    const task = createTask(cron, () => undefined, { timezone: 'UTC' });
    this.#matches = (local) => task.match(local);
    // Taken out of node-cron's own registry: it is only asked, never started.
    void task.destroy();
    this.stepMs = fields.length === 6 ? 1_000 : minuteMs;
    this.#everyHour = (fields.at(-4) ?? '').startsWith('*');
    this.#zone = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' });
  }

  after(wallMs: number): Found {
    const fromMs = (Math.floor(wallMs / this.stepMs) + 1) * this.stepMs;
    if (this.#newest?.fromMs !== fromMs) this.#newest = { ...this.#look(fromMs), fromMs };
    return this.#newest;
  }

  #look(fromMs: number): Found {
    let atMs = fromMs;
    for (let step = 0; step < stepsAtOnce; step += 1) {
      atMs = fromMs + step * this.stepMs;
      if (this.#firesAt(atMs)) return { atMs, fires: true };
    }
    return { atMs, fires: false };
  }

  #firesAt(atMs: number): boolean {
    const offsetMs = this.#offsetMs(atMs);
    const localMs = atMs + offsetMs;
    const gapMs = this.#everyHour ? 0 : offsetMs - this.#offsetMs(atMs - this.stepMs);
    for (let skippedMs = 0; skippedMs < gapMs; skippedMs += this.stepMs) {
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
