/**
 * What may stand in a path, a query string or a body: the zod shapes of requests. Unknown names are errors, so that
 * a misspelt filter or a `dry_run` on a route without one is never silently ignored.
 */
import { z } from 'zod';
import { checkStates, EventName, hostStates, noted, runStatuses } from './shapes.ts';

export const nameText = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,252}$/, 'must be a name of letters, digits and . _ : -');

function split(value: unknown): unknown[] {
  return [value].flat().flatMap((entry) => (typeof entry === 'string' ? entry.split(',') : [entry]));
}

/** `state=warning,critical`, `state=warning&state=critical`: both are the same list. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.preprocess(split, z.array(item).min(1).max(32)).optional();
}

export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

export const instantText = z.iso
  .datetime({ offset: true, message: 'must be an RFC 3339 time such as 2026-03-01T02:41:00Z' })
  .transform((text) => Date.parse(text));

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationPart = /(\d{1,9})(ms|s|m|h|d)/g;

/** `1h30m` -> 5,400,000. Limits: one second to 366 days. */
export const durationText = z
  .string()
  .regex(/^(\d{1,9}(ms|s|m|h|d)){1,5}$/, 'must be a duration such as 30s, 5m or 1h30m')
  .transform((text) =>
    [...text.matchAll(durationPart)].reduce(
      (sum, [, amount, unit]) => sum + Number(amount) * unitsMs[unit as keyof typeof unitsMs],
      0,
    ),
  )
  .pipe(
    z
      .number()
      .min(1_000, 'must be 1s or more')
      .max(366 * unitsMs.d, 'must be 366d or less'),
  );

export const paging = {
  cursor: noted(
    '`next` of the page before',
    z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,800}$/, 'must be the `next` of the page before')
      .optional(),
  ),
  limit: noted('Items of a page', z.coerce.number().int().min(1).max(500).default(100)),
};

export const span = {
  since: noted('RFC 3339; nothing older', instantText.optional()),
  until: noted('RFC 3339; nothing newer', instantText.optional()),
};

const hostGlob = noted(
  'Name, or a glob: * is any run of characters, ? is one',
  z
    .string()
    .regex(/^[A-Za-z0-9_.:*?-]{1,253}$/, 'must be a name of a host, or a glob with * and ?')
    .optional(),
);

export const NoQuery = z.strictObject({});
export const HostPath = z.object({ host: nameText });
export const CheckPath = z.object({ host: nameText, check: nameText });
export const ActionPath = z.object({ host: nameText, action: nameText });
export const RunPath = z.object({
  id: z.string().regex(/^[A-Za-z0-9_.:~-]{1,600}$/, 'must be the id of a run, or of a question'),
});

export const labelsText = listOf(
  z.string().regex(/^[^=]{1,253}(=.{0,253})?$/, 'must be key=value, or key alone'),
);

const labels = noted('key=value, or key alone for any value; all must hold', labelsText);

/** Whose rows: a host by its name or a glob, by its labels of today. */
export const hostChoice = { host: hostGlob, label: labels };

export const HostGlobQuery = z.strictObject({ host: hostGlob, ...paging });

export const HostsQuery = z.strictObject({
  state: listOf(z.enum(hostStates)),
  ...hostChoice,
  ...paging,
});

export const ChecksQuery = z.strictObject({
  state: listOf(z.enum(checkStates)),
  ...hostChoice,
  check: noted('Id, or a glob: * is any run of characters, ? is one', z.string().min(1).max(253).optional()),
  stale: noted('true: only what has no fresh result', flag.optional()),
  problems: noted('true: only warning, critical and unknown', flag.optional()),
  ...paging,
});

export const ResultsQuery = z.strictObject({ ...span, ...paging });

export const RollupsQuery = z.strictObject({
  since: noted('RFC 3339; a day before `until` without it', instantText.optional()),
  until: noted('RFC 3339; now without it', instantText.optional()),
  step: noted(
    'Rounded to multiples of 5m, which it is without it; 35d at most',
    durationText.refine((ms) => ms <= 35 * unitsMs.d, 'must be 35d or less').optional(),
  ),
  ...paging,
  limit: noted(
    'Steps of a page, those without results too',
    z.coerce.number().int().min(1).max(500).default(500),
  ),
});

const rows = { ...hostChoice, check: nameText.optional(), ...span, ...paging };

export const TransitionsQuery = z.strictObject({
  ...rows,
  state: noted('Only changes to one of these', listOf(z.enum([...checkStates, ...hostStates]))),
});

export const DecisionsQuery = z.strictObject({ ...rows, action: nameText.optional() });

export const RunsQuery = z.strictObject({
  ...hostChoice,
  status: z.enum(runStatuses).optional(),
  action: nameText.optional(),
  ...span,
  ...paging,
});

export const RunbookPath = z.object({ name: nameText });

export const ExplainQuery = z.strictObject({
  host: nameText,
  check: nameText.optional(),
  action: nameText.optional(),
  at: noted('RFC 3339; the moment to explain, now without it', instantText.optional()),
});

const eventId = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the id of an event')
  .transform(Number);

export const EventsQuery = z.strictObject({
  // Not coerced: an empty `after=` would become 0 and replay everything.
  after: noted('Id of the newest event known; 0 for all', eventId.optional()),
  types: noted('Only events of these types, such as state.changed,check.shed', listOf(EventName)),
});

/** What a reconnecting reader sends. Other headers pass. */
export const LastEventHeader = z.object({ 'last-event-id': eventId.optional() });

/** A plan is all that a read can give. */
export const PlanQuery = z.strictObject({
  dry_run: z.literal('true', 'must be true: use POST to run the action').optional(),
});

/** Of a change that can be asked for without being made. */
export const DryQuery = z.strictObject({
  dry_run: noted('true: answer what it would do, and do nothing', flag.optional()),
});

export const reason = z.string().trim().min(1, 'must say why').max(500);

export const PauseBody = z.strictObject({
  reason,
  for: noted('Duration such as 30m; until resumed without it', durationText.optional()),
});
export const ActBody = z.strictObject({ reason });
/** Why something is lifted or let run, which may be left unsaid. */
export const WhyBody = z.strictObject({ reason: reason.optional() }).nullish();
/** Nothing, or an empty object from clients that always send one. */
export const EmptyBody = z.strictObject({}).nullish();
