/** The files of the page: which paths are its own, under which policy, for how long they are kept, and that no other file gets out. */
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { startApi } from './api-server.ts';

function startPage() {
  const directory = temporaryTree({
    'page/index.html': '<!doctype html><title>page</title>',
    'page/assets/main-3f9c.js': 'console.log(1)',
    'page/assets/.hidden': 'hidden content',
    'page/notes.txt': 'the secret',
    'secret.txt': 'the secret',
  });
  return startApi(new FakeDaemon(), { pageDirectory: `${directory}/page` });
}

/** fetch would tidy the path up. */
function rawGet(port: number, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('error', reject).end();
  });
}

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

test('every path of the page is the same page, to anybody, under its policy', async () => {
  const { get } = await startPage();
  const paths = ['/', '/hosts', '/hosts/web-1', '/incidents/web-1/app.running', '/runs/a~b', '/sign-in'];
  for (const path of [...paths, '/approvals', '/silences', '/definitions', '/runs', '/?x=1']) {
    const { status, text, headers } = await get(path, { 'x-forwarded-for': '203.0.113.9' });
    expect([path, status, text]).toEqual([path, 200, '<!doctype html><title>page</title>']);
    expect(headers.get('content-type')).toContain('text/html');
    expect(headers.get('content-security-policy')).toBe(policy);
    expect(headers.get('cache-control')).toBe('private, no-cache');
  }
  const { headers } = await get('/');
  expect((await get('/', { 'if-none-match': headers.get('etag') ?? '' })).status).toBe(304);
});

test('assets are kept by browsers: their names change with them', async () => {
  const { get, send } = await startPage();
  const { status, text, headers } = await get('/assets/main-3f9c.js');
  expect([status, text]).toEqual([200, 'console.log(1)']);
  expect(headers.get('content-type')).toContain('javascript');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(headers.get('content-security-policy')).toBe(policy);
  const head = await send('HEAD', '/assets/main-3f9c.js');
  expect([head.status, head.text, head.headers.get('content-length')]).toEqual([200, '', '14']);
  expect((await send('HEAD', '/hosts/web-1')).status).toBe(200);
});

test('scripts and styles are sent packed to who can unpack them', async () => {
  const code = 'console.log("packed");\n'.repeat(1_000);
  const directory = temporaryTree({ 'index.html': '', 'assets/big.js': code, 'assets/dot.png': code });
  const { get, send } = await startApi(new FakeDaemon(), { pageDirectory: directory });
  const ask = (path: string, encodings: string) => get(path, { 'accept-encoding': encodings });
  const smaller = await ask('/assets/big.js', 'br, gzip');
  expect([smaller.text, smaller.headers.get('content-encoding')]).toEqual([code, 'gzip']);
  expect(smaller.headers.get('vary')).toBe('accept-encoding');
  expect(smaller.headers.get('cache-control')).toContain('immutable');
  const whole = await ask('/assets/big.js', 'identity');
  expect([whole.text, whole.headers.get('content-encoding')]).toEqual([code, null]);
  expect(whole.headers.get('content-length')).toBe(String(code.length));
  expect((await ask('/assets/dot.png', 'gzip')).headers.get('content-encoding')).toBeNull();
  expect((await send('HEAD', '/assets/big.js', undefined, { 'accept-encoding': 'gzip' })).status).toBe(200);
  const part = await get('/assets/big.js', { range: 'bytes=0-10', 'accept-encoding': 'gzip' });
  expect([part.status, part.text]).toEqual([206, code.slice(0, 11)]);
});

test('no other file gets out, however its path is written', async () => {
  const { port } = await startPage();
  const paths = [
    '/assets/../notes.txt',
    '/assets/..%2fnotes.txt',
    '/assets/%2e%2e/notes.txt',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.txt',
    '/assets/..\\notes.txt',
    '/assets//etc/passwd',
    '/assets/%2fetc%2fpasswd',
    '/assets/.hidden',
    '/assets/main-3f9c.js%00.txt',
    '/assets/',
    '/assets/.',
    '/assets/none.js',
    `/assets/${'a'.repeat(600)}`,
    '/notes.txt',
    '/index.html',
    '/../secret.txt',
  ];
  for (const path of paths) {
    const { status, text } = await rawGet(port, path);
    expect([path, [400, 403, 404].includes(status)]).toEqual([path, true]);
    expect(text).not.toMatch(/the secret|hidden content|root:/);
    expect([path, JSON.parse(text)]).toEqual([path, expect.objectContaining({ status })]);
  }
});

test('what the API does not have is a problem, not the page', async () => {
  const { get } = await startPage();
  for (const path of ['/api/v1/nothing', '/api', '/hostses', '/incidents']) {
    const { status, headers, json } = await get(path);
    expect([path, status, headers.get('content-type')?.split(';')[0], json.code]).toEqual([
      path,
      404,
      'application/problem+json',
      'route_unknown',
    ]);
  }
});

test('a page that was not built says so', async () => {
  const missing = `${temporaryTree({})}/none`;
  for (const more of [{}, { pageDirectory: missing }]) {
    const { get } = await startApi(new FakeDaemon(), more);
    const { status, text } = await get('/');
    expect([status, text]).toEqual([503, expect.stringContaining('it was not built')]);
    expect((await get('/assets/a.js')).status).toBe(404);
  }
});
