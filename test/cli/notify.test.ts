/** `mendd notify` as a process against a real API over a daemon made of data. */
import { expect, test } from 'vitest';
import type { Scope } from '../../core/types.ts';
import { cliAgainstApi } from '../support/cli-api.ts';

const cli = cliAgainstApi((daemon) => {
  daemon.notifyList = [
    { name: 'chat', kind: 'slack' },
    { name: 'mail', kind: 'smtp', to: 'ops@example.com' },
  ];
});

const as = (scope: Scope, ...args: string[]) => cli.as(scope, 'notify', ...args);

test('targets are listed, also when nobody can be notified', async () => {
  const { stdout, code } = await as('read');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^NAME +KIND +TO\nchat +slack +-\nmail +smtp +ops@example\.com\n$/);
  expect(JSON.parse((await as('read', 'list', '-o', 'json')).stdout)).toMatchObject({
    targets: cli.daemon.notifyList,
  });
  cli.daemon.notifyList = [];
  expect((await as('read', 'list')).stderr).toContain('Nobody can be notified');
});

test('a test tells the answer of the receiver, and fails when it was not taken', async () => {
  const taken = await as('act', 'test', 'chat');
  expect(taken).toMatchObject({ code: 0, stdout: 'chat (slack) took the message in 0.0 s.\nIt said: ok\n' });
  cli.daemon.notifyAnswer = {
    ok: false,
    error: 'HTTP 403',
    answer: 'no\u001b[31m_service\u202e',
    tookMs: 1234,
  };
  const refused = await as('act', 'test', 'mail');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('mail (smtp) did not take the message (in 1.2 s): HTTP 403.\nIt said: no');
  for (const mark of ['\u001b', '\u202e']) expect(refused.stdout).not.toContain(mark);
  expect(cli.daemon.asked).toEqual(['notify test chat by act', 'notify test mail by act']);
});

test('no such target, and no right to', async () => {
  expect((await as('act', 'test', 'nobody')).code).toBe(64);
  expect((await as('read', 'test', 'chat')).code).toBe(77);
});

test('the outbox is listed with what failed, and a message is sent again', async () => {
  const message = {
    id: '42',
    key: 'k',
    target: 'oncall',
    kind: 'problem' as const,
    host: 'web-1',
    ladder: 'app.restart',
    subject: '[mendd] web-1 app: gave\u001b[31m up',
    status: 'dead' as const,
    createdAtMs: cli.daemon.clock.nowMs(),
    attempts: 10,
    lastError: 'HTTP 500',
  };
  cli.daemon.messageList = [message, { ...message, id: '41', status: 'sent', attempts: 1 }];
  const { stdout } = await as('read', 'outbox', '--status', 'dead');
  expect(stdout).toMatch(
    /^ID +STATUS +AGE +TARGET +KIND +TRIES +ABOUT +ERROR\n42 +dead .* oncall +problem +10 +web-1 app: gave/,
  );
  expect(stdout).toContain('HTTP 500');
  expect(stdout).not.toContain('\u001b');
  expect(JSON.parse((await as('read', 'outbox', '-o', 'json')).stdout).messages).toHaveLength(2);
  const odd = await as('read', 'outbox', '--status', 'lost');
  expect([odd.code, odd.stderr]).toEqual([64, expect.stringContaining('waiting, sent, dead, dismissed')]);
  expect(await as('act', 'retry', '42')).toMatchObject({
    code: 0,
    stdout: 'Message 42 to oncall is sent again.\n',
  });
  expect((await as('act', 'retry', '41')).code).not.toBe(0);
  expect(await as('act', 'dismiss', '42')).toMatchObject({
    code: 0,
    stdout: 'Message 42 to oncall rests; it is not sent again.\n',
  });
  expect((await as('act', 'dismiss', '41')).code).toBe(1);
  expect((await as('act', 'dismiss', 'x')).code).toBe(64);
  expect(await as('act', 'dismiss', '--all')).toMatchObject({ code: 0, stdout: '1 message rests.\n' });
  for (const wrong of [[], ['42', '--all'], ['42', '--target', 'oncall']])
    expect([wrong, (await as('act', 'dismiss', ...wrong)).code]).toEqual([wrong, 64]);
  expect((await as('act', 'retry', 'x')).code).toBe(64);
  expect((await as('read', 'retry', '42')).code).toBe(77);
});

test('who would be told is said with every reason', async () => {
  cli.daemon.routeLadders = [
    {
      ladder: 'app.restart',
      runbook: 'app',
      routes: [
        { route: 'db', taken: false, why: 'web-1 is not among its hosts' },
        { route: 'web', taken: true, why: 'it matches' },
      ],
      targets: [{ target: 'oncall', route: 'web', waitMs: 30_000, pageAfterMs: 900_000 }],
      told: [{ target: 'oncall', route: 'web', sinceMs: cli.daemon.clock.nowMs(), hold: 'quiet' }],
    },
  ];
  const { stdout } = await as('read', 'route', 'web-1/app.running', '--severity', 'warning');
  expect(stdout).toContain('web-1/app.running, as it would be told when warning:\n  app.restart\n');
  expect(stdout).toContain('- route db: web-1 is not among its hosts\n    + route web: it matches\n');
  expect(stdout).toContain(
    '=> oncall: by web; in a group, 30s after its first problem; after 15m, or once no repair is left',
  );
  expect(stdout).toMatch(/now: oncall is told of it since .*; held: quiet/);
  cli.daemon.routeLadders = [
    {
      ladder: 'check:app.running',
      runbook: 'app',
      unwatched: true,
      routes: [],
      targets: [{ target: 'oncall', route: 'web' }],
      told: [],
    },
  ];
  const bare = await as('read', 'route', 'web-1/app.running');
  expect(bare.stdout).toContain('  no action watches it\n    => oncall: by web; at once, once it is hard\n');
  cli.daemon.routeLadders = [
    { ladder: 'check:app.running', runbook: 'app', unwatched: true, routes: [], targets: [], told: [] },
  ];
  expect((await as('read', 'route', 'web-1/app.running')).stdout).toContain(
    'nobody is told: no route matches, and remediation.page',
  );
  expect((await as('read', 'route', 'web-1')).code).toBe(64);
  expect((await as('read', 'route', 'web-1/app.running', '--severity', 'fatal')).code).toBe(64);
});
