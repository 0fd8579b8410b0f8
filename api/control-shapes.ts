/**
 * The shapes of what concerns the daemon itself: now, pause, definitions, health, and every problem. See api/shapes.ts for
 * the rules.
 */
import { z } from 'zod';
import { fleetStates } from '../core/now-view.ts';
import { Explanation, RunItem } from './action-shapes.ts';
import { Held, Rollback } from './config-shapes.ts';
import { Approval, Brake, Doubt, mode, Quarantine, Suppression, TrustCap } from './restraint-shapes.ts';
import { Check, CheckStatus, count, Host, named, noted, time } from './shapes.ts';

const Pause = named(
  'Pause',
  z.object({ since: time, by: z.string(), reason: z.string(), until: time.optional() }),
);

export const PauseAnswer = named('PauseAnswer', z.object({ paused: z.boolean(), pause: Pause.optional() }));

const fleetState = z.enum(fleetStates);

const Need = named(
  'Need',
  z.object({
    explanation: Explanation,
    status: CheckStatus,
    runs: noted('Of this trouble, newest first', z.array(RunItem)),
    next: z.object({
      why: noted('Why it does not go on by itself', z.string()),
      opens: noted('What would open it', z.string().optional()),
      action: noted('Absent when nothing more will be tried', z.string().optional()),
      earliest: noted('When it could act by itself', time.optional()),
    }),
  }),
);

export const Now = named(
  'Now',
  z.object({
    at: time,
    verdict: z.object({
      needYou: count,
      healing: count,
      problems: count,
      unreachable: noted('Hosts that cannot be asked, without those behind them', count),
      stale: noted('Checks without a fresh result', count),
      ok: count,
      sentence: z.string(),
    }),
    health: noted('Of the daemon itself', z.object({ ready: z.boolean(), problems: z.array(z.string()) })),
    alive: noted(
      'Shows that quiet is not blindness',
      z.object({
        startedAt: time,
        hosts: count,
        checks: count,
        checksPerMin: noted('Started in each of the last one to two minutes', count),
        lateness: noted(
          'From when a check was due to its start, over the same time',
          z.object({ p50Ms: count, p99Ms: count, maxMs: count }),
        ),
        lastResultAt: time.optional(),
        lastProblemAt: noted('When a check or a host last turned bad', time.optional()),
      }),
    ),
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
    approvals: noted(
      'Questions that wait for an answer, the first 100',
      z.array(
        Approval.extend({
          trouble: noted('How the check stands', CheckStatus.optional()),
          tried: noted('What was tried before, newest first', z.array(RunItem)),
        }),
      ),
    ),
    needsYou: noted('The worst 100; the verdict counts all', z.array(Need)),
    healing: z.array(
      RunItem.extend({
        check: z.string(),
        text: noted('What the check said last', z.string().optional()),
        timeoutMs: noted('Of the action, from when it was sent', count.optional()),
      }),
    ),
    healed: noted(
      'In the last day, newest first, the first 50',
      z.array(
        RunItem.extend({
          check: z.string(),
          downMs: noted('From the start of the problem to the end of the run', count.optional()),
        }),
      ),
    ),
    flapping: noted(
      'Checks that come and go, the first 20; what would act on them is held',
      z.array(
        z.object({
          host: z.string(),
          check: z.string(),
          percent: z.number(),
          held: noted('Times an action was held for it in the last day', count),
          heldMore: noted('There were more than those that were counted', z.literal(true).optional()),
        }),
      ),
    ),
    worst: z.array(Check),
    unreachable: noted(
      'Each under its root: `behind` has the hosts behind it',
      z.array(Host.extend({ behind: z.array(z.string()) })),
    ),
    suppressions: noted('In force now, the first 200', z.array(Suppression)),
    totals: noted(
      'Of the lists above that the verdict does not count',
      z.object({ healed: count, flapping: count, suppressions: count }),
    ),
    messages: noted(
      'What people should have been told and were not yet',
      z.object({
        waiting: count,
        dead: noted('Given up, of the last seven days', count),
        oldestWaitingMs: noted('Age of the oldest that waits', count.optional()),
      }),
    ),
    registrations: noted(
      'Hosts that registered themselves and wait for a person',
      z.object({ waiting: count, names: noted('The first of them', z.array(z.string())) }),
    ),
    heldInventories: noted(
      'Inventories that lack too many hosts at once, and wait for a person',
      z.array(
        z.object({
          name: z.string(),
          since: time,
          vanished: count,
          of: noted('How many hosts it told before', count),
        }),
      ),
    ),
    fleet: z.object({
      hosts: noted(
        'Worst first, the first 500',
        z.array(
          z.object({
            name: z.string(),
            state: fleetState,
            problems: noted('Checks that are not OK', count.optional()),
            healing: noted('A repair is under way', z.literal(true).optional()),
          }),
        ),
      ),
      counts: noted('Of all hosts', z.record(fleetState, count)),
    }),
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
