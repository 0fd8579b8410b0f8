/**
 * Owns timeperiods: when they are closed, as schedules that begin a downtime. What no cron expression can say is noted.
 * Source: Nagios Core, Time Periods (exceptions go before weekdays; `exclude` before both).
 */
import { formatDuration } from '../core/duration.ts';
import { type NagiosModel, take } from './nagios-model.ts';
import { listOf, type NagiosObject } from './nagios-templates.ts';
import type { Place } from './notebook.ts';

export interface ClosedTime {
  /** Five fields. */
  schedule: string;
  lasts: string;
}

export type PeriodMeaning = 'always' | 'never' | readonly ClosedTime[];

/** Minutes from and to, within a day or a week. */
type Span = readonly [fromMin: number, toMin: number];

const dayMin = 1440;
const weekMin = 7 * dayMin;
const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const months = 'january february march april may june july august september october november december'.split(
  ' ',
);
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const notTimes = ['timeperiod_name', 'alias', 'exclude'];

/** Days of the year, as the third and fourth field of a cron expression. */
interface Dates {
  days: string;
  month: string;
}

export class NagiosPeriods {
  readonly #model: NagiosModel;
  readonly #objects = new Map<string, NagiosObject>();
  readonly #known = new Map<string, PeriodMeaning>();

  constructor(model: NagiosModel) {
    this.#model = model;
    for (const object of model.ofType('timeperiod')) {
      const name = object.values.get('timeperiod_name')?.text;
      if (name !== undefined && !this.#objects.has(name)) this.#objects.set(name, object);
    }
  }

  /** What the period means for those that run only within it. Unknown ones are always open, with a note. */
  meaning(name: string, usedAt: Place): PeriodMeaning {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const object = this.#objects.get(name);
    if (object === undefined) {
      this.#model.book.note(
        usedAt,
        'check',
        `there is no timeperiod \`${name.slice(0, 80)}\`; checks run at all times`,
      );
      return 'always';
    }
    const meaning = this.#read(object);
    this.#known.set(name, meaning);
    return meaning;
  }

  #read(object: NagiosObject): PeriodMeaning {
    const { book } = this.#model;
    for (const key of ['timeperiod_name', 'alias']) take(book, object, key);
    const { open, dates } = this.#times(object);
    let closed = complement(open, weekMin);
    const extra = dates.flatMap(({ when, spans, place }) => this.#exception(when, spans, closed, place));
    for (const name of listOf(take(book, object, 'exclude') ?? '')) {
      const other = this.#objects.get(name);
      const place = object.values.get('exclude')?.from[0] ?? object;
      if (other === undefined || other === object) {
        book.note(place, 'check', `there is no timeperiod \`${name.slice(0, 80)}\` to leave out`);
        continue;
      }
      take(book, other, 'timeperiod_name');
      const theirs = this.#times(other);
      closed = merged([...closed, ...theirs.open]);
      extra.push(...theirs.dates.flatMap(({ when, spans }) => spans.map((span) => dated(when, span))));
    }
    const week = circular(closed);
    if (week.length === 1 && week[0]?.[1] === weekMin && week[0][0] === 0 && extra.length === 0)
      return 'never';
    const all = [...weekly(week), ...extra];
    return all.length === 0 ? 'always' : all;
  }

  #times(object: NagiosObject): {
    open: Span[];
    dates: { when: Dates; spans: readonly Span[]; place: Place }[];
  } {
    const { book } = this.#model;
    const open: Span[] = [];
    const dates: { when: Dates; spans: readonly Span[]; place: Place }[] = [];
    for (const [key, { text, from }] of object.values) {
      if (notTimes.includes(key)) continue;
      const place = from[0] ?? object;
      const spans = spansOf(text);
      const weekday = weekdays.indexOf(key);
      const when = weekday === -1 ? datesOf(key) : [];
      if (spans === undefined || when === undefined) {
        const what = spans === undefined ? 'these times are not understood' : 'no schedule can say this day';
        book.note(
          place,
          'left_out',
          `${what}: \`${key.slice(0, 60)}\``,
          'write a downtime in silences/ by hand',
        );
        continue;
      }
      book.carried(...from);
      if (weekday !== -1)
        open.push(...spans.map(([a, b]): Span => [a + weekday * dayMin, b + weekday * dayMin]));
      dates.push(...when.map((each) => ({ when: each, spans, place })));
    }
    return { open: merged(open), dates };
  }

  /** A date whose times take the place of those of its weekday. More closed can be said, less cannot. */
  #exception(when: Dates, spans: readonly Span[], closed: readonly Span[], place: Place): ClosedTime[] {
    if (spans.length > 0 && closed.length > 0)
      this.#model.book.note(place, 'changed', 'on this day checks also keep to the times of its weekday');
    return complement(merged(spans), dayMin).map((span) => dated(when, span));
  }
}

/** `09:00-12:00,13:00-17:00`. */
function spansOf(text: string): Span[] | undefined {
  const spans: Span[] = [];
  for (const part of text.split(',')) {
    const found = /^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$/.exec(part);
    if (found === null) return undefined;
    const [from = 0, fromMin = 0, to = 0, toMin = 0] = found.slice(1).map(Number);
    const span: Span = [from * 60 + fromMin, to * 60 + toMin];
    if (span[0] > dayMin || span[1] > dayMin) return undefined;
    if (span[1] > span[0]) spans.push(span);
    // A span that goes over midnight, which Nagios takes as the two ends of one day.
    else if (span[1] < span[0]) spans.push([0, span[1]], [span[0], dayMin]);
  }
  return merged(spans);
}

/** The forms that a cron expression can say; undefined for the others. */
function datesOf(key: string): Dates[] | undefined {
  const day = /^day (\d{1,2})(?: ?- ?(\d{1,2}))?$/.exec(key);
  if (day !== null) {
    const [from, to] = [Number(day[1]), Number(day[2] ?? day[1])];
    return isDay(from, 31) && isDay(to, 31) && from <= to
      ? [{ days: range(from, to), month: '*' }]
      : undefined;
  }
  const date = /^([a-z]+) (\d{1,2})(?: ?- ?(?:([a-z]+) )?(\d{1,2}))?$/.exec(key);
  if (date === null) return undefined;
  const month = months.indexOf(date[1] ?? '');
  const last = date[3] === undefined ? month : months.indexOf(date[3]);
  const [from, to] = [Number(date[2]), Number(date[4] ?? date[2])];
  if (month === -1 || last === -1 || !isDay(from, monthDays[month]) || !isDay(to, monthDays[last]))
    return undefined;
  if (month === last) return from <= to ? [{ days: range(from, to), month: `${month + 1}` }] : undefined;
  const dates: Dates[] = [];
  for (let at = month; ; at = (at + 1) % 12) {
    const end = at === 1 ? 29 : (monthDays[at] ?? 31);
    dates.push({ days: range(at === month ? from : 1, at === last ? to : end), month: `${at + 1}` });
    if (at === last) return dates;
  }
}

function isDay(day: number, most = 31): boolean {
  return day >= 1 && day <= most;
}

function range(from: number, to: number): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

function dated({ days, month }: Dates, [from, to]: Span): ClosedTime {
  return { schedule: `${from % 60} ${Math.floor(from / 60)} ${days} ${month} *`, lasts: lastsFor(to - from) };
}

function lastsFor(minutes: number): string {
  return formatDuration(minutes * 60_000);
}

/** In order, joined where they touch. */
function merged(spans: readonly Span[]): Span[] {
  const result: [number, number][] = [];
  for (const [from, to] of spans.filter((span) => span[1] > span[0]).sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

function complement(open: readonly Span[], whole: number): Span[] {
  const closed: Span[] = [];
  let at = 0;
  for (const [from, to] of merged(open)) {
    if (from > at) closed.push([at, from]);
    at = to;
  }
  if (at < whole) closed.push([at, whole]);
  return closed;
}

/** What ends with the week and what begins with it are one. */
function circular(closed: readonly Span[]): Span[] {
  const [first] = closed;
  const last = closed.at(-1);
  if (first === undefined || last === undefined || first === last) return [...closed];
  if (first[0] !== 0 || last[1] !== weekMin) return [...closed];
  return [...closed.slice(1, -1), [last[0], weekMin + first[1]]];
}

/** One schedule for all days on which the same time begins and lasts as long. */
function weekly(closed: readonly Span[]): ClosedTime[] {
  const days = new Map<string, number[]>();
  for (const [from, to] of closed) {
    const inDay = from % dayMin;
    const key = `${inDay % 60} ${Math.floor(inDay / 60)}|${to - from}`;
    days.set(key, [...(days.get(key) ?? []), Math.floor(from / dayMin)]);
  }
  return [...days].map(([key, list]) => {
    const [time = '', minutes] = key.split('|');
    const field = list.length === 7 ? '*' : [...list].sort((a, b) => a - b).join(',');
    return { schedule: `${time} * * ${field}`, lasts: lastsFor(Number(minutes)) };
  });
}
