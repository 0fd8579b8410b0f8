/** The shapes of what others tell: results of passive checks and alerts. See api/shapes.ts and api/queries.ts for the rules. */
import { z } from 'zod';
import { durationText, instantText } from './queries.ts';
import { count, named, noted } from './shapes.ts';

/** Told in one request. */
export const toldLimit = 500;
export const alertLimit = 1_000;

const hostText = z.string().min(1).max(253);
const stateText = z.enum(['ok', 'warning', 'critical', 'unknown']);

const ResultBody = z
  .strictObject({
    host: hostText,
    check: noted('Id, or its short name where that is clear on the host', z.string().min(1).max(253)),
    state: noted('Or `exitCode`', stateText.optional()),
    exitCode: noted(
      'As of a plugin; `exit_map` of the check holds',
      z.number().int().min(0).max(255).optional(),
    ),
    output: noted('As a plugin prints it: text | performance data', z.string().max(65_536).default('')),
    at: noted(
      'RFC 3339; when the sender began to look, at the most 45 minutes ago; now without it',
      instantText.optional(),
    ),
    durationMs: z
      .number()
      .int()
      .min(0)
      .max(366 * 86_400_000)
      .optional(),
    ttl: noted('In place of `ttl` of the check, until its next result', durationText.optional()),
  })
  .refine(
    ({ state, exitCode }) => (state === undefined) !== (exitCode === undefined),
    'must have one of state and exitCode',
  );

/** A list alone, and one alone, are taken as well. */
function inList(key: string, isAlone: (value: object) => boolean) {
  return (value: unknown): unknown => {
    if (typeof value === 'string') return { text: value };
    if (Array.isArray(value)) return { [key]: value };
    return typeof value === 'object' && value !== null && isAlone(value) ? { [key]: [value] } : value;
  };
}

export const ResultsBody = z.preprocess(
  inList('results', (value) => 'host' in value),
  z
    .strictObject({
      results: noted(
        'A list alone, or one result alone, are taken as well',
        z.array(ResultBody).min(1).max(toldLimit).optional(),
      ),
      text: noted(
        'Lines of send_nsca, also as text/plain alone: host<TAB>check<TAB>exit code<TAB>output; `[seconds since 1970] ` may stand before the host',
        z.string().max(1_048_576).optional(),
      ),
    })
    .refine(
      ({ results, text }) => (results === undefined) !== (text === undefined),
      'must have one of results and text',
    ),
);

const ToldItem = z.object({
  host: z.string(),
  check: z.string(),
  accepted: z.boolean(),
  code: z
    .enum([
      'host_unknown',
      'check_unknown',
      'not_passive',
      'from_the_future',
      'too_old',
      'older_than_newest',
      'unreadable',
    ])
    .optional(),
  problem: z.string().optional(),
});

export const ResultsTold = named(
  'ResultsTold',
  z.object({
    accepted: count,
    refused: count,
    items: noted('In the order they were told', z.array(ToldItem)),
  }),
);

const labelMap = z
  .record(z.string().min(1).max(1_024), z.string().max(4_096))
  .refine((all) => Object.keys(all).length <= 64, 'must be 64 or less');

/** Others add keys as they like. */
const AlertBody = z.looseObject({
  labels: labelMap,
  annotations: z.record(z.string().max(1_024), z.string().max(65_536)).nullish(),
  startsAt: z.string().max(64).nullish(),
  endsAt: z.string().max(64).nullish(),
  status: z.enum(['firing', 'resolved']).nullish(),
});

export const AlertList = z.array(AlertBody).max(alertLimit);

/** Of Alertmanager's webhook, which tells its version. */
export const AlertsBody = z.preprocess(
  inList('alerts', () => false),
  z.looseObject({
    version: noted('`4` of the webhook; a list alone is taken as well', z.string().max(16).optional()),
    alerts: AlertList,
  }),
);

export type AlertBodyOutput = z.output<typeof AlertBody>;

export const AlertsTold = named(
  'AlertsTold',
  z.object({
    matched: noted('Of them, those that concern a check', count),
    items: noted(
      'In the order they were told',
      z.array(
        z.object({
          alert: z.string(),
          status: z.enum(['firing', 'resolved']),
          checks: noted('host/check', z.array(z.string())),
          problem: z.string().optional(),
        }),
      ),
    ),
  }),
);
