/** `mendd notify` as a process against a real API over a daemon made of data. */
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Api, createApi } from '../../api/server.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { assertBuilt, type Ended, mendd } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

let daemon: FakeDaemon;
let api: Api;
let url: string;

beforeAll(assertBuilt);

beforeEach(async () => {
  daemon = new FakeDaemon();
  for (const scope of ['read', 'act'] as const) daemon.token(scope, scope);
  daemon.notifyList = [
    { name: 'chat', kind: 'slack' },
    { name: 'mail', kind: 'smtp', to: 'ops@example.com' },
  ];
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  api = createApi({ daemon, history: daemon.history, runs: daemon.runs, clock: daemon.clock, log });
  const { port } = await api.listen('127.0.0.1', 0);
  url = `http://127.0.0.1:${port}`;
});

afterEach(async () => {
  const closed = api.close();
  daemon.clock.advance(10_000);
  await closed;
});

function as(scope: string, ...args: string[]): Promise<Ended> {
  const env = { MENDD_API: url, MENDD_TOKEN: `secret-${scope}` };
  return mendd(['notify', ...args], { cwd: temporaryTree({}), env });
}

test('targets are listed, also when nobody can be notified', async () => {
  const { stdout, code } = await as('read');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^NAME +KIND +TO\nchat +slack +-\nmail +smtp +ops@example\.com\n$/);
  expect(JSON.parse((await as('read', 'list', '-o', 'json')).stdout)).toMatchObject({
    targets: daemon.notifyList,
  });
  daemon.notifyList = [];
  expect((await as('read', 'list')).stderr).toContain('Nobody can be notified');
});

test('a test tells the answer of the receiver, and fails when it was not taken', async () => {
  const taken = await as('act', 'test', 'chat');
  expect(taken).toMatchObject({ code: 0, stdout: 'chat (slack) took the message in 0.0 s.\nIt said: ok\n' });
  daemon.notifyAnswer = { ok: false, error: 'HTTP 403', answer: 'no\u001b[31m_service\u202e', tookMs: 1234 };
  const refused = await as('act', 'test', 'mail');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('mail (smtp) did not take the message (in 1.2 s): HTTP 403.\nIt said: no');
  for (const mark of ['\u001b', '\u202e']) expect(refused.stdout).not.toContain(mark);
  expect(daemon.asked).toEqual(['notify test chat by act', 'notify test mail by act']);
});

test('no such target, and no right to', async () => {
  expect((await as('act', 'test', 'nobody')).code).toBe(64);
  expect((await as('read', 'test', 'chat')).code).toBe(77);
});
