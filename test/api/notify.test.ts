import { expect, test } from 'vitest';
import { bearer, startApi } from './api-server.ts';

test('targets are listed by name, and a test tells what came of it', async () => {
  const { daemon, get, send } = await startApi();
  daemon.notifyList = [
    { name: 'chat', kind: 'slack' },
    { name: 'mail', kind: 'smtp', to: 'ops@example.com' },
  ];
  expect((await get('/api/v1/notify')).json.items).toEqual(daemon.notifyList);
  const ann = bearer(daemon.token('ann', 'act'));
  const sent = await send('POST', '/api/v1/notify/chat/test', undefined, ann);
  expect(sent.status).toBe(200);
  expect(sent.json).toEqual({ target: 'chat', kind: 'slack', ok: true, answer: 'ok', tookMs: 12 });
  daemon.notifyAnswer = { ok: false, error: 'HTTP 403', answer: 'no_service', tookMs: 3 };
  expect((await send('POST', '/api/v1/notify/chat/test', {}, ann)).json).toMatchObject({
    ok: false,
    error: 'HTTP 403',
    answer: 'no_service',
  });
  expect(daemon.asked).toEqual(['notify test chat by ann', 'notify test chat by ann']);
});

test('no such target, no such right, no such key', async () => {
  const { daemon, send } = await startApi();
  const path = '/api/v1/notify/chat/test';
  expect((await send('POST', path, {}, bearer(daemon.token('ann', 'act')))).status).toBe(404);
  expect((await send('POST', path, {}, bearer(daemon.token('eve', 'ack')))).status).toBe(403);
  expect((await send('POST', path, {})).status).toBe(401);
  expect((await send('POST', path, { to: 'x' }, bearer(daemon.token('bob', 'act')))).status).toBe(400);
  expect(daemon.asked).toEqual(['notify test chat by ann']);
});

test('messages are listed newest first by what became of them, and are sent again by who may act', async () => {
  const { daemon, get, send } = await startApi();
  const messageOf = (id: string, status: 'waiting' | 'sent' | 'dead', target = 'oncall') => ({
    id,
    key: `k${id}`,
    target,
    kind: 'problem' as const,
    host: 'web-1',
    ladder: 'app.restart',
    subject: '[mendd] web-1',
    status,
    createdAtMs: daemon.clock.nowMs(),
    attempts: 3,
    ...(status === 'waiting' ? { nextAttemptAtMs: daemon.clock.nowMs() + 60_000 } : {}),
    ...(status === 'dead' ? { lastError: 'HTTP 500' } : {}),
  });
  daemon.messageList = [messageOf('3', 'dead'), messageOf('2', 'waiting', 'mail'), messageOf('1', 'sent')];
  const idsOf = async (query: string): Promise<unknown> =>
    (await get(`/api/v1/messages${query}`)).json.items.map(({ id }: { id: string }) => id);
  expect(await idsOf('')).toEqual(['3', '2', '1']);
  expect(await idsOf('?status=dead')).toEqual(['3']);
  expect(await idsOf('?status=waiting&target=mail')).toEqual(['2']);
  const first = await get('/api/v1/messages?limit=2');
  expect(await idsOf(`?limit=2&cursor=${String(first.json.next)}`)).toEqual(['1']);
  expect(first.json.items[0]).toMatchObject({ status: 'dead', lastError: 'HTTP 500', attempts: 3 });
  expect((await get('/api/v1/messages?status=lost')).status).toBe(400);
  const ann = bearer(daemon.token('ann', 'act'));
  expect(
    (await send('POST', '/api/v1/messages/3/retry', {}, bearer(daemon.token('eve', 'ack')))).status,
  ).toBe(403);
  const dry = await send('POST', '/api/v1/messages/3/retry?dry_run=true', {}, ann);
  expect([dry.status, dry.json.status]).toEqual([200, 'waiting']);
  expect(daemon.asked).toEqual([]);
  expect((await send('POST', '/api/v1/messages/3/retry', {}, ann)).status).toBe(200);
  expect(daemon.asked).toEqual(['retry 3 by ann']);
  expect((await send('POST', '/api/v1/messages/1/retry', {}, ann)).status).toBe(409);
  expect((await send('POST', '/api/v1/messages/9/retry', {}, ann)).status).toBe(404);
  expect((await send('POST', '/api/v1/messages/x/retry', {}, ann)).status).toBe(400);
  daemon.asked.length = 0;
  const dismiss = '/api/v1/messages/3/dismiss';
  expect((await send('POST', dismiss, {}, bearer(daemon.token('joe', 'ack')))).status).toBe(403);
  const wouldRest = await send('POST', `${dismiss}?dry_run=true`, {}, ann);
  expect([wouldRest.status, wouldRest.json.status]).toEqual([200, 'dismissed']);
  expect(daemon.asked).toEqual([]);
  expect((await send('POST', dismiss, {}, ann)).json).toMatchObject({ id: '3', status: 'dismissed' });
  expect(daemon.asked).toEqual(['dismiss 3 by ann']);
  const refused = ['2', '1', '9', 'x'].map((id) => send('POST', `/api/v1/messages/${id}/dismiss`, {}, ann));
  expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([409, 409, 404, 400]);
});

test('dead messages are dismissed together, up to what was seen', async () => {
  const { daemon, send } = await startApi();
  const ann = bearer(daemon.token('ann', 'act'));
  const path = '/api/v1/messages/dismiss';
  expect((await send('POST', path, { upTo: '7' }, bearer(daemon.token('eve', 'ack')))).status).toBe(403);
  expect((await send('POST', path, {}, ann)).json.errors[0].pointer).toBe('#/upTo');
  expect((await send('POST', path, { upTo: 'x' }, ann)).status).toBe(400);
  expect((await send('POST', `${path}?dry_run=true`, { upTo: '7' }, ann)).json).toEqual({ dismissed: 0 });
  expect(daemon.asked).toEqual([]);
  await send('POST', path, { upTo: '7' }, ann);
  await send('POST', path, { upTo: '7', target: 'mail' }, ann);
  expect(daemon.asked).toEqual(['dismiss up to 7 of all by ann', 'dismiss up to 7 of mail by ann']);
});

test('who would be told is asked with a severity or as it stands', async () => {
  const { daemon, get } = await startApi();
  daemon.routeLadders = [
    {
      ladder: 'app.restart',
      runbook: 'app',
      routes: [{ route: 'web', taken: true, why: 'it matches' }],
      targets: [{ target: 'oncall', route: 'web', quietEndsAtMs: daemon.clock.nowMs(), waitMs: 30_000 }],
      told: [{ target: 'oncall', route: 'web', sinceMs: daemon.clock.nowMs(), hold: 'quiet' }],
    },
  ];
  const answer = await get('/api/v1/notify/route/web-1/app.running?severity=warning');
  expect(answer.json).toMatchObject({ host: 'web-1', check: 'app.running', severity: 'warning' });
  expect(answer.json.ladders[0].targets[0].quietEndsAt).toMatch(/^\d{4}-.*Z$/);
  expect(answer.json.ladders[0].told[0]).toMatchObject({ hold: 'quiet' });
  expect((await get('/api/v1/notify/route/web-9/app.running')).status).toBe(404);
  expect((await get('/api/v1/notify/route/web-1/app.running?severity=fatal')).status).toBe(400);
});

test('a scrape tells what waits, what was sent and what was given up', async () => {
  const { get } = await startApi();
  const { text } = await get('/metrics');
  expect(text).toContain('mendd_messages{status="waiting"} 2');
  expect(text).toContain('mendd_messages{status="dead"} 1');
  expect(text).toContain('mendd_message_oldest_waiting_seconds 90');
});
