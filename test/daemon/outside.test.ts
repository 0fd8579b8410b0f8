/** Hosts from outside in a whole daemon: they are checked, they survive a restart, and a person answers over the API. */
import { chmodSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { withLedger } from '../../cli/ledger-file.ts';
import type { Scope } from '../../core/types.ts';
import { RealDaemon } from '../support/real-daemon.ts';

const runbook = `runbook: worker
hosts: { env: lab }
every: 200ms
timeout: 5s
checks: { running: { run: 'echo up' } }
`;

const started: RealDaemon[] = [];

afterEach(async () => {
  for (const daemon of started.splice(0)) await daemon.remove();
});

async function prepare(options: Parameters<typeof RealDaemon.prepare>[1]): Promise<RealDaemon> {
  const daemon = await RealDaemon.prepare(runbook, options);
  started.push(daemon);
  return daemon;
}

interface Page<T> {
  items: T[];
}

async function tokenOf(daemon: RealDaemon, name: string, scope: Scope): Promise<string> {
  const wanted = { name, scopes: [scope], nowMs: Date.now() };
  const made = await withLedger({ config: daemon.configFile }, (tokens) => tokens.createToken(wanted));
  return made.secret;
}

async function hostsOf(daemon: RealDaemon): Promise<string[]> {
  return (await daemon.get<Page<{ name: string }>>('/api/v1/hosts')).items.map(({ name }) => name).sort();
}

async function post(
  daemon: RealDaemon,
  path: string,
  body: object,
  token: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { host, port } = daemon.app.address;
  return fetch(`http://${host}:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify(body),
  });
}

function inventory(daemon: RealDaemon, names: readonly string[]): void {
  const { address, port } = daemon.sshd;
  const vars = Object.fromEntries(names.map((name) => [name, { ansible_host: address, ansible_port: port }]));
  const list = JSON.stringify({ lab: { hosts: names }, _meta: { hostvars: vars } });
  daemon.write('ec2', `#!/bin/sh\ncat <<'END'\n${list}\nEND\n`);
  chmodSync(daemon.path('ec2'), 0o755);
}

test('hosts of a program are checked over SSH, stay over a restart, and few vanish at once', async () => {
  const daemon = await prepare({ hosts: 1 });
  inventory(daemon, ['lab-1', 'lab-2', 'lab-3']);
  daemon.write(
    'hosts/lab.yaml',
    'inventories: [{ name: ec2, exec: ec2, every: 10s, expire: 0ms, labels: { env: lab } }]\n',
  );
  await daemon.start();
  await daemon.event('state.changed', ({ host }) => host === 'lab-3');
  expect(await hostsOf(daemon)).toEqual(['lab-1', 'lab-2', 'lab-3', 'web-1']);
  await daemon.stop();

  // The program fails: what it told stays, from the first moment on.
  daemon.write('ec2', '#!/bin/sh\nexit 1\n');
  daemon.events.length = 0;
  await daemon.start();
  expect(await hostsOf(daemon)).toEqual(['lab-1', 'lab-2', 'lab-3', 'web-1']);
  await daemon.event('inventory.failed');
  expect(await hostsOf(daemon)).toHaveLength(4);
  await daemon.stop();

  // It tells one host alone: the others stay until a person lets them go.
  inventory(daemon, ['lab-1']);
  await daemon.start();
  await daemon.event('inventory.held');
  expect(await hostsOf(daemon)).toHaveLength(4);
  const { items } =
    await daemon.get<Page<{ held: { tag: string; vanished: string[] } }>>('/api/v1/inventories');
  expect(items[0]?.held.vanished).toEqual(['lab-2', 'lab-3']);
  const act = await tokenOf(daemon, 'ann', 'act');
  const accept = (tag: string) =>
    post(daemon, '/api/v1/inventories/ec2/accept', { tag, reason: 'scaled in' }, act);
  expect((await accept('other')).status).toBe(412);
  expect((await accept(items[0]?.held.tag ?? '')).status).toBe(200);
  await vi.waitFor(async () => expect(await hostsOf(daemon)).toEqual(['lab-1', 'web-1']));
});

test('a host registers itself, waits, is let in and checked; its token can do nothing else', async () => {
  const daemon = await prepare({ hosts: 1, daemon: 'registration: { expire: 1d }\n' });
  await daemon.start();
  const { address, port } = daemon.sshd;
  const host = await tokenOf(daemon, 'fleet', 'register');
  const admin = await tokenOf(daemon, 'ann', 'admin');
  const told = { name: 'new-1', address, port, labels: { env: 'lab' } };
  expect((await post(daemon, '/api/v1/pause', { reason: 'x' }, host)).status).toBe(403);
  expect((await post(daemon, '/api/v1/register', told, await tokenOf(daemon, 'actor', 'act'))).status).toBe(
    403,
  );
  expect((await post(daemon, '/api/v1/register', { ...told, name: 'web-1' }, host)).status).toBe(409);
  expect((await post(daemon, '/api/v1/register', { ...told, jump: 'x' }, host)).status).toBe(400);
  const hidden = { ...told, labels: { env: 'lab\u202egnp' } };
  expect((await post(daemon, '/api/v1/register', hidden, host)).status).toBe(400);
  const answer = await post(daemon, '/api/v1/register', told, host);
  expect([answer.status, await answer.json()]).toMatchObject([200, { name: 'new-1', status: 'pending' }]);
  expect(await hostsOf(daemon)).toEqual(['web-1']);
  const { items } = await daemon.get<Page<{ tag: string }>>('/api/v1/registrations');
  const answered = (headers: Record<string, string>) =>
    post(daemon, '/api/v1/registrations/new-1/admit', { reason: 'racked' }, admin, headers);
  expect((await answered({})).status).toBe(428);
  // Whoever has the token of the fleet tells another address, between the reading and the answer.
  await post(daemon, '/api/v1/register', { ...told, address: '127.0.0.2' }, host);
  expect((await answered({ 'if-match': `"${items[0]?.tag}"` })).status).toBe(412);
  expect(await hostsOf(daemon)).toEqual(['web-1']);
  await post(daemon, '/api/v1/register', told, host);
  const admit = await answered({ 'if-match': `"${items[0]?.tag}"` });
  expect([admit.status, await admit.json()]).toMatchObject([200, { status: 'admitted' }]);
  await daemon.event('state.changed', (event) => event.host === 'new-1');
  await daemon.stop();
  await daemon.start();
  expect(await hostsOf(daemon)).toEqual(['new-1', 'web-1']);
});

test('a file of hosts is read again when a person reloads', async () => {
  const daemon = await prepare({ hosts: 1 });
  daemon.write('lab.ini', 'lab-1 ansible_host=127.0.0.1\n');
  daemon.write('hosts/lab.yaml', 'inventories: [{ file: lab.ini, labels: { env: lab } }]\n');
  await daemon.start();
  expect(await hostsOf(daemon)).toEqual(['lab-1', 'web-1']);
  daemon.write('lab.ini', 'lab-1 ansible_host=127.0.0.1\nlab-2 ansible_host=127.0.0.1\n');
  expect(await daemon.app.daemon.reload({ by: 'ann' })).toMatchObject({ ok: true, problems: [] });
  expect(await hostsOf(daemon)).toEqual(['lab-1', 'lab-2', 'web-1']);
});
