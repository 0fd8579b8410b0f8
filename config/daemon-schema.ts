/**
 * Owns the keys of the daemon file (mendd.yaml): their types, bounds, defaults and descriptions. What they mean together
 * is checked in config/resolve-daemon.ts.
 */
import { z } from 'zod';
import { apiSchema } from './api-schema.ts';
import { duration, map, named, rate, secret, whole, word } from './fields.ts';
import { registrationSchema } from './inventory/registration.ts';
import { messagesSchema } from './messages-schema.ts';
import { absolutePath, hostName, loginName, path } from './names.ts';
import { notifyTarget } from './notify-schema.ts';
import { remediationSchema } from './remediation-schema.ts';
import { definitionsSchema } from './source-schema.ts';

export const daemonSchema = map(
  {
    $schema: z.string().optional().meta({ description: 'For editors; ignored.' }),
    definitions: definitionsSchema.prefault({}).meta({ description: 'Where the definitions live.' }),
    store: map({
      path: path()
        .prefault('/var/lib/mendd/mendd.db')
        .meta({ description: 'SQLite file; made at the first start.' }),
      keep: map(
        {
          results: duration({ min: '1h', max: '3650d' })
            .prefault('7d')
            .meta({ description: 'Age at which single results are deleted.' }),
          history: duration({ min: '1d', max: '3650d' })
            .prefault('400d')
            .meta({ description: 'Age at which state changes, decisions and runs are deleted.' }),
          rollups: duration({ min: '1d', max: '3650d' }).prefault('90d').meta({
            description: 'Age at which the sums of five minutes that graphs are drawn from are deleted.',
          }),
        },
        'daily hourly output',
      )
        .prefault({})
        .meta({ description: 'How long records are kept.' }),
    })
      .prefault({})
      .meta({ description: 'Where state is kept.' }),
    ssh: map(
      {
        transport: word(['ssh', 'openssh']).prefault('ssh').meta({
          description:
            'Of hosts that choose none: `ssh` is mendd’s own client; `openssh` is the `ssh` program of the ops box, for certificates, FIDO and GSSAPI keys and whatever else only it has.',
        }),
        user: loginName().prefault('mendd').meta({ description: 'Login name on hosts that name none.' }),
        identity: secret().optional().meta({
          description:
            'Private key by reference: `${cred:NAME}`, `${file:/path}` or `${env:NAME}`. A file must be readable by its owner only.',
        }),
        action_identity: secret()
          .optional()
          .meta({ description: 'Second private key, used for actions only.' }),
        passphrase: secret()
          .optional()
          .meta({ description: 'Passphrase of the private keys, by reference.' }),
        certificates: z.array(path()).max(20).default([]).meta({
          description:
            'Certificates of the keys, for `openssh`: files that ssh-keygen -s made, read at each login.',
        }),
        agent: z.boolean().default(false).meta({ description: 'Use the SSH agent at $SSH_AUTH_SOCK.' }),
        known_hosts: path()
          .prefault('/etc/mendd/known_hosts')
          .meta({ description: 'Host keys, in the format of OpenSSH; hashed names are read.' }),
        host_keys: word(['strict', 'accept_new']).prefault('strict').meta({
          description:
            '`strict` refuses hosts without a known key; `accept_new` learns the first key. A changed key is always refused.',
        }),
        config: path().optional().meta({
          description:
            'An ssh_config for `openssh`, for what has no key here (GSSAPI, ProxyCommand, algorithms); without it none is read. What mendd itself sets wins.',
        }),
        jump: hostName().optional().meta({ description: 'Host that all others are reached through.' }),
        connect_timeout: duration({ min: '100ms', max: '5m' })
          .prefault('10s')
          .meta({ description: 'Time for connecting, key exchange and login together.' }),
        max_connections: whole(1, 100_000).default(5000).meta({ description: 'Open connections in all.' }),
        connect_rate: rate().prefault('50/s').meta({ description: 'New connections in all.' }),
        max_sessions: whole(1, 1000).default(8).meta({
          description: 'Commands at once on one connection; below MaxSessions of sshd, which is 10.',
        }),
        plugin_dirs: z.array(absolutePath('/usr/lib/nagios/plugins')).default([]).meta({
          description: 'Directories on hosts that are searched for plugins, in place of the usual ones.',
        }),
        guard_directory: absolutePath('/run/mendd').optional().meta({
          description:
            'Where hosts keep the record of actions; /run/mendd for root and ~/.cache/mendd/run for others when absent.',
        }),
      },
      'control_master options',
    )
      .prefault({})
      .meta({ description: 'How hosts are reached.' }),
    api: apiSchema,
    scheduler: map({
      max_concurrent: whole(1, 100_000).default(500).meta({ description: 'Checks that run at once.' }),
      max_per_host: whole(1, 1000).default(4).meta({ description: 'Checks that run at once on one host.' }),
      queue_limit: whole(1, 1_000_000)
        .default(10_000)
        .meta({ description: 'Checks that may wait; above that they are shed and counted.' }),
    })
      .prefault({})
      .meta({ description: 'How many checks run at once.' }),
    remediation: remediationSchema,
    registration: registrationSchema.optional().meta({
      description: 'Hosts may register themselves by `POST /api/v1/register`; without it none may.',
    }),
    facts: map({
      enabled: z
        .boolean()
        .default(true)
        .meta({ description: 'Ask hosts what they are; without it templates know no built-in facts.' }),
      every: duration({ min: '1m' }).prefault('1h').meta({ description: 'Interval between questions.' }),
      timeout: duration({ min: '1s', max: '10m' })
        .prefault('30s')
        .meta({ description: 'Time limit of one question.' }),
    })
      .prefault({})
      .meta({ description: 'What hosts tell of themselves, which templates read as `facts`.' }),
    notify: named(
      'a notify target',
      /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/,
      'use letters, digits, `-` and `_`',
      notifyTarget,
    )
      .default({})
      .meta({ description: 'Whom actions and `remediation.page` can notify, by name.' }),
    messages: messagesSchema.prefault({}).meta({ description: 'Who is told of what, and when.' }),
    heartbeat: map({
      url: secret().meta({
        description:
          'URL that is asked by GET, by reference: `${cred:NAME}`, `${file:/path}` or `${env:NAME}`, for its path is often a secret.',
      }),
      every: duration({ min: '5s', max: '1d' }).prefault('1m').meta({ description: 'Interval.' }),
      timeout: duration({ min: '1s', max: '5m' })
        .prefault('10s')
        .meta({ description: 'Time limit of one request.' }),
    })
      .optional()
      .meta({
        description:
          'An outside watchdog, such as healthchecks.io, that is told for as long as /readyz is; it raises the alarm when mendd cannot.',
      }),
    log: map({
      level: word(['debug', 'info', 'warn', 'error'])
        .prefault('info')
        .meta({ description: 'Least important line that is logged.' }),
    })
      .prefault({})
      .meta({ description: 'The log on standard output.' }),
  },
  'metrics plugins users tokens',
);

export type DaemonInput = z.output<typeof daemonSchema>;
