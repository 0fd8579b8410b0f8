/** The API over a socket in the file system: who may do what there, what is left behind, and what is in the way. */

import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ApiClient } from '../../cli/client.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { startApi } from './api-server.ts';

async function startSocket() {
  const path = join(temporaryTree({}), 'api.sock');
  const api = await startApi();
  await api.api.listenOn(path);
  const client = (token?: string) => new ApiClient({ base: `unix:${path}` }, token);
  return { ...api, path, client };
}

test('who may open it may read; writing needs a token', async () => {
  const { client, daemon } = await startSocket();
  expect(await client().list('/api/v1/hosts')).toHaveLength(2);
  await expect(client().post('/api/v1/resume')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  await expect(client('guess').get('/api/v1/hosts')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  await expect(client(daemon.token('bob', 'read')).post('/api/v1/resume')).rejects.toThrow('lacks the scope');
  expect(daemon.asked).toEqual([]);
  await client(daemon.token('ann', 'act')).post('/api/v1/resume');
  expect(daemon.asked).toEqual(['resume by ann']);
});

test('it is for its owner and group', async () => {
  const { path } = await startSocket();
  expect((statSync(path).mode & 0o777).toString(8)).toBe('660');
});

test('it goes with the daemon, and one that a dead daemon left is replaced', async () => {
  const { api, daemon, path, client } = await startSocket();
  const closed = api.close();
  daemon.clock.advance(10_000);
  await closed;
  expect(existsSync(path)).toBe(false);
  await expect(client().get('/readyz')).rejects.toMatchObject({
    code: 'DAEMON_UNREACHABLE',
    message: expect.stringContaining('there is no such socket'),
  });
  // A process that dies without a word leaves the file.
  const left = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', left]);
  expect(existsSync(path)).toBe(true);
  const next = await startApi();
  await next.api.listenOn(path);
  expect(await client().list('/api/v1/hosts')).toHaveLength(2);
});

test('what somebody answers, and what is no socket, stays', async () => {
  const { path, client } = await startSocket();
  const second = await startApi();
  await expect(second.api.listenOn(path)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  expect(await client().list('/api/v1/hosts')).toHaveLength(2);
  const file = join(temporaryTree({}), 'file');
  writeFileSync(file, 'kept');
  await expect(second.api.listenOn(file)).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  expect(statSync(file).size).toBe(4);
  await expect(second.api.listenOn('/nonexistent/api.sock')).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: '/nonexistent/api.sock is in a directory that does not exist.',
  });
  await expect(second.api.listenOn(join(temporaryTree({}), 'x'.repeat(120)))).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
  });
});

test('a proxy before it makes the world no local reader', async () => {
  const { path } = await startSocket();
  const { request } = await import('node:http');
  const status = (headers: Record<string, string>) =>
    new Promise((resolve, reject) => {
      const sent = request({ socketPath: path, path: '/api/v1/hosts', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject).end();
    });
  expect(await status({ host: 'any.name.example' })).toBe(200);
  expect(await status({ 'x-forwarded-for': '203.0.113.9' })).toBe(401);
});

test('the public page and a registration need no address of who asks', async () => {
  const { daemon, path, client } = await startSocket();
  daemon.statusPage = { title: 'Example', labels: {}, names: false };
  const { request } = await import('node:http');
  const status = await new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, path: '/status' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject).end();
  });
  expect(status).toBe(200);
  const registering = client(daemon.token('fleet', 'register')).post('/api/v1/register', { name: 'web-9' });
  await expect(registering).rejects.toThrow('registration_off');
  expect(daemon.asked.at(-1)).toContain('from 127.0.0.1 by fleet');
});

test('an answer that is no HTTP is told as such', async () => {
  const path = join(temporaryTree({}), 'odd.sock');
  const odd = createServer((socket) => void socket.resume().end('SSH-2.0-odd\r\n'));
  await new Promise<void>((resolve) => odd.listen(path, resolve));
  await expect(new ApiClient({ base: `unix:${path}` }, undefined).get('/readyz')).rejects.toMatchObject({
    code: 'DAEMON_UNREACHABLE',
  });
  await new Promise((resolve) => odd.close(resolve));
});
