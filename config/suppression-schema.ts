/**
 * Owns the keys of silences files: silences and downtimes, their types and descriptions. What they mean together is
 * checked in config/resolve-suppressions.ts.
 */
import { z } from 'zod';
import { duration, map, matching, plain, text } from './fields.ts';
import { hostGlob } from './names.ts';

/** Milliseconds since the epoch. Source: RFC 3339, 5.6, with `T` and `Z` in upper case. */
const instant = text(
  'a time such as `2026-11-21T02:00:00Z`',
  {
    pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$',
    examples: ['2026-11-21T02:00:00Z', '2026-11-21T03:00:00+01:00'],
  },
  (input) => {
    const form = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.exec(input);
    const local = form?.[1] === undefined ? Number.NaN : Date.parse(`${form[1]}Z`);
    // Read back, since the 30th of February is taken for a day in March.
    const exists = !Number.isNaN(local) && new Date(local).toISOString().startsWith(form?.[1] ?? '');
    const ms = Date.parse(input);
    if (form !== null && exists && !Number.isNaN(ms)) return { value: ms };
    if (form !== null) return { problem: `\`${input}\` is no time that exists; mend the date or the time` };
    return { problem: `\`${input.slice(0, 40)}\` is not a time; write ${instantLike(input)}` };
  },
);

/** What was meant, in the form that says all of it. */
function instantLike(input: string): string {
  const [, day, time = '00:00', seconds = ':00'] =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ]+(\d{2}:\d{2})(:\d{2})?)?$/.exec(input) ?? [];
  if (day === undefined) return 'for example `2026-11-21T02:00:00Z` or `2026-11-21T03:00:00+01:00`';
  return `\`${day}T${time}${seconds}Z\` for UTC, or an offset such as \`+01:00\` in place of \`Z\``;
}

const match = map(
  {
    hosts: z
      .array(hostGlob())
      .min(1)
      .optional()
      .meta({ description: 'Names and globs of hosts; `!` leaves out, `["*"]` means all.' }),
    labels: z.record(z.string(), plain()).optional().meta({ description: 'Labels that must all match.' }),
    checks: z
      .array(
        matching(
          'an id of a check',
          /^!?[^\s!]{1,200}$/,
          'is no id or glob; write for example `web.nginx` or `web.*`',
        ),
      )
      .min(1)
      .optional()
      .meta({
        description:
          'Ids of checks, `<runbook>.<check>`, and globs; `host` is the trouble of a host itself. All without it.',
      }),
  },
  'runbooks actions states',
);

const words = {
  match: match.meta({
    description: 'What it covers; at least one of the three, and all that are written must match.',
  }),
  by: matching('a name', /^[^\n]{1,100}$/, 'is no name; write one line of at most 100 characters').meta({
    description: 'Who answers for it.',
  }),
  reason: matching(
    'a reason',
    /^[^\n]{1,500}$/,
    'is no reason; write one line of at most 500 characters',
  ).meta({ description: 'Why.' }),
};

export const silenceSchema = map({
  ...words,
  from: instant.optional().meta({ description: 'When it begins; at once without it.' }),
  until: instant.meta({ description: 'When it ends.' }),
});

export const downtimeSchema = map({
  ...words,
  from: instant.optional().meta({ description: 'When it begins. With `until`.' }),
  until: instant.optional().meta({ description: 'When it ends.' }),
  flexible: duration({ min: '1m', max: '30d' })
    .optional()
    .meta({ description: 'Begins with a problem between `from` and `until`, and lasts so long from there.' }),
  schedule: plain('a cron expression')
    .optional()
    .meta({ description: 'Cron expression, as `0 2 * * 0`; it begins whenever that fires. With `lasts`.' }),
  timezone: plain('a time zone')
    .optional()
    .meta({ description: 'IANA time zone of `schedule`.', default: 'UTC' }),
  lasts: duration({ min: '1m', max: '7d' })
    .optional()
    .meta({ description: 'How long each time of `schedule` lasts.' }),
});

/** Of each in one file. */
const itemsLimit = 1000;

export const silencesSchema = map({
  $schema: z.string().optional().meta({ description: 'For editors; ignored.' }),
  silences: z
    .array(silenceSchema)
    .max(itemsLimit)
    .optional()
    .meta({ description: 'Silences: nothing acts on what they cover until they end.' }),
  downtimes: z.array(downtimeSchema).optional().meta({
    description: 'Planned work: `from` and `until`, with `flexible` or without, or `schedule` and `lasts`.',
  }),
});

/** The top of a silences file; its items are read one by one. */
export const silencesFileSchema = map({
  $schema: z.string().optional(),
  silences: z.array(z.unknown()).max(itemsLimit).optional(),
  downtimes: z.array(z.unknown()).max(itemsLimit).optional(),
});

export type MatchInput = z.output<typeof match>;
export type DowntimeInput = z.output<typeof downtimeSchema>;
