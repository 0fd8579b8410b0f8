/** `mendd events` and the stream below it, as refused, cut and silent daemons make them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ApiClient } from '../../cli/client.ts';
import { assertBuilt, menddFile } from '../support/mendd.ts';

const deadline = { interval: 20 };

async function serving(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Following {
  child: ChildProcess;
  text: () => string;
  ended: Promise<number | null>;
}

function events(at: string, ...args: string[]): Following {
  assertBuilt();
  const env = { PATH: process.env['PATH'] ?? '', MENDD_API: at };
  const child = spawn(process.execPath, [menddFile, 'events', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, text: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
}

function problem(status: number, detail: string): RequestListener {
  return (_asked, answer) =>
    void answer
      .writeHead(status, { 'content-type': 'application/problem+json' })
      .end(JSON.stringify({ detail }));
}

const stream = { 'content-type': 'text/event-stream' };

const event = (id: number): string =>
  `id: ${id}\nevent: x.y\ndata: ${JSON.stringify({ id, at: '2026-03-01T02:41:00Z', type: 'x.y', data: { id } })}\n\n`;

test.each([
  [400, 64, 'types: there is no such type'],
  [405, 64, 'It does not take GET.'],
  [401, 77, 'This token is worth nothing.'],
  [503, 75, '500 event streams are open already.'],
])('a refusal (%d) is told in its own words, with its exit code', async (status, code, words) => {
  const { ended, text } = events(await serving(problem(status, words)));
  expect([await ended, text()]).toEqual([code, expect.stringContaining(`mendd: ${words}`)]);
  expect(text()).not.toContain('mendd serve');
});

test('what is no stream is not mendd, and is not followed', async () => {
  const at = await serving((_request, answer) => void answer.end('<html>Welcome</html>'));
  const { ended, text } = events(at);
  expect([await ended, text()]).toEqual([69, expect.stringContaining(`What answers at ${at} is not mendd.`)]);
});

test('after a cut no room is waited for, and a token that is worth nothing any more ends it', async () => {
  const asked: string[] = [];
  const at = await serving((request, answer) => {
    asked.push(request.url ?? '');
    if (asked.length === 1) return void answer.writeHead(200, stream).write(event(7), () => answer.destroy());
    return problem(asked.length === 2 ? 503 : 401, asked.length === 2 ? 'full' : 'worthless')(
      request,
      answer,
    );
  });
  const { ended, text } = events(at);
  expect(await ended).toBe(77);
  expect(text()).toContain('worthless');
  expect(asked.slice(1)).toEqual(['/api/v1/events?after=7', '/api/v1/events?after=7']);
});

test('what happens during a cut before the first event is not lost', async () => {
  const asked: (string | null)[] = [];
  const at = await serving((request, answer) => {
    asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('after'));
    answer.writeHead(200, stream);
    // As the daemon answers who names an event that it does not know.
    if (asked.length === 1)
      return void answer.write('retry: 3000\n\nevent: reset\ndata: {"lastEventId":41}\n\n', () =>
        answer.destroy(),
      );
    return void answer.write(event(42));
  });
  const { child, text, ended } = events(at);
  await vi.waitFor(() => expect(text()).toContain('id=42'), deadline);
  expect(asked[1]).toBe('41');
  expect(text()).not.toContain('reset');
  child.kill('SIGINT');
  expect(await ended).toBe(0);
});

test('a peer that says nothing any more is a cut', async () => {
  const at = await serving((_request, answer) => void answer.writeHead(200, stream).write(event(1)));
  const client = new ApiClient({ base: at }, undefined);
  let heard = '';
  const following = client.follow(
    '/api/v1/events',
    new AbortController().signal,
    (text) => (heard += text),
    1_000,
  );
  await expect(following).rejects.toMatchObject({
    code: 'DAEMON_UNREACHABLE',
    message: expect.stringContaining('nothing was heard for 1 s'),
  });
  expect(heard).toContain('id: 1');
});
