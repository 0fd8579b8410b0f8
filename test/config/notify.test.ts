import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import type { NotifyTarget } from '../../core/definitions.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const environment = { HOOK: 'hook-value', KEY: 'key-value' };

/** The targets of a daemon file with this `notify`, or its problems. */
function read(notify: string) {
  const root = temporaryTree({
    'mendd.yaml': `definitions: { path: . }\nssh: { agent: true, host_keys: accept_new }\nnotify:\n${notify}`,
    'hosts/a.yaml': 'hosts: { web-1: }\n',
  });
  return loadDefinitions({ configFile: `${root}/mendd.yaml`, environment });
}

function targetsOf(notify: string): ReadonlyMap<string, NotifyTarget> {
  const outcome = read(notify);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.definitions.daemon.notify;
}

function problemsOf(notify: string): string {
  const outcome = read(notify);
  return outcome.ok ? '' : inspect(outcome.problems, { depth: 9 });
}

test('a webhook as text is a webhook as a map with its defaults', () => {
  const notify = targetsOf(
    '  a: { webhook: "https://x/${env:HOOK}" }\n  b: { webhook: { url: "https://x/${env:HOOK}" } }\n',
  );
  const [a, b] = [notify.get('a'), notify.get('b')];
  expect(a).toMatchObject({ kind: 'webhook', format: 'mendd', allowPrivate: true });
  expect(b).toMatchObject({ kind: 'webhook', format: 'mendd', allowPrivate: true });
  expect([a, b].map((each) => each?.kind === 'webhook' && each.url.reveal())).toEqual([
    'https://x/hook-value',
    'https://x/hook-value',
  ]);
});

test('a webhook that signs, for Alertmanager, to the internet only', () => {
  const notify = targetsOf(
    '  a: { webhook: { url: "https://x/", format: alertmanager, secret: "${env:KEY}", allow_private: false } }\n',
  );
  const target = notify.get('a');
  expect(target).toMatchObject({ kind: 'webhook', format: 'alertmanager', allowPrivate: false });
  expect(target?.kind === 'webhook' && target.secret?.reveal()).toBe('key-value');
  expect(inspect(target, { depth: 9 }) + JSON.stringify(target)).not.toContain('key-value');
});

test('chat, push and pager, with what is usual', () => {
  const notify = targetsOf(
    '  s: { slack: { url: "https://x/${env:HOOK}" } }\n  n: { ntfy: { topic: ops, token: "${env:KEY}", priority: { error: 5 } } }\n  p: { pagerduty: { routing_key: "${env:KEY}" } }\n',
  );
  expect(JSON.parse(JSON.stringify([...notify.values()]))).toEqual([
    { kind: 'slack', name: 's', url: '<secret>' },
    {
      kind: 'ntfy',
      name: 'n',
      url: '<secret>',
      topic: 'ops',
      token: '<secret>',
      priority: { critical: 5, error: 5, warning: 3, info: 2 },
    },
    { kind: 'pagerduty', name: 'p', url: '<secret>', routingKey: '<secret>' },
  ]);
  const [, ntfy, pagerduty] = [...notify.values()];
  expect(ntfy?.kind === 'ntfy' && [ntfy.url.reveal(), ntfy.token?.reveal()]).toEqual([
    'https://ntfy.sh',
    'key-value',
  ]);
  expect(pagerduty?.kind === 'pagerduty' && [pagerduty.url.reveal(), pagerduty.routingKey.reveal()]).toEqual([
    'https://events.pagerduty.com/v2/enqueue',
    'key-value',
  ]);
});

test.each([
  ['  a: { slack: "https://x/" }\n', /`slack`: expected a map/],
  ['  a: { ntfy: { topic: "a/b" } }\n', /is no topic of ntfy/],
  ['  a: { ntfy: { topic: a, token: plain-text-secret } }\n', /a secret stands here in plain text/],
  ['  a: { ntfy: { topic: a, priority: { critical: 6 } } }\n', /the most is 5/],
  ['  a: { pagerduty: { routing_key: plain-text-secret } }\n', /a secret stands here in plain text/],
  ['  a: { pagerduty: {} }\n', /`routing_key` is missing/],
  [
    '  a: { slack: { url: "https://x/" }, ntfy: { topic: a }, webhook: "https://x/" }\n',
    /several ways to notify[\s\S]*`webhook`, `smtp`, `slack`, `ntfy`/,
  ],
  ['  a: { webhook: { format: mendd } }\n', /`url` is missing/],
  ['  a: { webhook: { url: "https://x/", format: slack } }\n', /`slack` is not known here/],
  [
    '  a: { webhook: { url: "https://x/", secret: plain-text-secret } }\n',
    /a secret stands here in plain text/,
  ],
  ['  a: { webhook: { url: "ftp://x/" } }\n', /not an http URL/],
  ['  a: { webhook: { url: "https://x/", retries: 3 } }\n', /unknown key `retries` in `webhook`/],
  ['  a: { webhook: 5 }\n', /`webhook`: expected/],
  ['  a: {}\n', /`a` says no way to notify/],
  [
    '  a: { webhook: "https://x/", smtp: { host: h, from: a@b, to: [a@b] } }\n',
    /`a` says two ways to notify/,
  ],
])('%s is refused', (notify, problem) => {
  const problems = problemsOf(notify);
  expect(problems).toMatch(problem);
  expect(problems).not.toContain('plain-text-secret');
});

test('quiet hours of a target are those of a route, and judged as they are', () => {
  const made = targetsOf(
    '  a:\n    webhook: "https://x/${env:HOOK}"\n    quiet: [{ schedule: "0 22 * * *", lasts: 8h, timezone: Europe/Berlin }]\n',
  );
  expect(made.get('a')?.quiet).toEqual([
    { cron: '0 22 * * *', timezone: 'Europe/Berlin', lastsMs: 28_800_000, pass: ['critical'] },
  ]);
  const wrong = problemsOf(
    '  a:\n    webhook: "https://x/${env:HOOK}"\n    quiet: [{ schedule: "0 25 * * *", lasts: 8h, timezone: Mars }]\n',
  );
  expect(wrong).toContain('`schedule`');
  expect(wrong).toContain('Mars');
});
