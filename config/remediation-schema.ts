/**
 * Owns the keys under `remediation` of the daemon file: what holds back everything that repairs. What they mean together
 * is checked in config/resolve-remediation.ts.
 */
import { z } from 'zod';
import { modes } from '../core/safety.ts';
import { duration, map, only, percent, plain, runLimit, secret, text, whole, word } from './fields.ts';
import { absolutePath, address, groupLabel, hostAndPort } from './names.ts';

type Release = { kind: 'auto'; afterMs: number } | { kind: 'person' };

const releaseAfter = duration({ min: '1s' });

const release = text<Release>(
  '`auto after 10m` or `person`',
  { pattern: '^(person|auto after \\S+)$', examples: ['auto after 10m', 'person'] },
  (input) => {
    if (input === 'person') return { value: { kind: 'person' } };
    const written = /^auto\s+after\s+(\S+)$/.exec(input)?.[1];
    if (written === undefined)
      return {
        problem: `\`${input.slice(0, 40)}\` is not known here; write \`auto after 10m\` or \`person\``,
      };
    const after = releaseAfter.safeParse(written);
    return after.success
      ? { value: { kind: 'auto', afterMs: after.data } }
      : { problem: after.error.issues[0]?.message ?? 'is no duration; write `auto after 10m`' };
  },
);

const brake = map({
  unhealthy_above: percent()
    .prefault('30%')
    .meta({ description: 'Share of unhealthy hosts above which nothing new starts; rounded down.' }),
  min_unhealthy: whole(1, 100_000).default(2).meta({
    description: 'With fewer unhealthy hosts than this it stays off, or small fleets could not be healed.',
  }),
  of: groupLabel()
    .optional()
    .meta({ description: 'Label whose value makes groups; each brakes by itself, beside the whole fleet.' }),
  release: release.prefault('auto after 10m').meta({
    description:
      'What takes it off: `auto after` so long below the limit without a break, or a `person`, who always can.',
  }),
});

const group = map({
  of: groupLabel().meta({ description: 'Label whose value makes groups.' }),
  max_runs: runLimit().optional().meta({ description: 'Repairs in one group.' }),
  max_concurrent: whole(1, 10_000).optional().meta({ description: 'Repairs at once in one group.' }),
});

const selfDoubt = map({
  stall: duration({ min: '100ms', max: '1h' })
    .prefault('2s')
    .meta({ description: 'A wait of its own event loop that is too long.' }),
  canaries: z
    .array(hostAndPort('192.0.2.1:53', 1))
    .max(100)
    .default([])
    .meta({ description: 'TCP ports outside the fleet; when none of them answers, the ops box is cut off.' }),
  gateway: z
    .boolean()
    .default(true)
    .meta({ description: 'Look whether there is a default route and its interface is up.' }),
  dns: z
    .array(address())
    .max(100)
    .default([])
    .meta({ description: 'Names that must resolve; when none of them does, DNS is down.' }),
  every: duration({ min: '1s', max: '1h' }).prefault('10s').meta({ description: 'Time between two looks.' }),
  changed_above: percent().prefault('50%').meta({
    description:
      'Share of all hosts that may turn unhealthy within `changed_within`; more look like its own trouble.',
  }),
  changed_within: duration({ min: '1s', max: '1d' })
    .prefault('1m')
    .meta({ description: 'Window of `changed_above`.' }),
  changed_min: whole(1, 100_000)
    .default(3)
    .meta({ description: 'With fewer hosts than this, `changed_above` says nothing.' }),
});

const humanIntent = map({
  lock_files: z
    .array(absolutePath('/run/deploy.lock'))
    .max(100)
    .default([])
    .meta({ description: 'Files on a host that hold its actions, beside /run/mendd/hold.' }),
  login_within: duration({ min: '1s' })
    .optional()
    .meta({ description: 'A login so young holds actions; without it logins do not matter.' }),
});

/** Read key by key when the whole is not right, so that all of it is judged in one go. */
export const remediationKeys = map(
  {
    mode: word(modes).prefault('observe').meta({
      description:
        'How far actions may go by themselves: `observe` decides and records, `propose` tells people what it would do, `approve` waits for a person, `auto` acts. Actions can be tighter, never looser.',
    }),
    max_runs: runLimit().prefault('20 per 1h').meta({ description: 'Repairs in the whole fleet.' }),
    max_concurrent: whole(1, 10_000)
      .default(5)
      .meta({ description: 'Repairs that run at once in the whole fleet.' }),
    max_runs_per_host: runLimit().prefault('6 per 1h').meta({ description: 'Repairs on any one host.' }),
    groups: z
      .array(group)
      .max(20)
      .default([])
      .meta({ description: 'Limits on each group of hosts that share the value of a label.' }),
    brake: z
      .union([only(false), brake])
      .prefault({})
      .meta({ description: 'Stop on mass failure, or `false`.' }),
    self_doubt: selfDoubt
      .prefault({})
      .meta({ description: 'When the ops box does not trust its own eyes; then nothing acts.' }),
    human_intent: humanIntent
      .prefault({})
      .meta({ description: 'Traces of a person at work on a host; then nothing acts there.' }),
    page: plain('a name in `notify`').optional().meta({
      description:
        'Name in `notify` that hears of a ladder that gave up without a `notify` rung of its own, and of what concerns mendd as a whole.',
    }),
    audit_webhook: secret().optional().meta({
      description: 'URL that gets the head of the audit chain; may hold secret references.',
    }),
  },
  'enabled budget canary',
);

export const remediationSchema = remediationKeys
  .prefault({})
  .meta({ description: 'Limits on everything that repairs.' });

export type RemediationInput = z.output<typeof remediationKeys>;
