import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { apiPath, forgetAnswers, get, send } from '../../dashboard/http/client.ts';

interface Asked {
  path: string;
  headers: Record<string, string>;
  body?: unknown;
}

const asked: Asked[] = [];
let answers: (Response | Error)[] = [];

function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

beforeEach(() => {
  asked.length = 0;
  forgetAnswers();
  vi.stubGlobal('fetch', async (path: string, { headers, body }: Omit<Asked, 'path'>) => {
    asked.push({ path, headers, body });
    const answer = answers.shift();
    if (answer instanceof Response) return answer;
    throw answer ?? new TypeError('fetch failed');
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  answers = [];
});

test('what has not changed is the same object, asked for by its tag', async () => {
  answers = [json({ n: 1 }, 200, { etag: '"a"' }), new Response(null, { status: 304 })];
  const first = await get('/api/v1/now');
  const second = await get('/api/v1/now');
  expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"a"']);
  expect(first.ok && second.ok && first.value === second.value).toBe(true);
});

test('a change has the mark against other sites, its tag, and a key of its own', async () => {
  answers = [json({}), json({})];
  await send('POST', '/api/v1/x', { reason: 'r' }, { ifMatch: 't1' });
  await send('POST', '/api/v1/x', { reason: 'r' }, { ifMatch: 't1' });
  const [one, two] = asked.map(({ headers }) => headers);
  expect(one).toMatchObject({ 'x-mendd-csrf': '1', 'if-match': '"t1"' });
  expect(one?.['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
  expect(two?.['idempotency-key']).not.toBe(one?.['idempotency-key']);
});

test('the same change asked for again after no answer has the same key; after an answer, or for another, a new one', async () => {
  answers = [new TypeError('cut'), json({}), json({}), json({ code: 'x', detail: 'no' }, 409), json({})];
  const lost = await send('POST', '/api/v1/pause', { reason: 'a' });
  expect(lost).toMatchObject({ ok: false, problem: { status: 0, code: 'no_answer' } });
  expect(lost.ok || lost.problem.detail).toContain('is not known');
  await send('POST', '/api/v1/pause', { reason: 'b' });
  await send('POST', '/api/v1/pause', { reason: 'a' });
  await send('POST', '/api/v1/pause', { reason: 'a' });
  await send('POST', '/api/v1/pause', { reason: 'a' });
  const keys = asked.map(({ headers }) => headers['idempotency-key']);
  expect(keys[2]).toBe(keys[0]);
  expect(new Set(keys).size).toBe(4);
});

test('what failed on the way, or is under way, keeps its key; what was answered does not', async () => {
  const failures = [
    new Response('<html>', { status: 502 }),
    json({ code: 'under_way' }, 409),
    json({ code: 'unknown' }, 500),
  ];
  answers = [...failures, json({ code: 'state_changed' }, 409), json({})];
  for (let time = 0; time < 5; time += 1) await send('POST', '/api/v1/run', { reason: 'kept' });
  const keys = asked.map(({ headers }) => headers['idempotency-key']);
  expect(keys.slice(1, 4)).toEqual([keys[0], keys[0], keys[0]]);
  expect(keys[4]).not.toBe(keys[0]);
});

const pause = (): Promise<unknown> => send('POST', '/api/v1/pause', { reason: 'minute' });

test('a minute after an answer was lost the same change is meant anew, for others may have undone it', async () => {
  vi.useFakeTimers();
  try {
    await pause();
    vi.advanceTimersByTime(59_000);
    await pause();
    vi.advanceTimersByTime(60_000);
    await pause();
    vi.setSystemTime(0);
    await pause();
  } finally {
    vi.useRealTimers();
  }
  const [one, two, three, four] = asked.map(({ headers }) => headers['idempotency-key']);
  expect(two).toBe(one);
  expect(new Set([two, three, four]).size).toBe(3);
});

test('a secret is not remembered for another attempt', async () => {
  answers = [new TypeError('cut'), json({})];
  await send('POST', '/api/v1/session', { token: 's' }, { isSecret: true });
  await send('POST', '/api/v1/session', { token: 's' }, { isSecret: true });
  expect(asked[0]?.headers['idempotency-key']).not.toBe(asked[1]?.headers['idempotency-key']);
});

test('every failure is a problem that can be shown', async () => {
  answers = [
    json({ code: 'approval_changed', detail: 'another by now', hint: 'look' }, 412),
    new Response('<html>', { status: 502 }),
    new DOMException('late', 'TimeoutError'),
    new Response(null, { status: 204 }),
  ];
  expect(await send('POST', '/a')).toMatchObject({ problem: { status: 412, code: 'approval_changed' } });
  expect(await get('/b')).toMatchObject({ problem: { status: 502, code: 'not_json' } });
  expect(await get('/c')).toEqual({
    ok: false,
    problem: { status: 0, code: 'too_late', detail: 'mendd did not answer in time.' },
  });
  expect(await send('DELETE', '/d')).toEqual({ ok: true, value: undefined });
});

test('names in a path cannot leave their place', () => {
  expect(apiPath`/api/v1/runs/${'../x?y#z'}/cancel`).toBe('/api/v1/runs/..%2Fx%3Fy%23z/cancel');
});
