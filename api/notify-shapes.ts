/** The shapes of notify targets and of their tests. See api/shapes.ts for the rules. */
import { z } from 'zod';
import { nameText, paging, span } from './queries.ts';
import { count, named, noted, time } from './shapes.ts';

const kind = z.enum(['webhook', 'smtp', 'slack', 'ntfy', 'pagerduty', 'exec']);

export const NotifyPath = z.object({ name: z.string().min(1).max(48) });

export const NotifyTarget = named(
  'NotifyTarget',
  z.object({
    name: z.string(),
    kind,
    to: noted('Where messages go, as far as that is no secret', z.string().optional()),
  }),
);

export const NotifyTest = named(
  'NotifyTest',
  z.object({
    target: z.string(),
    kind,
    ok: noted('Whether the receiver took the message', z.boolean()),
    error: z.string().optional(),
    note: noted('What went wrong although somebody got it', z.string().optional()),
    answer: noted("The receiver's own words, on one line, without secrets", z.string().optional()),
    tookMs: count,
  }),
);

const messageStatus = z.enum(['waiting', 'sent', 'dead', 'dismissed']);
const severity = z.enum(['critical', 'error', 'warning', 'info']);

export const MessagePath = z.object({ id: z.string().regex(/^\d{1,15}$/, 'must be the id of a message') });

export const MessagesQuery = z.strictObject({
  status: messageStatus.optional(),
  target: z.string().min(1).max(48).optional(),
  host: nameText.optional(),
  ...span,
  ...paging,
});

export const DismissBody = z.strictObject({
  upTo: noted('Id of the newest message that was seen: what died since then stays', MessagePath.shape.id),
  target: noted('Only of this target', z.string().min(1).max(48).optional()),
});

export const Dismissed = named('Dismissed', z.object({ dismissed: noted('Messages', count) }));

export const RouteQuery = z.strictObject({
  severity: noted('As if it were so bad; as it is without it', severity.optional()),
});

export const Message = named(
  'Message',
  z.object({
    id: z.string(),
    key: noted('The same for each attempt', z.string()),
    target: z.string(),
    kind: z.enum(['problem', 'recovery', 'notice']),
    host: z.string(),
    ladder: z.string(),
    subject: z.string(),
    status: messageStatus,
    createdAt: time,
    attempts: count,
    nextAttemptAt: noted('Of one that waits', time.nullish()),
    sentAt: time.nullish(),
    lastError: noted('Why the newest attempt failed', z.string().optional()),
  }),
);

export const RouteAnswer = named(
  'RouteAnswer',
  z.object({
    host: z.string(),
    check: z.string(),
    severity,
    observing: noted('In mode observe: nobody is told of problems', z.literal(true).optional()),
    ladders: z.array(
      z.object({
        ladder: z.string(),
        runbook: z.string(),
        unwatched: noted(
          'No action waits for it: routes tell of it at once, and nobody else',
          z.literal(true).optional(),
        ),
        own: noted('What its own `notify` action names; routes do not matter then', z.string().optional()),
        routes: z.array(z.object({ route: z.string(), taken: z.boolean(), why: z.string() })),
        targets: z.array(
          z.object({
            target: z.string(),
            route: z.string().optional(),
            quietEndsAt: noted('In quiet hours: their end', time.nullish()),
            waitMs: noted('Of its group, before the first message', count.optional()),
            pageAfterMs: count.optional(),
          }),
        ),
        told: noted(
          'Present conversations about it',
          z.array(
            z.object({
              target: z.string(),
              route: z.string(),
              since: time.nullish(),
              hold: noted('Why nothing is said at present', z.string().optional()),
            }),
          ),
        ),
      }),
    ),
  }),
);
