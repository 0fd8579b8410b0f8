/** Owns the keys under `notify` of the daemon file. What they mean together is checked in config/resolve-notify.ts. */
import { z } from 'zod';
import { duration, map, matching, plain, secret, templated, whole, word } from './fields.ts';
import { absolutePath } from './names.ts';
import { quietHours } from './quiet-schema.ts';

const mailAddress = matching(
  'a mail address',
  /^[^\s@<>]{1,64}@[^\s@<>]{1,253}$/,
  'is not a mail address; write for example `ops@example.com`',
);

/** A Liquid template in place of built-in words. */
export function messageText() {
  return templated(plain('a template')).optional().meta({
    description:
      'Liquid template in place of the built-in words, of all problems and recoveries; docs/operations.md lists the names.',
  });
}

const smtp = map({
  host: matching(
    'a host name',
    /^[A-Za-z0-9.:_-]{1,253}$/,
    'is not a host name; write for example `mail.example.com`',
  ).meta({ description: 'Mail server.' }),
  port: whole(1, 65_535).optional().meta({ description: 'Port; 465 when `secure`, 587 otherwise.' }),
  secure: z
    .boolean()
    .default(false)
    .meta({ description: 'TLS from the first byte. Without it STARTTLS is used when offered.' }),
  user: plain().optional().meta({ description: 'Login name; no login without it.' }),
  password: secret()
    .optional()
    .meta({ description: 'Password by reference: `${env:NAME}`, `${file:/path}` or `${cred:NAME}`.' }),
  from: mailAddress.meta({ description: 'Sender.' }),
  to: z.array(mailAddress).min(1).meta({ description: 'Receivers.' }),
});

const webhook = map({
  url: secret().meta({ description: 'The same URL.' }),
  format: word(['mendd', 'alertmanager']).prefault('mendd').meta({
    description: 'mendd: own JSON; alertmanager: what its webhook receiver sends (version 4).',
  }),
  secret: secret().optional().meta({
    description:
      'By reference; signs each request: `mendd-signature: t=SECONDS,v1=HEX`, HMAC-SHA256 over `SECONDS.BODY`.',
  }),
  allow_private: z.boolean().default(true).meta({
    description: 'False: refuse addresses outside the public internet. Redirects are never followed.',
  }),
});

const slack = map({
  url: secret().meta({ description: 'URL of an incoming webhook; may hold secret references.' }),
});

const priority = (severity: string, value: number) =>
  whole(1, 5)
    .default(value)
    .meta({ description: `Of what is ${severity}: 1 (least) to 5.` });

const ntfy = map({
  url: secret().prefault('https://ntfy.sh').meta({ description: 'The server.' }),
  topic: matching(
    'a topic',
    /^[-_A-Za-z0-9]{1,64}$/,
    'is no topic of ntfy; use up to 64 letters, digits, `-` and `_`',
  ).meta({ description: 'Whoever knows it can read it, unless the server asks for a token.' }),
  token: secret().optional().meta({ description: 'Access token by reference.' }),
  priority: map({
    critical: priority('critical', 5),
    error: priority('unknown', 4),
    warning: priority('a warning', 3),
    info: priority('good to know, or over', 2),
  })
    .prefault({})
    .meta({ description: 'How loud messages are, by severity.' }),
});

const pagerduty = map({
  routing_key: secret().meta({
    description: 'Integration key of an Events API v2 integration, by reference.',
  }),
  url: secret()
    .prefault('https://events.pagerduty.com/v2/enqueue')
    .meta({ description: 'The API; in the EU `https://events.eu.pagerduty.com/v2/enqueue`.' }),
});

const exec = map({
  path: absolutePath('/usr/local/bin/page').meta({
    description: 'Program on the ops box; exit code 0 is delivered.',
  }),
  args: z
    .array(plain())
    .default([])
    .meta({ description: 'Its arguments. No shell reads them; they are no place for secrets.' }),
  timeout: duration({ min: '1s', max: '5m' })
    .prefault('30s')
    .meta({ description: 'Then it is killed, with all it started.' }),
});

export const notifyTarget = map({
  webhook: z
    .union([secret(), webhook])
    .optional()
    .meta({ description: 'URL that gets a JSON POST; may hold secret references. A map says more.' }),
  smtp: smtp.optional().meta({ description: 'Mail.' }),
  slack: slack.optional().meta({ description: 'Chat by a Slack-compatible incoming webhook.' }),
  ntfy: ntfy.optional().meta({ description: 'Push messages by ntfy.' }),
  pagerduty: pagerduty
    .optional()
    .meta({ description: 'Incidents by PagerDuty: opened by a problem, resolved by its recovery.' }),
  exec: exec.optional().meta({
    description:
      'A program that gets the message as JSON on its standard input, and MENDD_* variables (docs/operations.md).',
  }),
  quiet: quietHours().meta({
    description:
      'Hours in which problems and their ends wait, whoever names the target; questions and notices do not.',
  }),
  subject: messageText(),
  text: messageText(),
});

export type NotifyInput = z.output<typeof notifyTarget>;
