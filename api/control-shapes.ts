/**
 * The shapes of what concerns the daemon itself: now, pause, definitions, health, and every problem. See api/shapes.ts for
 * the rules.
 */
import { z } from 'zod';
import { Explanation, RunItem } from './action-shapes.ts';
import { Held, Rollback } from './config-shapes.ts';
import { Approval, Brake, Doubt, mode, Quarantine, Suppression, TrustCap } from './restraint-shapes.ts';
import { Check, CheckStatus, count, Host, named, noted, time } from './shapes.ts';

const Pause = named(
  'Pause',
  z.object({ since: time, by: z.string(), reason: z.string(), until: time.optional() }),
);

export const PauseAnswer = named('PauseAnswer', z.object({ paused: z.boolean(), pause: Pause.optional() }));

export const Now = named(
  'Now',
  z.object({
    at: time,
    verdict: z.object({
      needYou: count,
      healing: count,
      problems: count,
      ok: count,
      sentence: z.string(),
    }),
    automation: z.object({
      mode,
      paused: Pause.optional(),
      doubt: noted('Why the daemon does not trust its own eyes at present', Doubt.optional()),
      quarantine: noted('The ledger is not trusted until a person re-arms', Quarantine.optional()),
      brakes: z.array(Brake),
      demoted: noted('Actions that lost trust', z.array(TrustCap)),
      fleetRuns: z.object({ used: count, limit: count, perMs: z.number() }),
    }),
    definitions: z.object({
      revision: z.string(),
      loadedAt: time,
      lastReloadOk: z.boolean(),
      problems: z.array(z.string()),
      commit: noted('In force, when they come from git', z.string().optional()),
      held: noted('Waits for a person', Held.optional()),
      rollback: noted('A person went back; new commits are not taken', Rollback.optional()),
    }),
    approvals: noted('Questions that wait for an answer', z.array(Approval)),
    needsYou: z.array(z.object({ explanation: Explanation, status: CheckStatus, runs: z.array(RunItem) })),
    healing: z.array(RunItem),
    healed: z.array(RunItem),
    worst: z.array(Check),
    unreachable: noted(
      'Each under its root: `behind` has the hosts behind it',
      z.array(Host.extend({ behind: z.array(z.string()) })),
    ),
    suppressions: noted('In force now', z.array(Suppression)),
  }),
);

export const DefinitionsAnswer = named(
  'Definitions',
  z.object({
    revision: z.string(),
    loadedAt: time,
    lastReloadOk: z.boolean(),
    counts: z.object({ hosts: count, runbooks: count, checks: count, actions: count }),
    problems: z.array(z.string()),
  }),
);

/** RFC 9457, with the members this API adds. */
export const Problem = named(
  'Problem',
  z.object({
    type: z.string(),
    title: z.string(),
    status: count,
    detail: z.string(),
    instance: z.string(),
    code: noted('Stable name of the cause, for programs', z.string()),
    requestId: z.string(),
    hint: z.string().optional(),
    errors: noted(
      'One entry for each place of the request that is wrong',
      z
        .array(
          z.object({
            in: z.enum(['path', 'query', 'header', 'body']),
            pointer: z.string(),
            detail: z.string(),
          }),
        )
        .optional(),
    ),
    problems: noted(
      'What keeps the daemon from being ready, or what is wrong with the definitions',
      z.array(z.string()).optional(),
    ),
    revision: noted('Revision still in force after a refused reload', z.string().optional()),
  }),
);
export type Problem = z.output<typeof Problem>;

export const Health = named('Health', z.object({ ready: z.literal(true), problems: z.array(z.string()) }));
