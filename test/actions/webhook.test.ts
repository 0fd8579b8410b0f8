import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { isPrivate } from '../../actions/http-request.ts';
import { sendWebhook, type WebhookRequest } from '../../actions/webhook.ts';
import { type Answer, startHttpServer } from '../support/http-server.ts';
import { secretOf } from './story.ts';

async function receiver(answer: Answer, options: { tls?: boolean } = {}) {
  const started = await startHttpServer(answer, options);
  onTestFinished(() => started.close());
  return started;
}

const body = { host: 'web-1', text: 'ü' };

function send(url: string, changes: Partial<WebhookRequest> = {}) {
  return sendWebhook({ url: secretOf(url), method: 'POST', body, timeoutMs: 5000, ...changes });
}

test('sends JSON once, with its key', async () => {
  const { url, seen } = await receiver((_, response) => response.writeHead(204).end());
  const sent = await send(`${url}/hook?token=t`, { idempotencyKey: 'web-1~a~ü' });
  expect(sent).toEqual({ ok: true, status: 204, text: 'HTTP 204', answer: '' });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    method: 'POST',
    path: '/hook?token=t',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'web-1~a~%C3%BC' },
  });
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual(body);
});

test('PUT, and user and password of the address', async () => {
  const { port, seen } = await receiver((_, response) => response.end('x'.repeat(5_000_000)));
  const sent = await send(`http://ops:p%40ss@127.0.0.1:${port}/`, { method: 'PUT' });
  expect(sent.ok).toBe(true);
  expect(seen[0]?.method).toBe('PUT');
  expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ops:p@ss').toString('base64')}`);
});

test('a user name that is no whole escape is sent as it stands', async () => {
  const { port, seen } = await receiver((_, response) => response.end());
  expect((await send(`http://ops:50%@127.0.0.1:${port}/`)).ok).toBe(true);
  expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ops:50%').toString('base64')}`);
});

test.each([
  [400, true],
  [401, false],
  [404, false],
  [408, false],
  [410, false],
  [413, true],
  [422, true],
  [425, false],
  [429, false],
  [500, false],
  [503, false],
])('HTTP %i: permanent is %s', async (status, permanent) => {
  const { url } = await receiver((_, response) => response.writeHead(status).end('words'));
  const answer = 'words';
  expect(await send(url)).toEqual({
    ok: false,
    error: `HTTP ${status}`,
    permanent,
    maybeArrived: true,
    answer,
  });
});

test('a redirect is refused: the body does not go where nobody configured', async () => {
  const { url, seen } = await receiver((_, response) => response.writeHead(307, { location: '/else' }).end());
  const sent = await send(url);
  expect(sent).toMatchObject({ ok: false, permanent: false });
  expect(sent).toMatchObject({ error: expect.stringContaining('redirects are not followed') });
  expect(seen).toHaveLength(1);
});

test.each([
  ['7', 7000],
  ['0', 0],
  ['soon', undefined],
  ['-5', undefined],
  [new Date(Date.now() + 90_000).toUTCString(), expect.closeTo(90_000, -4)],
  [new Date(Date.now() - 90_000).toUTCString(), 0],
])('Retry-After: %s', async (header, waitMs) => {
  const { url } = await receiver((_, response) => response.writeHead(429, { 'retry-after': header }).end());
  const sent = await send(url);
  expect(sent).toMatchObject({ ok: false, permanent: false });
  expect('retryAfterMs' in sent ? sent.retryAfterMs : undefined).toEqual(waitMs);
});

test('of an answer without end the beginning is read', async () => {
  const { url } = await receiver((_, response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const sent = await send(url);
  expect(sent.ok && sent.answer).toBe('x'.repeat(2048));
});

test('an answer that stalls behind its status counts', async () => {
  const { url } = await receiver((_, response) => void response.writeHead(200).write('be'));
  expect(await send(url)).toMatchObject({ ok: true, answer: 'be' });
});

test.each(['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '[::ffff:127.0.0.1]', '0.0.0.0'])(
  'allow_private: false never connects to %s',
  async (host) => {
    const { port, seen } = await receiver((_, response) => response.end());
    const sent = await send(`http://${host}:${port}/`, { allowPrivate: false });
    expect(sent).toMatchObject({
      ok: false,
      maybeArrived: false,
      error: expect.stringContaining('allow_private'),
    });
    expect(seen).toHaveLength(0);
  },
);

test.each([
  ['10.1.2.3', true],
  ['169.254.169.254', true],
  ['172.31.0.1', true],
  ['192.168.1.1', true],
  ['100.64.0.1', true],
  ['fd00::1', true],
  ['fe80::1', true],
  ['::ffff:10.0.0.1', true],
  ['64:ff9b::a00:1', true],
  ['224.0.0.1', true],
  ['255.255.255.255', true],
  ['172.32.0.1', false],
  ['9.9.9.9', false],
  ['2606:4700::1', false],
])('%s is private: %s', (address, expected) => {
  expect(isPrivate(address)).toBe(expected);
});

test('silence ends at the time limit', async () => {
  const { url, seen } = await receiver(() => undefined);
  const sent = await send(url, { timeoutMs: 1_000 });
  expect(sent).toEqual({ ok: false, error: 'no answer within 1 s', permanent: false, maybeArrived: true });
  expect(seen).toHaveLength(1);
});

test('a cancelled request says so', async () => {
  const { url } = await receiver(() => undefined);
  const controller = new AbortController();
  const sent = send(url, { signal: controller.signal });
  controller.abort();
  expect(await sent).toMatchObject({ ok: false, error: 'it was cancelled' });
});

test('nobody listens: it certainly did not arrive', async () => {
  const gone = await receiver(() => undefined);
  await gone.close();
  expect(await send(`${gone.url}/T1/secret-token`)).toEqual({
    ok: false,
    error: 'the request failed (ECONNREFUSED)',
    permanent: false,
    maybeArrived: false,
  });
});

test('a certificate nobody signed is refused before anything is sent', async () => {
  const { url, seen } = await receiver((_, response) => response.end(), { tls: true });
  expect(await send(url)).toMatchObject({
    ok: false,
    maybeArrived: false,
    error: expect.stringMatching(/CERT/),
  });
  expect(seen).toHaveLength(0);
});

test('a connection that closes without an answer may have taken it', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).on('data', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await send(`http://127.0.0.1:${port}`)).toMatchObject({ ok: false, maybeArrived: true });
});

test.each([
  'not a url secret-token',
  'ftp://secret-token.example.com/',
  'http://127.0.0.1:1/secret-token',
  'http://user:secret-token@127.0.0.1:1/',
  'https://secret-token.invalid/',
])('the address never shows: %#', async (url) => {
  const sent = await send(url);
  expect(sent.ok).toBe(false);
  expect(JSON.stringify(sent)).not.toContain('secret-token');
});
