/** Starting and stopping: addresses that cannot be had, and an end that is bounded whoever is connected. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Listeners } from '../../api/listeners.ts';
import { createApi } from '../../api/server.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { openSse } from '../support/sse.ts';
import { bearer, eventually, startApi } from './api-server.ts';

function newApi(daemon = new FakeDaemon()) {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  return createApi({ daemon, history: daemon.history, runs: daemon.runs, clock: daemon.clock, log });
}

test('a taken port is PORT_IN_USE, and the one who has it goes on', async () => {
  const { port, get } = await startApi();
  const second = newApi();
  await expect(second.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await second.close();
  expect((await get('/healthz')).text).toBe('ok\n');
});

test.each([
  ['192.0.2.1', 0],
  ['no-such-host.invalid', 0],
  ['127.0.0.1', 70_000],
])('an address that cannot be listened on is LISTEN_FAILED: %s:%i', async (host, port) => {
  const api = newApi();
  await expect(api.listen(host, port)).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: expect.stringContaining(`${host}:${port}`),
    hint: expect.stringContaining('api.listen'),
  });
  await api.close();
});

test('close ends an open stream at once and says so', async () => {
  const { api, daemon, url } = await startApi();
  const reader = await openSse(`${url}/api/v1/events`);
  await eventually(() => expect(daemon.listeners).toBe(1));
  await api.close();
  await reader.ended;
  expect(reader.messages.at(-1)?.event).toBe('closing');
  expect(daemon.listeners).toBe(0);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
});

test('close waits ten seconds for an answer in flight and no longer', async () => {
  const { api, daemon, send, url } = await startApi();
  let asked = false;
  daemon.checkNow = () => {
    asked = true;
    return new Promise(() => {});
  };
  const ann = bearer(daemon.token('ann', 'act'));
  const answer = send('POST', '/api/v1/checks/web-1/app.running/run', undefined, ann).catch(() => 'cut off');
  await eventually(() => expect(asked).toBe(true));
  let closed = false;
  async function closeAll(): Promise<void> {
    await api.close();
    closed = true;
  }
  const closing = closeAll();
  expect(await Promise.race([closing, answer, new Promise((resolve) => setImmediate(resolve, 'open'))])).toBe(
    'open',
  );
  daemon.clock.advance(9_999);
  // A round trip over the network: time enough for a connection that was destroyed to show.
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
  expect(closed).toBe(false);
  daemon.clock.advance(1);
  expect(await answer).toBe('cut off');
  await closing;
});

test('a request on a kept connection while closing gets a 503 that tells it to go', async () => {
  const { api, daemon, port } = await startApi();
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  const gone = new Promise((resolve) => socket.on('close', resolve));
  let release: (() => void) | undefined;
  let asked = false;
  daemon.checkNow = () => {
    asked = true;
    return new Promise((resolve) => {
      release = () => resolve({ kind: 'rejected', status: 409, code: 'late', message: 'late' });
    });
  };
  const authorization = `Authorization: Bearer ${daemon.token('ann', 'act')}`;
  const head = 'HTTP/1.1\r\nHost: localhost\r\n';
  socket.write(
    `POST /api/v1/checks/web-1/app.running/run ${head}${authorization}\r\nContent-Length: 0\r\n\r\n`,
  );
  await eventually(() => expect(asked).toBe(true));
  const closing = api.close();
  socket.write(`GET /api/v1/hosts ${head}\r\n`);
  release?.();
  await gone;
  expect(text).toMatch(/^HTTP\/1\.1 409 [^]*connection: close/i);
  await closing;
});

test('close may be called twice, and before listen', async () => {
  const api = newApi();
  const [first, second] = [api.close(), api.close()];
  expect(second).toBe(first);
  await first;
});

test('what is not HTTP is answered and cut off', async () => {
  const { port } = await startApi();
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  const gone = new Promise((resolve) => socket.on('close', resolve));
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`);
  await gone;
  expect(text).toContain('HTTP/1.1 431');
  expect(text).toContain('application/problem+json');
});

test('connections are bounded in number, size and time', async () => {
  const server = new Listeners().create(() => {});
  expect(server).toMatchObject({
    maxConnections: 1_000,
    maxHeadersCount: 100,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 5_000,
    timeout: 60_000,
  });
});
