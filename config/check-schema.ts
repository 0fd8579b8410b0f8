/**
 * Owns the keys of one check: kinds and common keys, their types, bounds and descriptions. That a check has exactly one
 * kind is checked in config/resolve-checks.ts.
 */
import { z } from 'zod';
import type { CheckState } from '../core/types.ts';
import { duration, map, matching, named, only, percent, plain, text, whole, word } from './fields.ts';
import { address, hostName, itemNamePattern, itemNameRule, loginName, unitName } from './names.ts';

const states = ['ok', 'warning', 'critical', 'unknown'] as const satisfies CheckState[];

export const itemName = matching('a name', itemNamePattern, `is no name; ${itemNameRule}`);

export const environment = named(
  'a variable',
  /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
  'use letters, digits and `_`',
  anyText(),
);

export const sudo = z.union([
  z.boolean(),
  map({ user: loginName().meta({ description: 'Login name of the other user.' }) }),
]);

const cron = plain('a cron expression').meta({
  description: 'Cron expression, as `*/5 * * * *`; in place of `every`.',
});

/** Keys that a runbook can set for all its checks. */
export const sharedCheckKeys = {
  every: duration({ min: '100ms' }).optional().meta({ description: 'Interval between runs.', default: '1m' }),
  schedule: cron.optional(),
  timezone: plain('a time zone')
    .optional()
    .meta({ description: 'IANA time zone of `schedule`.', default: 'UTC' }),
  retry_every: duration({ min: '100ms' })
    .optional()
    .meta({ description: 'Interval while a problem is soft; `every` without it.' }),
  timeout: duration({ max: '1h' })
    .optional()
    .meta({ description: 'Time limit of one run; then the state is UNKNOWN.', default: '10s' }),
  max_attempts: whole(1, 1000)
    .optional()
    .meta({ description: 'Non-OK results in a row that make a problem hard.', default: 3 }),
  batch: z.boolean().optional().meta({
    description: '`false`: never shares one exec with other checks of its host.',
    default: true,
  }),
};

const responseTimes = {
  warn: duration({ max: '1h' })
    .optional()
    .meta({ description: 'Response time from which the state is WARNING.' }),
  crit: duration({ max: '1h' })
    .optional()
    .meta({ description: 'Response time from which the state is CRITICAL.' }),
};

const port = whole(1, 65_535);

const status = whole(100, 599);

const httpUrl = text(
  'a URL',
  { examples: ['https://example.com/health', ':8080/health', '/health'] },
  (input) => {
    const absolute = /^(:\d{1,5})?\//.test(input) || /^:\d{1,5}$/.test(input) ? `http://host${input}` : input;
    const url = URL.canParse(absolute) ? new URL(absolute) : undefined;
    if (url !== undefined && /^https?:$/.test(url.protocol) && /^https?:\/\//i.test(absolute))
      return { value: input };
    return {
      problem: `\`${input}\` is not an http URL; write for example \`https://example.com/health\` or \`:8080/health\``,
    };
  },
);

const absolutePath = matching(
  'an absolute path',
  /^\/[^\n]{0,4095}$/,
  'is not an absolute path; write for example `/var`',
);
const processName = matching(
  'a name of a process',
  /^[^\n/]{1,255}$/,
  'is no name of a process; write for example `nginx`',
);

export const kindKeys = {
  run: plain('a command')
    .optional()
    .meta({ description: 'Command for the POSIX shell; its exit code is the state.' }),
  plugin: matching(
    'a name of a plugin',
    /^([A-Za-z0-9][A-Za-z0-9._+-]{0,127}|\/[^\n]{1,4095})$/,
    'is no name of a plugin; write its file name, or an absolute path on the host',
  )
    .optional()
    .meta({ description: 'Nagios plugin: uploaded from plugins/, or found on the host.' }),
  systemd_unit: z
    .union([unitName(), map({ unit: unitName().meta({ description: 'Name of the unit.' }) })])
    .optional()
    .meta({ description: 'Unit that must be active.' }),
  tcp: z
    .union([
      port,
      map({
        port: port.meta({ description: 'Port that must accept a connection.' }),
        address: address().optional().meta({ description: 'Address of the host without it.' }),
        ...responseTimes,
      }),
    ])
    .optional()
    .meta({ description: 'Port that must accept a connection.' }),
  http: z
    .union([
      httpUrl,
      map(
        {
          url: httpUrl.meta({ description: 'Absolute, or only `:port/path` on the host itself.' }),
          method: word(['GET', 'HEAD']).prefault('GET').meta({ description: 'Method.' }),
          status: z
            .union([status, z.array(status).min(1)])
            .optional()
            .meta({ description: 'Accepted status codes; 200 to 399 without it.' }),
          contains: plain().optional().meta({ description: 'Text that the body must hold.' }),
          ...responseTimes,
        },
        'headers body follow redirects insecure auth json matches',
      ),
    ])
    .optional()
    .meta({ description: 'URL that must answer.' }),
  disk: z
    .union([
      absolutePath,
      map(
        {
          path: absolutePath.meta({ description: 'Any path on the file system.' }),
          warn: percent().prefault('80%').meta({ description: 'Use from which the state is WARNING.' }),
          crit: percent().prefault('90%').meta({ description: 'Use from which the state is CRITICAL.' }),
        },
        'inodes',
      ),
    ])
    .optional()
    .meta({ description: 'File system that must have room.' }),
  process: z
    .union([
      processName,
      map(
        {
          name: processName.meta({ description: 'Name of the program.' }),
          min: whole(0, 1_000_000).default(1).meta({ description: 'Least number of processes.' }),
          max: whole(0, 1_000_000).optional().meta({ description: 'Greatest number of processes.' }),
        },
        'user args matches',
      ),
    ])
    .optional()
    .meta({ description: 'Program that must be running.' }),
  ping: z
    .union([
      only(true),
      address(),
      map({
        address: address().optional().meta({ description: 'Address of the host without it.' }),
        count: whole(1, 20).default(5).meta({ description: 'Echo requests.' }),
        loss: percent().prefault('60%').meta({ description: 'Loss from which the state is CRITICAL.' }),
        ...responseTimes,
      }),
    ])
    .optional()
    .meta({ description: 'Address that must answer echo requests; `true` for the host itself.' }),
  passive: z
    .union([
      only(true),
      map({
        ttl: duration({ min: '1m', max: '400d' })
          .optional()
          .meta({ description: 'Longest time from one result to the next.' }),
        state: word(['warning', 'critical', 'unknown'])
          .prefault('unknown')
          .meta({ description: 'State when none came for `ttl`.' }),
      }),
    ])
    .optional()
    .meta({
      description:
        'Never asked: its results are told by `mendd submit` or `POST /api/v1/results`. Without `ttl` nobody notices when none comes.',
    }),
  alert: map({
    match: named(
      'a label of an alert',
      /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
      'use letters, digits and `_`',
      plain(),
    ).meta({ description: 'Globs by label of the alert; all must hold.' }),
    host: matching(
      'a label of an alert',
      /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
      'is no label; use letters, digits and `_`',
    )
      .optional()
      .meta({
        description:
          'Label that names the host, by name or address, also as part of a URL or before a port; `host` or else `instance` without it.',
      }),
    state: word(['warning', 'critical', 'unknown']).optional().meta({
      description:
        'State while it fires. Without it WARNING for a `severity` of `warning`, `warn`, `info` or `none`, else CRITICAL.',
    }),
    resolve_timeout: duration({ min: '1m', max: '30d' }).optional().meta({
      description:
        'How long an alert that tells no end fires without being told again; 5m when Prometheus told it, 5h when Alertmanager’s webhook did.',
    }),
  })
    .optional()
    .meta({
      description:
        'Never asked: a problem while an alert of Prometheus or Alertmanager that fits fires for the host.',
    }),
};

export const checkSchema = map(
  {
    ...kindKeys,
    args: z
      .array(anyText())
      .optional()
      .meta({ description: 'Arguments of `plugin`, each one word; quoted for the shell.' }),
    ...sharedCheckKeys,
    run_on: hostName().optional().meta({
      description:
        '`target`, `local` (the ops box) or the name of another host. `local` for tcp, http and ping, `target` for all others.',
    }),
    sudo: sudo.optional().meta({ description: '`true` for root, or `{ user: name }`; always `sudo -n`.' }),
    exit_map: z
      .record(
        z.string().regex(/^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])$/, {
          error: 'is no exit code; write a number from 0 to 255',
        }),
        word(states),
      )
      .optional()
      .meta({ description: 'States for exit codes of commands that do not speak Nagios.' }),
    depends_on: z
      .array(itemName)
      .optional()
      .meta({ description: 'Checks of this runbook that explain a problem of this one.' }),
    flapping: z
      .union([
        only(false),
        map({
          low: percent().prefault('5%').meta({ description: 'Change at or below which flapping ends.' }),
          high: percent().prefault('20%').meta({ description: 'Change at or above which flapping starts.' }),
        }),
      ])
      .optional()
      .meta({ description: 'Limits of flap detection, or `false`.' }),
    env: environment.optional().meta({ description: 'Environment variables.' }),
    use: itemName
      .optional()
      .meta({ description: 'Shared check of checks/*.yaml; keys beside it win over its own.' }),
    with: z.record(z.string(), z.unknown()).optional().meta({ description: 'Values of its parameters.' }),
    when: plain('a condition').optional().meta({
      description: 'Only on hosts where this holds, such as `facts.os.id == "debian"`.',
    }),
  },
  'for times within snmp dns sql log script cached priority escalate labels',
);

export type CheckInput = z.output<typeof checkSchema>;
export type CheckKind = keyof typeof kindKeys;

/** An argument or a variable may be empty. */
function anyText(): z.ZodType<string> {
  const inner = plain();
  return text('text', {}, (input) => {
    if (input === '') return { value: '' };
    const parsed = inner.safeParse(input.trim() === '' ? `${input}.` : input);
    return parsed.success ? { value: input } : { problem: parsed.error.issues[0]?.message ?? 'is no text' };
  });
}
