/** The shapes of where definitions come from, and of what others would change. See api/shapes.ts for the rules. */
import { z } from 'zod';
import { count, named, noted, time } from './shapes.ts';

export const Held = named(
  'HeldReload',
  z.object({
    revision: noted('What a confirmation has to name', z.string()),
    commit: z.string().optional(),
    why: z.array(z.string()),
  }),
);

export const Rollback = named('Rollback', z.object({ by: z.string(), reason: z.string(), since: time }));

const Commit = named(
  'Commit',
  z.object({ id: z.string(), subject: z.string(), author: z.string(), committedAt: time }),
);

const Names = named(
  'Names',
  z.object({ count, names: noted('The first thousand at most', z.array(z.string())) }),
);

const changes = { gained: Names, lost: Names, changed: Names };
const Changes = named('NameChanges', z.object(changes));

export const DefinitionsPlan = named(
  'DefinitionsPlan',
  z.object({
    from: noted('Revision in force', z.string()),
    to: noted('Revision it would be', z.string()),
    hosts: z.object({ ...changes, before: count, after: count }),
    checks: Changes,
    actions: Changes,
    suppressions: Changes,
    daemon: noted('Sections of the daemon file that change', z.array(z.string())),
    state: noted(
      'Each check on each host: what is kept, and what begins anew',
      z.object({
        before: count,
        after: count,
        kept: count,
        changed: noted('Of those kept: they ask something else', count),
        fresh: count,
        forgotten: count,
        renamed: noted(
          'They ask the same under another id, so their state is lost',
          z.array(z.object({ from: z.string(), to: z.string(), hosts: count })),
        ),
      }),
    ),
    selectors: noted(
      'Runbooks that select other hosts',
      z.array(z.object({ runbook: z.string(), before: count, after: count, gained: Names, lost: Names })),
    ),
    restart: noted('Keys of the daemon file that take effect at the next start', z.array(z.string())),
    hold: noted('Why a person would have to confirm it; empty when nobody has', z.array(z.string())),
  }),
);

export const PlanAnswer = named(
  'PlanAnswer',
  z.object({ plan: DefinitionsPlan, commit: z.string().optional(), warnings: z.array(z.string()) }),
);

export const ReloadAnswer = named(
  'ReloadAnswer',
  z.object({
    ok: z.literal(true),
    revision: z.string(),
    commit: z.string().optional(),
    restart: noted('Keys of the daemon file that take effect at the next start', z.array(z.string())),
    plan: noted('What it changed', DefinitionsPlan.optional()),
  }),
);

export const Config = named(
  'Config',
  z.object({
    revision: z.string(),
    loadedAt: time,
    lastReloadOk: z.boolean(),
    problems: noted('Why the newest is not in force', z.array(z.string())),
    held: Held.optional(),
    rollback: noted('A person went back; new commits are not taken', Rollback.optional()),
    hold: z.object({ hostsPercent: z.number(), checksPercent: z.number(), rewritten: z.boolean() }),
    source: z.union([
      z.object({ kind: z.literal('directory'), path: z.string() }),
      z.object({
        kind: z.literal('git'),
        url: z.string(),
        branch: z.string(),
        path: z.string(),
        commit: noted('In force', Commit.optional()),
        head: noted('Where the branch was when it was last looked at', z.string().optional()),
        lookedAt: time.optional(),
      }),
    ]),
    commits: noted('Valid ones that were in force, newest first', z.array(Commit)),
  }),
);

const hash = z
  .string()
  .regex(/^[0-9a-f]{7,64}$/, 'must be the beginning of a commit: 7 to 64 hexadecimal digits');

export const ReloadBody = z
  .strictObject({
    confirm: noted(
      'Revision or commit that is let in although it would be held',
      z.string().min(7).max(64).optional(),
    ),
  })
  .nullish();

export const RollbackBody = z.strictObject({
  reason: z.string().trim().min(1, 'must say why').max(500),
  commit: noted('The one before the one in force without it', hash.optional()),
  resume: noted('true: follow the branch again', z.boolean().default(false)),
});

export const PlanBody = z
  .strictObject({
    branch: z
      .string()
      .regex(/^(?![-/.])(?!.*\.\.)[A-Za-z0-9._/+@#-]{1,200}$/, 'must be the name of a branch')
      .optional(),
    commit: hash.optional(),
    directory: noted(
      'Absolute, on the machine of the daemon',
      z
        .string()
        .regex(/^\/[^\0\n]{0,4095}$/, 'must be an absolute path')
        .optional(),
    ),
  })
  .refine(
    (body) => Object.keys(body).length <= 1,
    'must name one of branch, commit and directory, or nothing',
  )
  .nullish();
