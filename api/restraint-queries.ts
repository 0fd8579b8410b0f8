/**
 * What may stand in requests about suppressions, approvals, brakes, trust, outcomes and the audit. See api/queries.ts for
 * the rules.
 */
import { z } from 'zod';
import {
  durationText,
  flag,
  hostChoice,
  instantText,
  labelsText,
  listOf,
  nameText,
  paging,
  reason,
  span,
} from './queries.ts';
import { approvalStatuses } from './restraint-shapes.ts';
import { noted } from './shapes.ts';

export const suppressionKinds = ['silence', 'downtime', 'acknowledgement'] as const;

export const SuppressionsQuery = z.strictObject({
  kind: z.enum(suppressionKinds).optional(),
  host: noted('Only those that are for this host, or for a check of it', nameText.optional()),
  check: noted('With `host` or `label`: only those that are for this check', nameText.optional()),
  label: noted('Only those that are for a host with these labels: key=value, or key alone', labelsText),
  ...paging,
});

export type SuppressionsQuery = z.output<typeof SuppressionsQuery>;

/** Of a list of one kind. */
export const KindQuery = SuppressionsQuery.omit({ kind: true });

/** A ULID, or `<file>:<line>` of the definitions. */
export const SuppressionPath = z.object({ id: z.string().min(1).max(600) });

const pattern = z
  .string()
  .regex(/^!?[^\s!\p{C}]{1,200}$/u, 'must be a name or a glob; `!` before it leaves out');

function patterns(description: string) {
  return noted(description, z.array(pattern).min(1).max(100).optional());
}

const match = z
  .strictObject({
    hosts: patterns('Names and globs of hosts'),
    labels: noted(
      'Labels that must all match',
      z
        .record(z.string().min(1).max(63), z.string().max(253))
        .refine((labels) => Object.keys(labels).length <= 20, 'must be 20 labels or less')
        .optional(),
    ),
    checks: patterns('Ids of checks and globs; `host` is the trouble of a host itself. All without it'),
  })
  .refine(
    ({ hosts, labels = {}, checks }) =>
      hosts !== undefined || checks !== undefined || Object.keys(labels).length > 0,
    'must say something: hosts, labels or checks; {"hosts": ["*"]} means all',
  );

/** As in a matcher, in a query string. */
export const CoverageQuery = z.strictObject({
  host: noted('Names and globs of hosts', listOf(pattern)),
  label: noted(
    'key=value; all must hold',
    listOf(z.string().regex(/^[^=]{1,63}=.{0,253}$/, 'must be key=value')),
  ),
  check: noted('Ids of checks and globs', listOf(pattern)),
});

const from = noted('RFC 3339; at once without it', instantText.optional());
const until = noted('RFC 3339', instantText.optional());
const length = noted('Duration such as 2h, in place of `until`', durationText.optional());

/** One of the two says when it ends. */
function endTwice(body: { until?: unknown; for?: unknown }): boolean {
  return body.until !== undefined && body.for !== undefined;
}

function endMissing(body: { until?: unknown; for?: unknown }): boolean {
  return body.until === undefined && body.for === undefined;
}

const twice = { path: ['for'], error: 'must not stand beside `until`' };

export const SilenceBody = z
  .strictObject({ match, reason, from, until, for: length })
  .refine((body) => !endTwice(body), twice)
  .refine((body) => !endMissing(body), {
    path: ['until'],
    error: 'must say when it ends; or give `for`, such as 2h',
  });
export type SilenceBody = z.output<typeof SilenceBody>;

export const DowntimeBody = z
  .strictObject({
    match,
    reason,
    from,
    until,
    for: length,
    flexible: noted(
      'Begins with a problem that starts between `from` and `until`, and lasts so long from there',
      durationText.optional(),
    ),
    schedule: noted(
      'Cron expression of five fields; it begins whenever that fires. With `lasts`, in place of `from` and `until`',
      z.string().trim().min(9).max(200).optional(),
    ),
    timezone: noted('IANA time zone of `schedule`; UTC without it', z.string().min(1).max(64).optional()),
    lasts: noted('How long each time of `schedule` lasts', durationText.optional()),
  })
  .superRefine((body, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    const names = (...keys: (keyof typeof body)[]) => keys.filter((key) => body[key] !== undefined);
    if (body.schedule !== undefined) {
      for (const key of names('from', 'until', 'for', 'flexible'))
        refuse(key, 'must not stand beside `schedule`; make two downtimes');
      if (body.lasts === undefined) refuse('lasts', 'must say how long each time lasts, such as 2h');
      return;
    }
    for (const key of names('timezone', 'lasts')) refuse(key, 'means nothing without `schedule`');
    if (endTwice(body)) refuse('for', twice.error);
    if (endMissing(body)) refuse('until', 'must say when it ends; or give `for`, or `schedule` and `lasts`');
  });
export type DowntimeBody = z.output<typeof DowntimeBody>;

export const AcknowledgementBody = z
  .strictObject({
    host: nameText,
    check: noted('Its id, or `host` for the trouble of the host itself', nameText),
    reason,
    sticky: noted('true: it holds though the state changes', z.boolean().default(false)),
    until: noted('RFC 3339; until the problem ends without it', instantText.optional()),
    for: length,
  })
  .refine((body) => !endTwice(body), twice);

export const ApprovalsQuery = z.strictObject({
  ...hostChoice,
  status: z.enum(approvalStatuses).optional(),
  ...paging,
});

/** `If-Match` may be left out as far as the shape goes: a request without it has its own answer, 428. */
export const AnswerHeader = z.object({
  'if-match': noted('Required: the tag of what was read, in quotes', z.string().max(600).optional()),
});
export const ReasonBody = z.strictObject({ reason });

export const PageQuery = z.strictObject(paging);
export const BrakePath = z.object({ scope: z.string().min(1).max(600) });
export const TrustPath = z.object({ action: nameText });

export const OutcomesQuery = z.strictObject({
  since: noted(
    'Duration such as 30d, or RFC 3339: of runs decided since',
    z
      .union(
        [durationText, instantText.transform((atMs) => ({ atMs }))],
        'must be a duration such as 30d, or RFC 3339',
      )
      .default(30 * 86_400_000),
  ),
  action: nameText.optional(),
  host: nameText.optional(),
  perHost: noted('true: each host by itself', flag.optional()),
  ...paging,
});

export const AuditQuery = z.strictObject({ ...span, ...paging });
