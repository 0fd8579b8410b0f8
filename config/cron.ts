/**
 * Owns the judgement of cron expressions: whether they are valid, fire at all, and mean what their writer thinks. The
 * schedule itself is run by daemon/.
 */
import { createTask, type Logger, validateDetailed } from 'node-cron';
import type { SourcePlace } from '../core/definitions.ts';
import type { ProblemList } from './problems.ts';

/** A schedule that does not fire in this time is a mistake. */
const firesWithinMs = 5 * 366 * 86_400_000;

const silent: Logger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  debug: () => undefined,
};

export type CronVerdict =
  | { problem: string; hint: string }
  /** `every` is the interval that was perhaps meant. */
  | { warning?: { text: string; every: string; hint: string } };

/** Time zones by IANA name, as the JavaScript runtime knows them. */
export function isTimezone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** A schedule as it is written; what is wrong or odd about it goes to the problems. */
export function readSchedule(
  written: {
    schedule: string;
    place: SourcePlace;
    timezone: string;
    /** Absent when the time zone is judged elsewhere. */
    timezonePlace?: SourcePlace;
    /** The key that could stand in its place. */
    beside?: 'every';
  },
  nowMs: number,
  problems: ProblemList,
): { cron: string; timezone: string } | undefined {
  const { schedule, place, timezone, timezonePlace } = written;
  const known = isTimezone(timezone);
  if (!known && timezonePlace !== undefined) refuseTimezone(timezone, timezonePlace, problems);
  const verdict = judgeCron(schedule, known ? timezone : 'UTC', nowMs);
  if ('problem' in verdict) {
    problems.add(place, `\`schedule\`: ${verdict.problem}`, verdict.hint);
    return undefined;
  }
  if (verdict.warning !== undefined) {
    const { text, every, hint } = verdict.warning;
    const instead = written.beside === 'every' ? `\`every: ${every}\`, or ` : '';
    problems.warn(place, `\`schedule\`: ${text}`, `use ${instead}${hint}`);
  }
  return { cron: schedule, timezone };
}

export function refuseTimezone(name: string, place: SourcePlace, problems: ProblemList): void {
  problems.add(place, `there is no time zone \`${name}\``, 'write an IANA name, for example `Europe/Berlin`');
}

/** Limits: an expression that fires only after five years counts as one that never fires. */
export function judgeCron(expression: string, timezone: string, nowMs: number): CronVerdict {
  const fields = expression.trim().split(/\s+/).length;
  if (expression.length > 200 || fields > 6) {
    return { problem: 'this is no cron expression', hint: 'write five fields, for example `*/5 * * * *`' };
  }
  const judged = validateDetailed(expression);
  const [error] = judged.errors;
  if (!judged.valid) {
    const never = error?.message.includes('impossible day') === true;
    return never
      ? neverFires
      : {
          problem: cronWords(error),
          hint: 'write minute, hour, day, month and weekday, for example `*/5 * * * *`',
        };
  }
  const nextMs = nextRunMs(expression, timezone);
  if (nextMs === undefined || nextMs - nowMs > firesWithinMs) return neverFires;
  return unevenStep(expression);
}

const neverFires: CronVerdict = {
  problem: 'this schedule never fires',
  hint: 'no day of the next five years fits; look at the day, the month and the weekday together',
};

function cronWords(error: { field: string; value?: string; message: string } | undefined): string {
  if (error === undefined || error.field === 'expression') {
    return `this is no cron expression${error?.message.startsWith('expected') === true ? `: ${error.message}` : ''}`;
  }
  return `\`${error.value ?? ''}\` is not valid for the ${error.field.replace(/([A-Z])/g, ' $1').toLowerCase()}`;
}

/** Asked of the library that will run it. A task knows its next run only once started; it is destroyed at once. */
function nextRunMs(expression: string, timezone: string): number | undefined {
  const task = createTask(expression, () => undefined, { timezone, logger: silent, unref: true });
  try {
    void task.start();
    return task.getNextRun()?.getTime();
  } catch (error) {
    if (error instanceof Error && /matching date|invalid expression/.test(error.message)) return undefined;
    throw error;
  } finally {
    void task.destroy();
  }
}

/** Steps start again in each hour or day, so one that does not divide it leaves a shorter gap at the end. */
function unevenStep(expression: string): CronVerdict {
  const fields = expression.trim().split(/\s+/);
  const sizes = fields.length === 6 ? [60, 60, 24] : [60, 24];
  const units = fields.length === 6 ? ['seconds', 'minutes', 'hours'] : ['minutes', 'hours'];
  const letters = fields.length === 6 ? ['s', 'm', 'h'] : ['m', 'h'];
  for (const [index, size] of sizes.entries()) {
    const step = Number(/^\*\/(\d+)$/.exec(fields[index] ?? '')?.[1] ?? 1);
    if (size % step === 0) continue;
    const fires = Array.from({ length: Math.ceil(size / step) }, (_, nth) => nth * step);
    const shown =
      fires.length > 4 ? `${fires.slice(0, 3).join(', ')}, ..., ${fires.at(-1)}` : fires.join(' and ');
    return {
      warning: {
        text: `\`${fields[index]}\` fires at ${shown}, not every ${step} ${units[index]}`,
        every: `${step}${letters[index]}`,
        hint: `a step that divides ${size}`,
      },
    };
  }
  return {};
}
