/** Every route there is, and who may use it: no token, one with too little, one with enough. */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import type { Scope } from '../../core/types.ts';
import { bearer, startApi } from './api-server.ts';
import { registeredRoutes } from './registered-routes.ts';

/** Whoever adds a route says here who may use it. */
const scopes: Record<string, Scope | 'open' | 'session'> = {
  'GET /': 'open',
  'GET /approvals': 'open',
  'GET /assets/*': 'open',
  'GET /definitions': 'open',
  'GET /hosts': 'open',
  'GET /hosts/*': 'open',
  'GET /incidents/*': 'open',
  'GET /runs': 'open',
  'GET /runs/*': 'open',
  'GET /sign-in': 'open',
  'GET /silences': 'open',
  'GET /badges/:host': 'open',
  'GET /badges/:host/:check': 'open',
  'GET /healthz': 'open',
  'GET /status': 'open',
  'GET /metrics': 'read',
  'GET /openapi.json': 'read',
  'GET /readyz': 'read',
  'POST /api/v1/acknowledgements': 'ack',
  'POST /api/v1/alerts': 'submit',
  'POST /api/v2/alerts': 'submit',
  'POST /api/v1/results': 'submit',
  'GET /api/v1/approvals': 'read',
  'GET /api/v1/approvals/:id': 'read',
  'POST /api/v1/approvals/:id/approve': 'act',
  'POST /api/v1/approvals/:id/reject': 'act',
  'GET /api/v1/audit': 'admin',
  'GET /api/v1/audit/verify': 'admin',
  'GET /api/v1/brakes': 'read',
  'POST /api/v1/brakes/:scope/release': 'act',
  'GET /api/v1/checks': 'read',
  'GET /api/v1/checks/:host/:check': 'read',
  'GET /api/v1/checks/:host/:check/history': 'read',
  'GET /api/v1/checks/:host/:check/rollups': 'read',
  'POST /api/v1/checks/:host/:check/run': 'act',
  'GET /api/v1/config': 'read',
  'GET /api/v1/coverage': 'read',
  'GET /api/v1/decisions': 'read',
  'GET /api/v1/definitions': 'read',
  'POST /api/v1/downtimes': 'ack',
  'GET /api/v1/events': 'read',
  'GET /api/v1/explain': 'read',
  'GET /api/v1/hosts': 'read',
  'GET /api/v1/hosts/:host': 'read',
  'POST /api/v1/hosts/:host/actions/:action/run': 'act',
  'GET /api/v1/hosts/:host/actions/:action/run': 'read',
  'GET /api/v1/hosts/:host/facts': 'read',
  'GET /api/v1/hosts/:host/origin': 'read',
  'GET /api/v1/inventories': 'read',
  'POST /api/v1/inventories/:name/accept': 'act',
  'GET /api/v1/notify': 'read',
  'POST /api/v1/notify/:name/test': 'act',
  'POST /api/v1/messages/:id/dismiss': 'act',
  'POST /api/v1/messages/dismiss': 'act',
  'GET /api/v1/notify/route/:host/:check': 'read',
  'GET /api/v1/messages': 'read',
  'POST /api/v1/messages/:id/retry': 'act',
  'GET /api/v1/now': 'read',
  'GET /api/v1/outcomes': 'read',
  'POST /api/v1/pause': 'act',
  'GET /api/v1/pause': 'read',
  'POST /api/v1/plan': 'admin',
  'POST /api/v1/rearm': 'admin',
  'POST /api/v1/register': 'register',
  'GET /api/v1/registrations': 'read',
  'POST /api/v1/registrations/:name/admit': 'admin',
  'POST /api/v1/registrations/:name/reject': 'admin',
  'POST /api/v1/reload': 'admin',
  'POST /api/v1/resume': 'act',
  'POST /api/v1/rollback': 'admin',
  'GET /api/v1/runs': 'read',
  'GET /api/v1/runs/:id': 'read',
  'POST /api/v1/runs/:id/cancel': 'act',
  'DELETE /api/v1/session': 'session',
  'GET /api/v1/session': 'open',
  'POST /api/v1/session': 'session',
  'GET /api/v1/brakes/:scope': 'read',
  'GET /api/v1/runbooks': 'read',
  'GET /api/v1/runbooks/:name': 'read',
  'GET /api/v1/suppressions/:id': 'read',
  'POST /api/v1/silences': 'ack',
  'GET /api/v1/suppressions': 'read',
  'GET /api/v1/silences': 'read',
  'GET /api/v1/downtimes': 'read',
  'GET /api/v1/acknowledgements': 'read',
  'DELETE /api/v1/suppressions/:id': 'ack',
  'GET /api/v1/tokens': 'admin',
  'POST /api/v1/tokens': 'admin',
  'DELETE /api/v1/tokens/:id': 'admin',
  'GET /api/v1/transitions': 'read',
  'GET /api/v1/trust': 'read',
  'POST /api/v1/trust/:action/promote': 'admin',
};

/** The strongest scopes that are still too weak. */
const weaker: Record<Scope, Scope[]> = {
  read: ['register', 'submit'],
  ack: ['read', 'register', 'submit'],
  act: ['read', 'ack', 'register', 'submit'],
  admin: ['read', 'ack', 'act', 'register', 'submit'],
  register: ['read', 'ack', 'act', 'submit'],
  submit: ['read', 'ack', 'act', 'register'],
};

const reason = { reason: 'drill' };

test('the table above names every route and its scope', async () => {
  const { routes } = await registeredRoutes(startApi);
  const found = new Map([...routes].map(([name, { config }]) => [name, config?.scope]));
  const expected = { ...scopes };
  // Each read answers HEAD as well, but for the stream, which would not end.
  for (const [route, scope] of Object.entries(scopes))
    if (route.startsWith('GET ') && route !== 'GET /api/v1/events')
      expected[route.replace('GET', 'HEAD')] = scope;
  expect(Object.fromEntries(found)).toEqual(expected);
  const unsafe = [...found].filter(
    ([route, scope]) => !/^(GET|HEAD) /.test(route) && (scope === 'open' || scope === 'read'),
  );
  expect(unsafe).toEqual([]);
});

test('a wrong method on a path is 405 with those it takes, for who may read; nobody else hears of it', async () => {
  const methods = new Map<string, string[]>();
  for (const route of (await registeredRoutes(startApi)).routes.keys()) {
    const [method = '', url = ''] = route.split(' ');
    const path = pathOf(url);
    methods.set(path, [...(methods.get(path) ?? []), method].toSorted());
  }
  const { daemon, send } = await startApi();
  const reader = bearer(daemon.token('reader', 'read'));
  for (const [path, taken] of methods)
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (taken.includes(method)) continue;
      const { status, headers, text } = await send(method, `${path}?x=1`, undefined, reader);
      expect([method, path, status, headers.get('allow')]).toEqual([method, path, 405, taken.join(', ')]);
      expect(headers.get('content-type')).toContain('application/problem+json');
      if (method !== 'HEAD') expect(JSON.parse(text)).toMatchObject({ status, code: 'method_not_allowed' });
    }
  expect(daemon.asked).toEqual([]);
  const stranger = { 'x-forwarded-for': '203.0.113.9' };
  for (const [path, scope] of [
    ['/api/v1/hosts', 'submit'],
    ['/healthz', 'register'],
    ['/api/v1/nothing', 'submit'],
  ] as const) {
    const none = await send('PUT', path, undefined, stranger);
    const weak = await send('PUT', path, undefined, bearer(daemon.token(scope, scope)));
    expect([path, none.status, none.headers.get('allow')]).toEqual([path, 401, null]);
    expect([path, weak.status, weak.headers.get('allow')]).toEqual([path, 403, null]);
  }
});

test('every change can be asked dry', async () => {
  const changes = [...(await registeredRoutes(startApi)).routes].filter(
    ([name]) => !/^(GET|HEAD) /.test(name),
  );
  expect(changes.length).toBeGreaterThan(25);
  const without = changes.filter(([, { schema }]) => {
    const query = schema?.querystring as z.ZodObject | undefined;
    return query?.shape?.['dry_run'] === undefined;
  });
  expect(without.map(([name]) => name)).toEqual([]);
});

function pathOf(url: string): string {
  const path = url.replace(':action', 'app.restart').replace(':check', 'app.running');
  return path.replaceAll(/:\w+/g, 'web-1');
}

const guarded = Object.entries(scopes).filter(
  (each): each is [string, Scope] => each[1] !== 'open' && each[1] !== 'session',
);

test.each(guarded)('%s needs the scope %s', async (route, scope) => {
  const [method = '', url = ''] = route.split(' ');
  const path = pathOf(url);
  const { daemon, get, send } = await startApi();
  const reads = method === 'GET';
  const ask = (headers: Record<string, string> = {}) =>
    reads ? get(path, headers) : send(method, path, reason, headers);

  const guess = await ask(bearer('guess'));
  expect([guess.status, guess.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('invalid_token'),
  ]);
  expect((await ask({ authorization: 'Basic dTpw' })).status).toBe(401);
  // From loopback, as everything here: a change is never free, and a read not through a proxy.
  const none = await ask(scope === 'read' ? { 'x-forwarded-for': '203.0.113.9' } : {});
  expect([none.status, none.json.code]).toEqual([401, 'token_needed']);
  const weak = await ask(bearer(daemon.token('weak', ...weaker[scope])));
  expect([weak.status, weak.json.code]).toEqual([403, 'scope_missing']);
  expect(weak.headers.get('www-authenticate')).toContain('insufficient_scope');
  expect(daemon.asked).toEqual([]);

  // The stream of events has tests of its own: it does not end.
  if (path === '/api/v1/events') return;
  for (const [name, enough] of [
    ['own', scope],
    ['root', 'admin'],
  ] as const) {
    const answer = await ask(bearer(daemon.token(name, enough)));
    expect([name, answer.status]).toEqual([name, expect.any(Number)]);
    expect([401, 403, 405, 500]).not.toContain(answer.status);
  }
});

test('what is open is open to all, and tells nothing', async () => {
  const { get } = await startApi();
  for (const [route, scope] of Object.entries(scopes)) {
    if (scope !== 'open') continue;
    const { status, text } = await get(route.split(' ')[1] ?? '', { 'x-forwarded-for': '203.0.113.9' });
    // Nothing that is watched, nor any person, has its name in what strangers get.
    expect([route, status, text]).toEqual([
      route,
      expect.any(Number),
      expect.not.stringMatching(/web-|app\.|ann/),
    ]);
    expect([200, 404, 503]).toContain(status);
  }
});
