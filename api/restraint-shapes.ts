/**
 * The shapes of what is laid upon actions: suppressions, approvals, brakes, trust, doubt; and of what is kept about them:
 * outcomes and the audit. See api/shapes.ts for the rules.
 */
import { z } from 'zod';
import { modes } from '../core/safety.ts';
import { GateVerdict } from './action-shapes.ts';
import { count, named, noted, time } from './shapes.ts';

export const mode = z.enum(modes);

const Matcher = named(
  'Matcher',
  z.object({
    hosts: z.array(z.string()),
    labels: z.record(z.string(), z.string()),
    checks: z.array(z.string()),
  }),
);

const suppressionFields = {
  id: z.string(),
  by: z.string(),
  reason: z.string(),
  createdAt: noted('null for one of the definitions', time.nullable()),
  origin: z.enum(['definitions', 'person']),
  endedAt: time.optional(),
  endedBy: z.string().optional(),
};

const DowntimeWindow = named(
  'DowntimeWindow',
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('fixed'), startsAt: time.nullable(), endsAt: time }),
    z.object({ kind: z.literal('flexible'), startsAt: time.nullable(), endsAt: time, lastsMs: count }),
    z.object({ kind: z.literal('recurring'), cron: z.string(), timezone: z.string(), lastsMs: count }),
  ]),
);

export const Suppression = named(
  'Suppression',
  z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('silence'),
      ...suppressionFields,
      match: Matcher,
      startsAt: noted('null: from the beginning', time.nullable()),
      endsAt: time,
    }),
    z.object({
      kind: z.literal('downtime'),
      ...suppressionFields,
      match: Matcher,
      window: DowntimeWindow,
    }),
    z.object({
      kind: z.literal('acknowledgement'),
      ...suppressionFields,
      host: z.string(),
      check: z.string(),
      problemSince: time,
      state: z.enum(['warning', 'critical', 'unknown']),
      sticky: z.boolean(),
      endsAt: time.optional(),
    }),
  ]),
);

const approvalStatus = z.enum(['waiting', 'approved', 'rejected', 'expired', 'lapsed']);
export const approvalStatuses = approvalStatus.options;

export const Approval = named(
  'Approval',
  z.object({
    id: noted('The id that the run will have', z.string()),
    host: z.string(),
    ladder: z.string(),
    action: z.string(),
    episode: z.string(),
    attempt: count,
    check: z.string(),
    command: noted('The exact command that would run', z.string()),
    reason: z.string(),
    gates: z.array(GateVerdict),
    createdAt: time,
    expiresAt: time,
    status: approvalStatus,
    tag: noted('Fingerprint of what is asked; send it quoted as If-Match with the answer', z.string()),
    decidedAt: time.optional(),
    decidedBy: z.string().optional(),
    answer: z.string().optional(),
  }),
);

export const Brake = named(
  'Brake',
  z.object({
    scope: noted('`fleet`, or `<label>=<value>`', z.string()),
    on: z.boolean(),
    unhealthy: count,
    hosts: count,
    allowed: noted('Most unhealthy hosts at which it stays off', count),
    state: noted(
      'Present while it is on, or released by a person while the trouble lasts',
      z
        .object({
          cause: z.enum(['mass_failure', 'budget_spent']),
          since: time,
          unhealthy: count,
          hosts: count,
          allowed: count,
          belowSince: time.optional(),
          released: z.object({ at: time, by: z.string(), reason: z.string() }).optional(),
        })
        .optional(),
    ),
    tag: noted('Fingerprint of what is released; may go quoted as If-Match with the order', z.string()),
    releasesAt: noted('Earliest moment at which the rule releases it', time.optional()),
    releasesAfterMs: noted(
      'How long it must be below before the rule releases it; absent where a person must',
      count.optional(),
    ),
  }),
);

export const TrustCap = named(
  'TrustCap',
  z.object({
    action: z.string(),
    mode,
    since: time,
    by: z.string(),
    reason: z.string(),
    tag: noted('Fingerprint of what is lifted; may go quoted as If-Match with the order', z.string()),
  }),
);

export const Promotion = named('Promotion', z.object({ action: z.string(), mode }));

export const Quarantine = named(
  'Quarantine',
  z.object({ cause: z.enum(['corrupt', 'restored']), since: time, text: z.string() }),
);

export const Doubt = named(
  'Doubt',
  z.object({
    cause: z.string(),
    since: time,
    values: GateVerdict.shape.values,
    opens: z.string(),
  }),
);

export const Outcomes = named(
  'Outcomes',
  z.object({
    action: z.string(),
    host: noted('With perHost=true', z.string().optional()),
    runs: count,
    verified: count,
    notVerified: count,
    failed: count,
    inconclusive: count,
    unknown: count,
    successRate: noted('verified / (verified + notVerified + failed)', z.number().optional()),
    recurred: noted('Of the verified: the trouble was back within 24 hours', count),
    recurrenceRate: z.number().optional(),
    medianTimeToHealMs: noted('From the start of the problem to verified', count.optional()),
    lastRunAt: time.optional(),
  }),
);

export const AuditEntry = named(
  'AuditEntry',
  z.object({
    seq: count,
    at: time,
    kind: z.string(),
    actor: noted('`rule`, `daemon` or `person:<name>`', z.string()),
    event: z.string(),
    body: noted(
      'As it was recorded and hashed: its times are milliseconds',
      z.record(z.string(), z.unknown()),
    ),
    previous: z.string(),
    hash: z.string(),
  }),
);

export const AuditVerdict = named(
  'AuditVerdict',
  z.discriminatedUnion('ok', [
    z.object({
      ok: z.literal(true),
      entries: count,
      firstSeq: count,
      head: z.object({ seq: count, hash: z.string() }),
    }),
    z.object({
      ok: z.literal(false),
      entries: noted('Entries before the first that was altered', count),
      brokenAtSeq: count,
      problem: z.string(),
    }),
  ]),
);
