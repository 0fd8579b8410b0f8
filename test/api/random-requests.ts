/** What the fuzz sends: random paths, bodies and headers, near enough to right ones to get somewhere. It asks nothing. */
import type { OutgoingHttpHeaders } from 'node:http';

export const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_121);
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

export const random = randomFrom(seed);
export const chance = (percent: number): boolean => random() * 100 < percent;
export function pick<T>(from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

export const texts = [
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
  '/api/v1/inventories/:name/accept': { reason: 'x', tag: 'x' },
  '/api/v1/results': { results: [{ host: 'web-1', check: 'job', exitCode: 2, output: 'x|a=1', ttl: '1h' }] },
  '/api/v1/alerts': {
    version: '4',
    alerts: [{ labels: { alertname: 'Up', host: 'web-1' }, status: 'firing' }],
  },
  '/api/v1/reload': { confirm: 'abcdef0' },
  '/api/v1/rollback': { reason: 'x', commit: 'abcdef0' },
  '/api/v1/plan': { directory: '/nonexistent' },
  '/api/v1/tokens': { name: 'x', scopes: ['read'], for: '1h' },
  '/api/v1/tokens/:id': {},
  '/api/v1/suppressions/:id': {},
  '/api/v1/session': { token: 'mendd_x' },
};

/** As it goes over the wire: raw where node allows it, else encoded. */
function encoded(text: string): string {
  if (chance(30) && /^[\x21-\x7e]*$/.test(text)) return text;
  return encodeURIComponent(text);
}

/** `theirs`: ids of what another made, by the part of the path where it lies. */
export function pathOf(path: string, theirs: Readonly<Record<string, string>>): string {
  const filled = path.replaceAll(/:\w+|\*/g, (part) => {
    if (part === ':id' && chance(60))
      return encoded(
        (chance(80) ? theirs[path.split('/')[3] ?? ''] : undefined) ?? pick(Object.values(theirs)),
      );
    return encoded(chance(70) ? pick([...names, 'all.svg', 'up.svg']) : pick(texts));
  });
  const query = Array.from({ length: chance(50) ? Math.floor(random() * 4) : 0 }, () => {
    const name = chance(85) ? pick(filters) : pick(texts);
    return `${encoded(name)}=${encoded(chance(50) ? pick(names) : pick(texts))}`;
  });
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
}

export function bodyOf(path: string): string | Buffer | undefined {
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

export function headersOf(): OutgoingHttpHeaders {
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
