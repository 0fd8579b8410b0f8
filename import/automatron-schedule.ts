/** Owns the schedules of Automatron, which are those of APScheduler: weeks begin on Monday, and there are seconds. */
import { judgeCron } from '../config/cron.ts';
import type { YamlValue } from './yaml-text.ts';

export interface Schedule {
  /** `every` or `schedule` of a runbook. */
  keys: Record<string, YamlValue>;
  /** What is not the same. */
  remarks: readonly string[];
}

const parts = ['second', 'minute', 'hour', 'day', 'month', 'day_of_week'] as const;
type Part = (typeof parts)[number];
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** From the text of five fields or the map of Automatron; every minute without one. */
export function readSchedule(written: unknown): Schedule {
  const remarks: string[] = [];
  const fields = fieldsOf(written, remarks);
  if (fields === undefined) {
    remarks.push('this schedule cannot be read; it is every minute now');
    return { keys: { every: '1m' }, remarks };
  }
  const every = intervalOf(fields);
  if (every !== undefined) return { keys: { every }, remarks };
  const week = weekOf(fields.day_of_week);
  if (week === undefined) {
    remarks.push(`the weekdays \`${fields.day_of_week}\` cannot be said in cron; every day now`);
  } else if (week !== fields.day_of_week) {
    remarks.push(
      `Automatron counts weekdays from Monday as 0, cron from Sunday: \`${fields.day_of_week}\` is \`${week}\``,
    );
  }
  if (fields.day !== '*' && fields.day_of_week !== '*')
    remarks.push('day and weekday together: Automatron wants both, cron either of them');
  const rest = [fields.minute, fields.hour, fields.day, fields.month, week ?? '*'];
  const cron = (fields.second === '0' ? rest : [fields.second, ...rest]).join(' ');
  const verdict = judgeCron(cron, 'UTC', Date.now());
  if ('problem' in verdict) {
    remarks.push(`\`${cron}\` is no schedule that mendd knows; it is every minute now`);
    return { keys: { every: '1m' }, remarks };
  }
  if (fields.hour !== '*' && !fields.hour.startsWith('*/'))
    remarks.push('these hours were local time of Automatron; set `timezone` (UTC without it)');
  return { keys: { schedule: cron }, remarks };
}

function fieldsOf(written: unknown, remarks: string[]): Record<Part, string> | undefined {
  const fields = { second: '0', minute: '*', hour: '*', day: '*', month: '*', day_of_week: '*' };
  if (written === undefined || written === null) return fields;
  if (typeof written === 'string') {
    const texts = written.trim().split(/\s+/);
    if (texts.length < 5) return undefined;
    if (texts.length > 5) remarks.push('only the first five fields of this schedule count in Automatron');
    for (const [index, part] of parts.slice(1).entries()) fields[part] = texts[index] ?? '*';
    return fields;
  }
  if (typeof written !== 'object' || Array.isArray(written)) return undefined;
  for (const [name, value] of Object.entries(written)) {
    const part = parts.find((each) => each === name || `${each}s` === name);
    const text = typeof value === 'number' || typeof value === 'string' ? String(value).trim() : undefined;
    if (part === undefined || text === undefined || !/^[\w*/,-]+$/.test(text)) {
      remarks.push(`\`${name}\` in this schedule is not known, and left out`);
      continue;
    }
    if (part !== name) {
      const meant = `Automatron knows only \`${part}\` and ignored \`${name}\`; here it is obeyed`;
      remarks.push(meant);
    }
    fields[part] = text;
  }
  return fields;
}

/** A step that divides its hour or minute evenly is an interval. */
function intervalOf({ second, minute, ...rest }: Record<Part, string>): string | undefined {
  if (Object.values(rest).some((field) => field !== '*')) return undefined;
  if (minute === '*' && second !== '0') return stepOf(second, 's');
  return second === '0' ? stepOf(minute, 'm') : undefined;
}

function stepOf(field: string, unit: 's' | 'm'): string | undefined {
  if (field === '*') return `1${unit}`;
  const step = Number(/^\*\/(\d{1,2})$/.exec(field)?.[1]);
  return step > 0 && 60 % step === 0 ? `${step}${unit}` : undefined;
}

/** Weekdays in the numbers of cron; undefined for what has no number there, as `last`. */
function weekOf(field: string): string | undefined {
  if (field === '*') return field;
  const days = new Set<number>();
  for (const part of field.toLowerCase().split(',')) {
    const [, from, to, step] = /^(\*|[a-z]{3}|\d)(?:-([a-z]{3}|\d))?(?:\/([1-7]))?$/.exec(part) ?? [];
    const first = from === '*' ? 0 : dayOf(from);
    const last = from === '*' || (step !== undefined && to === undefined) ? 6 : dayOf(to ?? from);
    if (first === undefined || last === undefined) return undefined;
    for (let day = first; day <= last; day += Number(step ?? 1)) days.add((day + 1) % 7);
  }
  if (days.size === 0) return undefined;
  return days.size === 7 ? '*' : [...days].sort((a, b) => a - b).join(',');
}

function dayOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const day = /^\d$/.test(text) ? Number(text) : weekdays.indexOf(text);
  return day >= 0 && day <= 6 ? day : undefined;
}
