/** The session of the page: what its cookie is worth, when it ends, and that no other site can use it. */
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { startMs } from '../support/fake-views.ts';
import { bearer, startApi, type TestApi } from './api-server.ts';

const path = '/api/v1/session';
const csrf = { 'x-mendd-csrf': '1' };

async function signIn({ send }: TestApi, token: string, headers: Record<string, string> = {}) {
  const answer = await send('POST', path, { token }, headers);
  const line = answer.headers.get('set-cookie') ?? '';
  return { ...answer, line, cookie: { cookie: line.split(';', 1)[0] ?? '' } };
}

/** As a browser that knows the daemon by this name; fetch forbids a Host header of one's own. */
function setCookieFor(port: number, host: string, token: string): Promise<string> {
  const headers = { host, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path, method: 'POST', headers }, (response) => {
      response.resume();
      resolve(String(response.headers['set-cookie']));
    });
    sent.on('error', reject).end(JSON.stringify({ token }));
  });
}

test('a token is exchanged for a cookie that scripts cannot read and other sites cannot send', async () => {
  const api = await startApi();
  const secret = api.daemon.token('ann', 'act');
  const { status, line, json, cookie, headers } = await signIn(api, secret);
  expect(status).toBe(200);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(json).toEqual({
    name: 'ann',
    scopes: ['read', 'ack', 'act'],
    signedIn: true,
    canRead: true,
    version: '0.1.0',
  });
  expect(line).toBe(`mendd_session=${secret}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Strict`);
  // From behind a proxy nothing but the session lets it read.
  const away = { ...cookie, 'x-forwarded-for': '203.0.113.9' };
  expect((await api.get('/api/v1/hosts', away)).status).toBe(200);
  expect((await api.get(path, away)).json).toEqual(json);
  const paused = await api.send('POST', '/api/v1/pause', { reason: 'drill' }, { ...cookie, ...csrf });
  expect([paused.status, api.daemon.asked]).toEqual([200, ['pause by ann']]);
});

test('the cookie ends with its token, and is for TLS alone where people come by TLS', async () => {
  const daemon = new FakeDaemon();
  const api = await startApi(daemon, { publicUrl: 'http://ops.example.com' });
  const secret = 'mendd_short';
  const token = { id: 'ann', name: 'ann', scopes: ['read' as const], createdAtMs: startMs };
  daemon.secrets.set(secret, { ...token, expiresAtMs: startMs + 3_600_000 });
  expect((await signIn(api, secret)).line).toContain('Max-Age=3600;');

  const { port } = await startApi(daemon, { publicUrl: 'https://ops.example.com' });
  const lines = await Promise.all(
    ['ops.example.com', '127.0.0.1'].map((host) => setCookieFor(port, host, secret)),
  );
  expect(lines[0]).toContain('; Secure');
  expect(lines[1]).not.toContain('Secure');
});

test('who is nobody: no name, no scopes, and reading only from here', async () => {
  const { get } = await startApi();
  expect((await get(path)).json).toEqual({ scopes: [], signedIn: false, canRead: true, version: '0.1.0' });
  const away = await get(path, { 'x-forwarded-for': '203.0.113.9' });
  expect([away.status, away.json.canRead]).toEqual([200, false]);
  const unknown = await get(path, { cookie: 'mendd_session=guess' });
  expect([unknown.status, unknown.json.signedIn]).toEqual([200, false]);
});

test('scopes: each with those it implies', async () => {
  const { get, daemon } = await startApi();
  const scopesOf = async (secret: string) => (await get(path, bearer(secret))).json;
  expect(await scopesOf(daemon.token('root', 'admin'))).toMatchObject({
    scopes: ['read', 'ack', 'act', 'admin', 'register', 'submit'],
    canRead: true,
  });
  expect(await scopesOf(daemon.token('fleet', 'register'))).toMatchObject({
    scopes: ['register'],
    canRead: false,
  });
});

test('a wrong token signs nobody in, and guessing is limited', async () => {
  const api = await startApi();
  for (let each = 0; each < 30; each += 1) {
    const { status, line, json } = await signIn(api, `guess-${each}`);
    expect([status, line, json.code]).toEqual([401, '', 'token_needed']);
  }
  expect((await signIn(api, 'one-more')).status).toBe(429);
  expect((await signIn(api, api.daemon.token('ann', 'read'))).status).toBe(200);
  for (const body of [undefined, {}, { token: '' }, { token: 7 }, { token: 'x'.repeat(257) }]) {
    const answer = await api.send('POST', path, body);
    expect([answer.status, answer.json.errors?.length]).toEqual([400, 1]);
  }
  expect(JSON.stringify(api.logged)).not.toContain('guess');
});

test.each([
  ['bearer token', (guess: string) => bearer(guess)],
  ['cookie', (guess: string) => ({ cookie: `mendd_session=${guess}` })],
])('asking who one is by a guessed %s is limited like every guess', async (kind, headersOf) => {
  const { get, daemon } = await startApi();
  for (let each = 0; each < 30; each += 1) {
    const { status, json, headers } = await get(path, headersOf(`guess-${each}`));
    expect([status, json.signedIn, json.canRead]).toEqual([200, false, kind === 'cookie']);
    expect(headers.get('set-cookie') !== null).toBe(kind === 'cookie');
  }
  const over = await get(path, headersOf('one-more'));
  expect([over.status, over.json.code]).toEqual([429, 'too_many_requests']);
  expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
  // The guesses are counted together, and bind nobody who is known or says nothing.
  expect((await get('/api/v1/hosts', headersOf('another'))).status).toBe(429);
  expect((await get(path)).status).toBe(200);
  expect((await get(path, headersOf(daemon.token('ann', 'act')))).json.signedIn).toBe(true);
});

test('a revoked token ends the session, and the cookie goes', async () => {
  const api = await startApi();
  const secret = api.daemon.token('ann', 'act');
  const { cookie } = await signIn(api, secret);
  api.daemon.secrets.delete(secret);
  const refused = await api.get('/api/v1/hosts', cookie);
  expect([refused.status, refused.headers.get('set-cookie')]).toEqual([
    401,
    'mendd_session=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Strict',
  ]);
  expect((await api.get(path, cookie)).json.signedIn).toBe(false);
  expect((await api.send('POST', '/api/v1/resume', undefined, { ...cookie, ...csrf })).status).toBe(401);
  expect(api.daemon.asked).toEqual([]);
});

test('signing out takes the cookie away', async () => {
  const api = await startApi();
  const { cookie } = await signIn(api, api.daemon.token('ann', 'read'));
  const { status, text, headers } = await api.send('DELETE', path, undefined, cookie);
  expect([status, text]).toEqual([204, '']);
  expect(headers.get('set-cookie')).toContain('mendd_session=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970');
});

test('a change by a session must come from the page itself; a token needs none of that', async () => {
  const api = await startApi(new FakeDaemon(), { publicUrl: 'https://ops.example.com' });
  const secret = api.daemon.token('ann', 'act');
  const { cookie } = await signIn(api, secret);
  const resume = (headers: Record<string, string>) => api.send('POST', '/api/v1/resume', undefined, headers);
  const foreign: Record<string, string>[] = [
    {},
    { 'x-mendd-csrf': '0' },
    { ...csrf, origin: 'https://evil.example' },
    { ...csrf, origin: 'null' },
    { ...csrf, origin: `${api.url}1` },
    { ...csrf, 'sec-fetch-site': 'cross-site' },
    { ...csrf, 'sec-fetch-site': 'same-site' },
    { ...csrf, 'sec-fetch-site': 'none' },
  ];
  for (const headers of foreign) {
    const { status, json } = await resume({ ...cookie, ...headers });
    expect([headers, status, json.code]).toEqual([headers, 403, 'csrf']);
    const withToken = await resume({ ...bearer(secret), ...cookie, ...headers });
    expect([headers, withToken.status]).toEqual([headers, 200]);
  }
  const before = api.daemon.asked.length;
  for (const origin of [api.url, 'https://ops.example.com'])
    expect((await resume({ ...cookie, ...csrf, origin, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  expect(api.daemon.asked.length).toBe(before + 2);
});

test('no other site can sign a browser in or out', async () => {
  const api = await startApi();
  const secret = api.daemon.token('ann', 'read');
  const strangers: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
  ];
  for (const headers of strangers) {
    expect(await signIn(api, secret, headers)).toMatchObject({ status: 403, line: '' });
    const out = await api.send('DELETE', path, undefined, headers);
    expect([out.status, out.headers.get('set-cookie')]).toEqual([403, null]);
  }
});

test('odd cookies are no session, and nothing fails of them', async () => {
  const { get } = await startApi();
  for (const cookie of [
    'mendd_session',
    '=',
    ';;;',
    'mendd_session=%E0%A4%A',
    `a=${'b'.repeat(4000)}`,
    '__proto__=x',
  ]) {
    const { status } = await get('/api/v1/hosts', { cookie });
    expect([cookie.slice(0, 30), [200, 401].includes(status)]).toEqual([cookie.slice(0, 30), true]);
  }
});
