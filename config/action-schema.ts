/**
 * Owns the keys of one action: kinds and common keys, their types, bounds and descriptions. Actions are
 * made in config/resolve-actions.ts, ladders in config/resolve-ladders.ts.
 */
import { z } from 'zod';
import { modes } from '../core/safety.ts';
import type { CheckState } from '../core/types.ts';
import { environment, itemName, sudo } from './check-schema.ts';
import { duration, map, matching, only, percent, plain, runLimit, secret, whole, word } from './fields.ts';
import { labelPattern, unitName } from './names.ts';

const problemStates = ['warning', 'critical', 'unknown'] as const satisfies CheckState[];
const problemState = word(problemStates);

const backWithin = duration({ min: '1s', max: '1d' });

/** The environment of a hook has MENDD_HOST, MENDD_ADDRESS and MENDD_RUN. */
const hook = z.union([
  plain('a command'),
  map({
    run: plain('a command').meta({ description: 'Command for the POSIX shell; exit code 0 is success.' }),
    run_on: word(['target', 'local']).prefault('target').meta({ description: '`local` is the ops box.' }),
    timeout: duration({ max: '1h' }).prefault('2m').meta({ description: 'Time limit of the command.' }),
  }),
]);

export const effectKeys = {
  run: plain('a command')
    .optional()
    .meta({ description: 'Command for the POSIX shell; exit code 0 is success.' }),
  systemd_restart: unitName().optional().meta({ description: 'Unit to restart.' }),
  reboot: z
    .union([
      backWithin,
      map({
        back_within: backWithin
          .prefault('10m')
          .meta({ description: 'Time in which the host must be back with a new boot id.' }),
        command: plain('a command')
          .prefault('systemctl reboot')
          .meta({ description: 'Command that reboots.' }),
        drain: hook.optional().meta({
          description: 'Command before it; when it fails there is no reboot. Or a map, to run it elsewhere.',
        }),
        undrain: hook.optional().meta({
          description: 'Command once the host is back and its checks are OK. Or a map, to run it elsewhere.',
        }),
      }),
    ])
    .optional()
    .meta({ description: 'Reboot the host and wait for it.' }),
  webhook: z
    .union([
      secret(),
      map(
        {
          url: secret().meta({ description: 'URL; may hold secret references.' }),
          method: word(['POST', 'PUT']).prefault('POST').meta({ description: 'Method.' }),
        },
        'headers body template',
      ),
    ])
    .optional()
    .meta({ description: 'URL that gets the run as JSON.' }),
  notify: plain('a name in `notify`')
    .optional()
    .meta({ description: 'Name in `notify` of the daemon file.' }),
};

export const whenSchema = map(
  {
    check: itemName.optional().meta({ description: 'Check of this runbook. This or `host`.' }),
    host: word(['down']).optional().meta({
      description:
        'The host itself cannot be reached over SSH; every rung must then run elsewhere: `run_on: local`, `webhook` or `notify`.',
    }),
    state: z
      .union([problemState, z.array(problemState).min(1)])
      .optional()
      .meta({ description: 'States that count; all but OK without it.' }),
    attempts: whole(1, 10_000).optional().meta({
      description:
        'Non-OK results in a row that are needed; without it `max_attempts` of the check, and 1 beside `times` and `host`.',
    }),
    for: duration({ min: '1s' }).optional().meta({ description: 'The problem must have lasted so long.' }),
    times: whole(2, 100)
      .optional()
      .meta({ description: 'Non-OK results that are needed `within` a time, in a row or not.' }),
    within: duration({ min: '1s', max: '1d' }).optional().meta({ description: 'Window of `times`.' }),
  },
  'any all',
);

const guard = map({
  per: matching('a name of a label', labelPattern, 'is no name of a label; write for example `role`')
    .optional()
    .meta({
      description:
        'Label whose value makes the group; every host of the runbook must have it. The whole fleet without it.',
    }),
  max_concurrent: whole(1, 10_000)
    .optional()
    .meta({ description: 'Repairs at once in the group, this one included.' }),
  min_healthy: percent().optional().meta({
    description: 'Share of hosts in the group that must be healthy and left alone; rounded up.',
  }),
});

const demote = map({
  failures: whole(1, 1000)
    .default(5)
    .meta({ description: 'Failures in a row, over all hosts, that make it one mode tighter.' }),
  recurrences: whole(1, 10_000).default(10).meta({
    description: 'So many problems that were back within 24 h, over all hosts and in 24 h, do so too.',
  }),
});

export const actionSchema = map(
  {
    ...effectKeys,
    when: whenSchema
      .optional()
      .meta({ description: 'What starts this ladder. One of `when`, `after` and `on_recovery`.' }),
    after: itemName
      .optional()
      .meta({ description: 'Action that must be exhausted or failed first: this one is the next rung.' }),
    on_recovery: z
      .union([only(true), itemName])
      .optional()
      .meta({
        description:
          'Run once when a problem that this runbook acted on is over: `true` for all, or the name of a check. For `run`, `webhook` and `notify`.',
      }),
    enabled: z
      .boolean()
      .default(true)
      .meta({ description: '`false` keeps it from acting; decisions are recorded.' }),
    mode: word(modes).prefault('auto').meta({
      description:
        '`observe` decides and records, `propose` tells people what it would do, `approve` waits for a person, `auto` acts. Never looser than the daemon.',
    }),
    approve_within: duration({ min: '1m' })
      .prefault('30m')
      .meta({ description: 'How long a question to a person stays open.' }),
    timeout: duration({ max: '1d' }).prefault('60s').meta({ description: 'Time limit of the command.' }),
    verify: map({
      within: duration({ min: '1s', max: '1d' })
        .prefault('1m')
        .meta({ description: 'Time in which the check must be OK again.' }),
      stays_ok: duration({ min: '0s', max: '1d' })
        .prefault('30s')
        .meta({ description: 'Time for which it must then stay OK.' }),
    })
      .prefault({})
      .meta({ description: 'What counts as healed.' }),
    cooldown: duration({ min: '0s' })
      .prefault('5m')
      .meta({ description: 'Rest after a run on one host, also after a failed one.' }),
    max_runs: runLimit()
      .optional()
      .meta({ description: 'Runs on one host; `1 per 6h` for `reboot`.', default: '3 per 1h' }),
    sudo: sudo.optional().meta({ description: '`true` for root, or `{ user: name }`; always `sudo -n`.' }),
    run_on: word(['target', 'local'])
      .optional()
      .meta({ description: '`local` is the ops box.', default: 'target' }),
    guard: guard
      .optional()
      .meta({ description: 'What must hold in the group of the host before it acts; at least one limit.' }),
    before: z
      .union([only(false), plain('a command')])
      .optional()
      .meta({
        description:
          'Command whose output is kept as evidence, run before the action; `false` for none. Without it journal, processes and disks, when it runs on the host.',
      }),
    require_evidence: z.boolean().default(false).meta({ description: 'Without evidence it does not run.' }),
    min_uptime: duration({ min: '0s' })
      .optional()
      .meta({ description: 'The host must have been up so long; `5m` for `reboot`.', default: '0s' }),
    human_intent: z.boolean().optional().meta({
      description:
        'Look for a person at work on the host first; `true` for what runs on the host, `false` for all else.',
    }),
    chronic: z
      .union([only(false), runLimit()])
      .optional()
      .meta({
        description:
          'So many healed problems on one host make the trouble chronic, which is for a person; `3 per 1d` for `reboot`, `false` for never.',
        default: '5 per 1d',
      }),
    demote: z
      .union([only(false), demote])
      .optional()
      .meta({ description: 'When this action loses trust: auto, approve, propose. `false` for never.' }),
    env: environment.optional().meta({ description: 'Environment variables.' }),
    use: itemName
      .optional()
      .meta({ description: 'Shared action of actions/*.yaml; keys beside it win over its own.' }),
    with: z.record(z.string(), z.unknown()).optional().meta({ description: 'Values of its parameters.' }),
    only_if: plain('a condition').optional().meta({
      description: 'Only on hosts where this holds, such as `facts.os.id == "debian"`.',
    }),
  },
  'action parameters power wol ansible then approvers',
);

export type ActionInput = z.output<typeof actionSchema>;
export type HookInput = z.output<typeof hook>;
export type EffectKey = keyof typeof effectKeys;
