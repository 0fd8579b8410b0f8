/** The shapes of notify targets and of their tests. See api/shapes.ts for the rules. */
import { z } from 'zod';
import { count, named, noted } from './shapes.ts';

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
