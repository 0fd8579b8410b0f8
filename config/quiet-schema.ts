/** Owns the words for times at which messages wait, of routes and of targets, and those that say when something happens. */
import { z } from 'zod';
import { duration, map, plain, word } from './fields.ts';

export const severity = word(['critical', 'error', 'warning', 'info']);

export const schedule = plain('a cron expression such as `0 22 * * *`').meta({
  description: 'Cron expression of five fields: minute, hour, day, month, weekday.',
});

export const timezone = plain('a time zone').prefault('UTC').meta({ description: 'Time zone by IANA name.' });

const quiet = map({
  schedule,
  lasts: duration({ min: '1m', max: '7d' }).meta({ description: 'From each time of the schedule on.' }),
  timezone,
  pass: z
    .array(severity)
    .default(['critical'])
    .meta({ description: 'Severities that are told all the same.' }),
});

export function quietHours() {
  return z.array(quiet).max(20).default([]);
}

export type QuietInput = z.output<typeof quiet>;
