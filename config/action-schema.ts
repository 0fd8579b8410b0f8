/**
 * Owns the keys of one action: kinds and common keys, their types, bounds and descriptions. Ladders are built in
 * config/resolve-actions.ts.
 */
import { z } from 'zod';
import type { CheckState } from '../core/types.ts';
import { environment, itemName, sudo } from './check-schema.ts';
import { duration, map, plain, runLimit, secret, whole, word } from './fields.ts';
import { unitName } from './names.ts';

const problemStates = ['warning', 'critical', 'unknown'] as const satisfies CheckState[];
const problemState = word(problemStates);

const backWithin = duration({ min: '1s', max: '1d' });

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

export const actionSchema = map(
  {
    ...effectKeys,
    when: map(
      {
        check: itemName.meta({ description: 'Check of this runbook.' }),
        state: z
          .union([problemState, z.array(problemState).min(1)])
          .optional()
          .meta({ description: 'States that count; all but OK without it.' }),
        attempts: whole(1, 10_000).optional().meta({
          description: 'Non-OK results in a row that are needed; `max_attempts` of the check without it.',
        }),
      },
      'for times within host any all',
    )
      .optional()
      .meta({ description: 'What starts this ladder. Not together with `after`.' }),
    after: itemName
      .optional()
      .meta({ description: 'Action that must be exhausted or failed first: this one is the next rung.' }),
    enabled: z
      .boolean()
      .default(true)
      .meta({ description: '`false` keeps it from acting; decisions are recorded.' }),
    mode: word(['observe', 'auto'], ['propose', 'approve'])
      .prefault('auto')
      .meta({ description: '`observe` decides and records, and never acts. Never looser than the daemon.' }),
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
    before: plain('a command')
      .optional()
      .meta({ description: 'Command whose output is kept as evidence, run before the action.' }),
    env: environment.optional().meta({ description: 'Environment variables.' }),
  },
  'use with action params parameters power wol ansible then min_uptime minimum_uptime per approvers lock',
);

export type ActionInput = z.output<typeof actionSchema>;
export type EffectKey = keyof typeof effectKeys;
