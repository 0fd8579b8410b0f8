/** Owns the keys under `messages` of the daemon file. What they mean together is checked in config/resolve-messages.ts. */
import { z } from 'zod';
import { duration, map, matching, plain, whole } from './fields.ts';
import { hostGlob, labelPattern } from './names.ts';
import { messageText } from './notify-schema.ts';
import { quietHours, schedule, severity, timezone } from './quiet-schema.ts';

const targetName = plain('a name in `notify`');

const match = map(
  {
    hosts: z
      .array(hostGlob())
      .default([])
      .meta({ description: 'Names and globs of hosts; `!` leaves out. All without it.' }),
    labels: z.record(z.string(), plain()).default({}).meta({ description: 'Labels that must all match.' }),
    runbooks: z
      .array(
        matching('an id of a runbook', /^!?[^\s!]{1,200}$/, 'is no id or glob; write for example `web-*`'),
      )
      .default([])
      .meta({ description: 'Ids of runbooks and globs. All without it.' }),
    severity: z.array(severity).default([]).meta({
      description:
        'CRITICAL is `critical`, UNKNOWN `error`, WARNING `warning`. All without it. A problem that gets worse is routed again.',
    }),
  },
  'checks states',
);

const groupWord = matching(
  'what is shared',
  new RegExp(`^(host|runbook|check|label:${labelPattern.source.slice(1, -1)})$`),
  'is not known here; write `label:NAME`, `host`, `runbook` or `check`',
);

const group = map({
  by: z.array(groupWord).max(10).default([]).meta({
    description:
      'What the problems of one group share: `label:NAME`, `host`, `runbook`, `check`. An empty list makes one group of the route.',
  }),
  wait: duration({ min: '1s', max: '1h' })
    .prefault('30s')
    .meta({ description: 'From the first problem to the first message.' }),
  interval: duration({ min: '1s', max: '7d' })
    .prefault('5m')
    .meta({ description: 'Shortest time between two messages of one group.' }),
});

const repeat = map({
  every: duration({ min: '5m', max: '7d' }).meta({ description: 'Since the newest message.' }),
  times: whole(1, 1000).default(10).meta({ description: 'Then it is not told again.' }),
});

const route = map(
  {
    name: matching(
      'a name of a route',
      /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/,
      'is no name of a route; use letters, digits, `-` and `_`',
    ).meta({ description: 'A `notify` action can name it in place of a target.' }),
    match: match.prefault({}).meta({ description: 'Which problems take it; all without it.' }),
    to: z.array(targetName).min(1).max(20).meta({ description: 'Names in `notify`.' }),
    continue: z.boolean().default(false).meta({ description: 'The routes behind it are looked at as well.' }),
    group: group
      .optional()
      .meta({ description: 'One message for problems that begin together; one each without it.' }),
    repeat: repeat
      .optional()
      .meta({ description: 'Tell critical problems again while nobody acknowledges them.' }),
    quiet: quietHours().meta({
      description: 'Hours in which messages wait; what is over by then goes into the digest.',
    }),
    page_after: duration({ min: '1m', max: '7d' }).optional().meta({
      description: 'A problem that lasts so long is told although repairs are under way.',
    }),
    subject: messageText(),
    text: messageText(),
  },
  'mute active checks',
);

const digest = map({
  schedule,
  timezone,
  to: z.array(targetName).min(1).max(20).meta({ description: 'Names in `notify`.' }),
  empty: z.boolean().default(false).meta({ description: 'Sent also when there is nothing to tell.' }),
});

export const messagesSchema = map(
  {
    routes: z.array(route).max(200).default([]).meta({
      description:
        'Who is told of problems that no action watches and of ladders that gave up: the first that matches decides.',
    }),
    digest: digest.optional().meta({
      description: 'What healed by itself, flapped, was held back or not delivered since the last one.',
    }),
  },
  'templates inhibit',
);

export type MessagesInput = z.output<typeof messagesSchema>;
