/** `mendd serve` and the commands that ask it, by a port with TLS, by a socket, and as the daemon file says. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openLedgerBeside } from '../../store/open.ts';
import { makePair } from '../support/certificates.ts';
import { assertBuilt, mendd, menddFile, serve } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

beforeAll(assertBuilt);

function treeWith(api: string): string {
  return temporaryTree({
    'mendd.yaml': `definitions: { path: . }\nstore: { path: ./mendd.db }\napi: ${api}\n`,
    'hosts/ops.yaml': 'hosts: { ops: { transport: local } }\n',
    'runbooks/slow.yaml': 'runbook: slow\nhosts: [ops]\nevery: 1h\nchecks: { up: { run: "true" } }\n',
  });
}

function freshSocket(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-socket-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'api.sock');
}

test('a daemon without a port is found by its file', async () => {
  const file = join(treeWith(`{ listen: none, socket: ${freshSocket()} }`), 'mendd.yaml');
  await serve(file);
  const hosts = await mendd(['hosts', '--config', file]);
  expect([hosts.code, hosts.stdout]).toEqual([0, expect.stringContaining('ops')]);
});

test('status, doctor and a change over TLS and over the socket', async () => {
  const socket = freshSocket();
  const root = treeWith(
    `{ listen: "127.0.0.1:0", socket: ${socket}, tls: { certificate: cert.pem, key: key.pem }, public_url: "https://ops.example.com" }`,
  );
  const file = join(root, 'mendd.yaml');
  const pair = makePair(root, 'first');
  copyFileSync(pair.certificate, join(root, 'cert.pem'));
  copyFileSync(pair.key, join(root, 'key.pem'));
  chmodSync(join(root, 'key.pem'), 0o600);
  const made = await mendd(['token', 'create', '--name', 'ann', '--scope', 'act', '--config', file]);
  const env = { MENDD_TOKEN: made.stdout.trim() };
  const ledger = openLedgerBeside(join(root, 'mendd.db'), Date.now());
  onTestFinished(() => ledger.close());
  expect(ledger.auditEntries({ limit: 1 }).items).toMatchObject([
    { event: 'token.created', body: { name: 'ann', scopes: ['act'], expiresAtMs: null } },
  ]);
  const served = await serve(file);
  const port = new URL(served.api).port;

  const [bySocket, byPort] = [`unix:${socket}`, `https://127.0.0.1:${port}`];
  const trust = join(root, 'cert.pem');
  const [local, far, byNode, distrusted, paused, refused, doctor, audit] = await Promise.all([
    mendd(['hosts', '--api', bySocket]),
    mendd(['hosts', '--api', byPort, '--ca', trust]),
    mendd(['hosts', '--api', byPort], { env: { NODE_EXTRA_CA_CERTS: trust } }),
    mendd(['hosts', '--api', byPort]),
    mendd(['pause', '--reason', 'drill', '--api', bySocket], { env }),
    mendd(['resume', '--api', bySocket]),
    mendd(['doctor', '--config', file, '--api', bySocket]),
    mendd(['audit', 'verify', '--api', byPort, '--ca', trust], { env }),
  ]);
  for (const { code, stdout, stderr } of [local, far, byNode])
    expect([code, stdout, stderr]).toEqual([0, expect.stringContaining('ops'), '']);
  expect([distrusted.code, distrusted.stderr]).toEqual([69, expect.stringContaining('--ca')]);
  // The daemon answers; its scope is not enough.
  expect([audit.code, audit.stderr]).toEqual([77, expect.stringContaining('admin')]);
  expect([paused.code, refused.code]).toEqual([0, 77]);
  expect(doctor.stdout).toContain('the certificate of the API can be used');
  expect(await served.stop()).toBe(0);
  expect(existsSync(socket)).toBe(false);
});

test('what cannot be used is told at start: the certificate, the socket', async () => {
  const tls = treeWith('{ listen: "127.0.0.1:0", tls: { certificate: none.pem, key: none.pem } }');
  const socket = treeWith('{ listen: none, socket: /nonexistent/api.sock }');
  const [refused, failed] = await Promise.all(
    [tls, socket].map((root) => mendd(['serve', '--config', join(root, 'mendd.yaml')])),
  );
  expect([refused?.code, refused?.stderr]).toEqual([78, expect.stringContaining('none.pem cannot be read')]);
  expect([failed?.code, failed?.stderr]).toEqual([
    77,
    expect.stringContaining('a directory that does not exist'),
  ]);
});

test('a socket that this user may not open is a question of rights, not of a daemon that is away', async () => {
  const directory = temporaryTree({});
  const server = createServer();
  await new Promise<void>((done) => server.listen(join(directory, 'api.sock'), done));
  onTestFinished(() => void server.close());
  chmodSync(join(directory, 'api.sock'), 0);
  chmodSync(directory, 0o755);
  const isRoot = process.getuid?.() === 0;
  const args = [menddFile, 'hosts', '--api', `unix:${directory}/api.sock`];
  // Root may open everything: somebody else asks.
  const asked = spawnSync(process.execPath, args, {
    cwd: '/',
    encoding: 'utf8',
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  });
  expect([asked.status, asked.stderr]).toEqual([77, expect.stringContaining('this user may not open it')]);
  expect(asked.stderr).not.toContain('mendd serve');
});
