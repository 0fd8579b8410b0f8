/** Who may read: the socket's address, the Host header, tokens; and what happens to those who guess. */
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { isLoopback, isOwnName } from '../../api/access.ts';
import { createApi } from '../../api/server.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { bearer, startApi } from './api-server.ts';

/** fetch forbids a Host header of one's own. */
function getAs(
  port: number,
  host: string,
  headers: Record<string, string> = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', path: '/api/v1/hosts', headers: { host, ...headers } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    sent.on('error', reject).end();
  });
}

test('a stranger’s name for this box is refused (DNS rebinding); its own names are not', async () => {
  const { port, daemon } = await startApi();
  for (const own of ['127.0.0.1', `localhost:${port}`, '[::1]:80', '127.9.9.9', 'LOCALHOST']) {
    expect([own, await getAs(port, own)]).toEqual([own, 200]);
  }
  for (const other of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:80',
    '10.0.0.1',
    'a b',
  ]) {
    expect([other, await getAs(port, other)]).toEqual([other, 403]);
  }
  const { authorization } = bearer(daemon.token('grafana', 'read'));
  expect(await getAs(port, 'mendd.example', { authorization })).toBe(200);
});

test('the public name is an own name, unless a proxy must stand behind it', async () => {
  const daemon = new FakeDaemon();
  const started = (publicUrl: string) => startApi(daemon, { publicUrl });
  const direct = await started('http://ops.example.com:8420');
  expect(await getAs(direct.port, 'ops.example.com:8420')).toBe(200);
  expect(await getAs(direct.port, 'evil.example')).toBe(403);
  // TLS is spoken by somebody else: nobody knows who asks.
  const proxied = await started('https://ops.example.com');
  expect(await getAs(proxied.port, 'ops.example.com')).toBe(401);
  expect(await getAs(proxied.port, 'ops.example.com', bearer(daemon.token('ann', 'read')))).toBe(200);
  expect(await getAs(proxied.port, '127.0.0.1')).toBe(200);
});

test('a proxy on this box does not make the world local', async () => {
  const { get, daemon } = await startApi();
  for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host']) {
    const answer = await get('/api/v1/hosts', { [header]: '127.0.0.1' });
    expect([header, answer.status]).toEqual([header, 401]);
  }
  const token = bearer(daemon.token('grafana', 'read'));
  expect((await get('/api/v1/hosts', { 'x-forwarded-for': '203.0.113.9', ...token })).status).toBe(200);
});

test('from another address reading needs a token, and a forwarded header does not help', async () => {
  const other = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
  // A machine with no address but loopback has nobody to refuse; the rule itself is tested below.
  if (other === undefined) return;
  const daemon = new FakeDaemon();
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const api = createApi({ daemon, history: daemon.history, runs: daemon.runs, clock: daemon.clock, log });
  const { port } = await api.listen('0.0.0.0', 0);
  try {
    const status = async (path: string, headers = {}) =>
      (await fetch(`http://${other}:${port}${path}`, { headers })).status;
    expect(await status('/api/v1/hosts')).toBe(401);
    expect(await status('/metrics')).toBe(401);
    expect(await status('/api/v1/hosts', { 'x-forwarded-for': '127.0.0.1' })).toBe(401);
    expect(await status('/api/v1/hosts', bearer(daemon.token('grafana', 'read')))).toBe(200);
    expect(await status('/healthz')).toBe(200);
  } finally {
    await api.close();
  }
});

test('loopback is an address, not a look', () => {
  expect(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  const others = ['10.0.0.1', '::ffff:10.0.0.1', '127.0.0.1.evil', '1127.0.0.1', '::2', '', undefined];
  expect(others.map(isLoopback)).toEqual(others.map(() => false));
  expect(isOwnName('ops-box:8420', ['Ops-Box'])).toBe(true);
  expect(isOwnName(undefined, ['127.0.0.1'])).toBe(true);
  expect(isOwnName('', ['127.0.0.1'])).toBe(false);
});

test('a wrong token is refused even where none is needed', async () => {
  const { get } = await startApi();
  expect((await get('/api/v1/hosts', bearer('guess'))).status).toBe(401);
  expect((await get('/healthz', bearer('guess'))).status).toBe(200);
});

test('guessing is limited, and a valid token from the same address is not', async () => {
  const { get, daemon } = await startApi();
  for (let each = 0; each < 30; each += 1) {
    expect((await get('/api/v1/hosts', bearer(`guess-${each}`))).status).toBe(401);
  }
  const over = await get('/api/v1/hosts', bearer('one-more'));
  expect(over.status).toBe(429);
  expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await get('/api/v1/hosts', bearer(daemon.token('ann', 'read')))).status).toBe(200);
  expect((await get('/api/v1/hosts')).status).toBe(200);
});

test('answers carry strict headers and no framework name', async () => {
  const { get } = await startApi();
  const { headers } = await get('/api/v1/hosts');
  expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('access-control-allow-origin')).toBeNull();
  expect(headers.get('x-powered-by')).toBeNull();
});
