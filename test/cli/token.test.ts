/** `mendd token` by the API and in the ledger file: which of the two is asked, and that both answer alike. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStores } from '../../store/open.ts';
import { cliAgainstApi } from '../support/cli-api.ts';
import { type Ended, mendd } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const cli = cliAgainstApi();

/** A place with a daemon file and a store, as the machine of a daemon has it. */
function machine(): { cwd: string; audited: () => string[] } {
  const cwd = temporaryTree({
    'mendd.yaml': `definitions: { path: . }\nstore: { path: ./mendd.db }\napi: { listen: "${cli.url.slice('http://'.length)}" }\n`,
  });
  const audited = (): string[] => {
    const { store, coordinator } = openStores({ path: join(cwd, 'mendd.db'), nowMs: Date.now() });
    const { items } = coordinator.auditEntries({ limit: 50 });
    coordinator.close();
    store.close();
    return items.filter(({ event }) => event.startsWith('token.')).map(({ event }) => event);
  };
  return { cwd, audited };
}

function json({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>;
}

test('with a token the daemon is asked: made, listed, revoked', async () => {
  const made = await cli.as(
    'admin',
    'token',
    'create',
    '--name',
    'bob',
    '--scope',
    'act',
    '--expires',
    '90d',
  );
  expect(made).toMatchObject({ code: 0, stdout: 'secret-bob\n' });
  expect(made.stderr).toMatch(
    /^Token bob for bob, scope act, expires \S+\. Its secret is shown only this once\.\n$/,
  );
  const listed = await cli.as('admin', 'token', 'list', '-o', 'json');
  expect(json(listed)['tokens']).toContainEqual(
    expect.objectContaining({ id: 'bob', name: 'bob', scopes: ['act'] }),
  );
  expect(listed.stdout).not.toContain('secret-');
  expect((await cli.as('admin', 'token', 'list')).stdout).toMatch(
    /^ID +NAME +SCOPE +CREATED +EXPIRES +LAST USED\n/,
  );
  const revoked = await cli.as('admin', 'token', 'revoke', 'bob', '-o', 'json');
  expect([revoked.code, json(revoked)]).toEqual([0, expect.objectContaining({ id: 'bob', scopes: ['act'] })]);
  expect(cli.daemon.asked).toEqual(['token bob act by admin', 'revoke bob by admin']);
  expect(await cli.as('admin', 'token', 'revoke', 'bob')).toMatchObject({ code: 64 });
  expect(await cli.as('admin', 'token', 'revoke', '../x')).toMatchObject({ code: 64 });
});

test('a token without the scope is refused, with the way out', async () => {
  for (const args of [['create'], ['list'], ['revoke', 'x']])
    expect(await cli.as('act', 'token', ...args)).toMatchObject({
      code: 77,
      stdout: '',
      stderr: expect.stringMatching(/lacks the scope "admin"[^]*--offline/),
    });
});

test('without a token, and with --offline, the ledger file is asked; both answer alike', async () => {
  const { cwd, audited } = machine();
  const first = await mendd(['token', 'create', '--name', 'ann', '--scope', 'admin', '-o', 'json'], { cwd });
  expect(first.code).toBe(0);
  const { id, secret } = json(first);
  expect(json(first)).toMatchObject({
    version: 1,
    name: 'ann',
    scopes: ['admin'],
    secret: expect.any(String),
  });
  const env = { MENDD_API: cli.url, MENDD_TOKEN: String(secret) };
  const listed = await mendd(['token', 'list', '--offline', '-o', 'ndjson'], { cwd, env });
  expect(json(listed)).toMatchObject({ id, name: 'ann' });
  // Unlike the file the daemon of this test does not know it.
  expect(await mendd(['token', 'list'], { cwd, env })).toMatchObject({ code: 77 });
  const gone = await mendd(['token', 'revoke', String(id)], { cwd });
  expect(gone).toMatchObject({ code: 0, stdout: `Token ${String(id)} of ann is worthless now.\n` });
  expect(await mendd(['token', 'revoke', String(id)], { cwd })).toMatchObject({ code: 64 });
  expect(audited()).toEqual(['token.revoked', 'token.created']);
  expect(cli.daemon.asked).toEqual([]);
});

test('where no daemon runs the file is asked, unless an address was given', async () => {
  const cwd = temporaryTree({
    'mendd.yaml': 'definitions: { path: . }\nstore: { path: ./mendd.db }\napi: { listen: "127.0.0.1:1" }\n',
  });
  const MENDD_TOKEN = 'mendd_of_yesterday';
  const made = await mendd(['token', 'create', '--name', 'ann'], { cwd, env: { MENDD_TOKEN } });
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('No daemon runs') });
  const named = { MENDD_TOKEN, MENDD_API: 'http://127.0.0.1:1' };
  expect(await mendd(['token', 'list'], { cwd, env: named })).toMatchObject({ code: 69, stdout: '' });
  const typed = await mendd(['token', 'list', '--api', cli.url], { cwd });
  expect(typed).toMatchObject({ code: 77, stdout: '' });
  const both = await mendd(['token', 'list', '--offline', '--api', cli.url], { cwd });
  expect(both).toMatchObject({ code: 64, stderr: expect.stringContaining('--offline asks no daemon') });
});
