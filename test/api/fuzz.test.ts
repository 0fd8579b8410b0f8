/**
 * Random requests to every route of a whole daemon on a real store: whatever comes, no answer is a failure of its own, every refusal
 * is a problem, and without the scope nothing is written. `FUZZ_SEED=n` repeats a run.
 */
import { Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Scope } from '../../core/types.ts';
import { startWhole, type WholeDaemon } from './whole-daemon.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_121);
/** All of it must be over by then, whatever the machine does meanwhile. */
const budgetMs = 8_000;
const rounds = 40;
/** However long they take. */
const fewest = 4;

/** mulberry32: small, seeded, and random enough to pick with. */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomFrom(seed);
const chance = (percent: number): boolean => random() * 100 < percent;
function pick<T>(from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

const texts = [
  '',
  ' ',
  '0',
  '-1',
  '1e999',
  'NaN',
  'null',
  'true',
  '%',
  '%00',
  '%ff',
  '%2e%2e%2f',
  '../../etc/passwd',
  "' OR 1=1 --",
  '__proto__',
  'constructor',
  'toString',
  '${7*7}',
  '{{ 7 }}',
  '<script>',
  '\u202e',
  '💥',
  'a'.repeat(300),
  'x'.repeat(2_000),
  '*'.repeat(200),
  `${'*a'.repeat(120)}b`,
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '0000-01-01T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '1h',
  '366d',
  '99999999999d',
  'Pg',
  'PndlYi0x',
  '9007199254740993',
  '18446744073709551616',
  'fleet',
  'label:role=web',
  'host',
  'GET',
];
const names = 'web-1 web-2 app.up app.fix app up fleet 01J00000000000000000000000 Ann'.split(' ');
const filters =
  'limit cursor state host check action since until at after label dry_run step stale problems status kind perHost fields entries __proto__ constructor x'.split(
    ' ',
  );
const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  2 ** 53,
  [],
  {},
  [[[]]],
  { a: { b: {} } },
  [null],
  ...texts,
  ...names,
];

const fleet = { hosts: ['*'] };
/** What each route takes, so that not every request fails at its shape; what else is in them is broken one by one. */
const bodies: Record<string, object> = {
  '/api/v1/pause': { reason: 'x', for: '1h' },
  '/api/v1/silences': { match: fleet, reason: 'x', for: '1h' },
  '/api/v1/downtimes': {
    match: fleet,
    reason: 'x',
    schedule: '0 2 * * 0',
    timezone: 'Europe/Berlin',
    lasts: '2h',
  },
  '/api/v1/acknowledgements': { host: 'web-1', check: 'app.up', reason: 'x', sticky: true },
  '/api/v1/register': { name: 'web-9', address: '10.0.0.9', port: 22, user: 'x', labels: { role: 'web' } },
  '/api/v1/inventories/{name}/accept': { reason: 'x', tag: 'x' },
  '/api/v1/results': { results: [{ host: 'web-1', check: 'job', exitCode: 2, output: 'x|a=1', ttl: '1h' }] },
  '/api/v1/alerts': {
    version: '4',
    alerts: [{ labels: { alertname: 'Up', host: 'web-1' }, status: 'firing' }],
  },
  '/api/v1/reload': { confirm: 'abcdef0' },
  '/api/v1/rollback': { reason: 'x', commit: 'abcdef0' },
  '/api/v1/plan': { directory: '/nonexistent' },
  '/api/v1/tokens': { name: 'x', scopes: ['read'], for: '1h' },
  '/api/v1/session': { token: 'mendd_x' },
};

interface Route {
  method: string;
  path: string;
  scope: Scope | undefined;
}

interface Answer {
  status: number;
  type: string;
  text: string;
}

const runbook = `runbook: app
hosts: [web-1, web-2]
every: 1h
checks:
  up: { run: "true", timeout: 1s }
  job: { passive: { ttl: 26h } }
  told: { alert: { match: { alertname: Up } } }
actions:
  fix: { run: "true", when: { check: up, state: [critical] } }
`;

let app: WholeDaemon['app'];
let ledger: WholeDaemon['ledger'];
let whole: WholeDaemon;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

beforeAll(async () => {
  whole = await startWhole(runbook);
  ({ app, ledger } = whole);
});

afterAll(async () => {
  agent.destroy();
  await whole?.stop();
});

function ask(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const { host, port } = app.address;
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent, timeout: 15_000 }, (response) => {
      const status = response.statusCode ?? 0;
      const type = response.headers['content-type'] ?? '';
      const chunks: Buffer[] = [];
      const done = (): void => resolve({ status, type, text: Buffer.concat(chunks).toString() });
      // A stream does not end by itself.
      if (type.startsWith('text/event-stream')) {
        done();
        response.destroy();
        return;
      }
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', done)
        .on('error', done);
    });
    // A body that is too large may be cut off before all of it was sent.
    sent.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ECONNRESET'
        ? resolve({ status: 413, type: 'application/problem+json', text: '{"status":413}' })
        : reject(error),
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.end(body);
  });
}

/** As it goes over the wire: raw where node allows it, else encoded. */
function encoded(text: string): string {
  if (chance(30) && /^[\x21-\x7e]*$/.test(text)) return text;
  return encodeURIComponent(text);
}

function pathOf(path: string): string {
  const filled = path.replaceAll(/\{\w+\}/g, () => encoded(chance(70) ? pick(names) : pick(texts)));
  const query = Array.from({ length: chance(50) ? Math.floor(random() * 4) : 0 }, () => {
    const name = chance(85) ? pick(filters) : pick(texts);
    return `${encoded(name)}=${encoded(chance(50) ? pick(names) : pick(texts))}`;
  });
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
}

function bodyOf(path: string): string | Buffer | undefined {
  if (chance(10)) return undefined;
  if (chance(3)) return 'x'.repeat(pick([70_000, 1_000_000]));
  if (chance(5)) return Buffer.from(Array.from({ length: 50 }, () => Math.floor(random() * 256)));
  if (chance(5)) return '['.repeat(20_000);
  if (chance(10)) return JSON.stringify(pick(values));
  const body: Record<string, unknown> = { ...(bodies[path] ?? { reason: 'x' }) };
  if (chance(40)) body[pick(Object.keys(body))] = pick(values);
  if (chance(10)) body[pick([...Object.keys(body), ...filters])] = pick(values);
  const text = JSON.stringify(body);
  return chance(5) ? text.replace('{', '{"__proto__":{"a":1},') : text;
}

function headersOf(): OutgoingHttpHeaders {
  const text = (): string => pick(texts).replaceAll(/[^\x20-\x7e]/g, '?');
  const headers: OutgoingHttpHeaders = { 'content-type': 'application/json' };
  if (chance(10))
    headers['content-type'] = pick([
      'text/plain',
      'application/xml',
      'application/json; charset=x',
      'a',
      text() || 'b',
    ]);
  if (chance(20)) headers['if-match'] = chance(50) ? `"${text()}"` : text();
  if (chance(10)) headers['if-none-match'] = text();
  if (chance(10)) headers['last-event-id'] = text();
  if (chance(10)) headers['cookie'] = chance(50) ? `mendd_session=${text()}` : text();
  if (chance(10)) headers['x-mendd-csrf'] = chance(70) ? '1' : text();
  if (chance(5)) headers['origin'] = chance(50) ? 'https://evil.example' : text();
  if (chance(20)) headers['idempotency-key'] = chance(60) ? `key-${Math.floor(random() * 20)}` : text();
  if (chance(5)) headers['accept'] = text();
  if (chance(5)) headers['content-encoding'] = 'gzip';
  if (chance(3)) headers['x-long'] = 'y'.repeat(12_000);
  return headers;
}

/** Changes are limited by token: each round has one of its own. */
function tokenOf(scope: Scope): string {
  return ledger.createToken({ name: `fuzz ${random()}`, scopes: [scope], nowMs: Date.now() }).secret;
}

async function routesOf(): Promise<Route[]> {
  const { text } = await ask('GET', '/openapi.json', {});
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { 'x-scope'?: Scope }>> };
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => ({
      method: method.toUpperCase(),
      path,
      scope: route['x-scope'],
    })),
  );
  return [...documented, { method: 'GET', path: '/openapi.json', scope: 'read' }];
}

test('no request makes the daemon fail', async () => {
  const routes = await routesOf();
  expect(routes.length).toBeGreaterThan(50);
  const deadline = Date.now() + budgetMs;
  const seen = new Map<number, number>();
  let done = 0;
  for (; done < rounds && (done < fewest || Date.now() < deadline); done += 1) {
    const admin = tokenOf('admin');
    const asked = routes.map(async ({ method, path }) => {
      const route = `${chance(3) ? pick(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST']) : method} ${pathOf(path)}`;
      const [verb = '', ...rest] = route.split(' ');
      const secret = chance(95) ? admin : pick(texts).replaceAll(/[^\x20-\x7e]/g, '?');
      const body = method === 'GET' ? undefined : bodyOf(path);
      const answer = await ask(
        verb,
        rest.join(' '),
        { ...headersOf(), authorization: `Bearer ${secret}` },
        body,
      );
      return { route, body: String(body).slice(0, 300), answer };
    });
    for (const { route, body, answer } of await Promise.all(asked)) {
      const about = `seed ${seed}: ${route} ${body} -> ${answer.status} ${answer.text.slice(0, 300)}`;
      expect(answer.status, about).toBeGreaterThanOrEqual(200);
      // 503: what the daemon says itself, such as no repository to be reached.
      expect(answer.status < 500 || answer.status === 503, about).toBe(true);
      if (answer.status >= 400) {
        expect(answer.type, about).toContain('application/problem+json');
        expect(JSON.parse(answer.text).status, about).toBe(answer.status);
      }
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    }
  }
  // Requests got as far as the daemon, and were not all refused for their shape.
  expect(seen.get(200) ?? 0).toBeGreaterThan(done * 5);
  expect(seen.get(404) ?? 0).toBeGreaterThan(done);
  expect((await ask('GET', '/healthz', {})).status).toBe(200);
});

test('nothing is written without the scope, whatever is sent', async () => {
  // Signing in and out writes a cookie alone.
  const routes = (await routesOf()).filter(({ method, scope }) => method !== 'GET' && scope !== undefined);
  const before = ledger.auditHead();
  const deadline = Date.now() + 3_000;
  for (let round = 0; round < 10 && Date.now() < deadline; round += 1) {
    const reader = tokenOf('read');
    const asked = routes.map(async ({ method, path }) => {
      const isReader = chance(70);
      // By its header or by a session: a reader is a reader.
      const byHeader = chance(50);
      const session = { cookie: `mendd_session=${reader}`, 'x-mendd-csrf': '1' };
      const credential = byHeader ? { authorization: `Bearer ${reader}` } : session;
      const headers = { ...headersOf(), ...(isReader ? credential : {}) };
      const { status } = await ask(method, pathOf(path), headers, bodyOf(path));
      return [method, path, status] as const;
    });
    for (const [method, path, status] of await Promise.all(asked))
      expect([401, 403, 404, 405, 413, 414, 429, 400, 431], `seed ${seed}: ${method} ${path}`).toContain(
        status,
      );
  }
  expect(ledger.auditHead()).toEqual(before);
});
