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
