/** Tokens through the API of a whole daemon: made, listed without secrets, revoked, and on record. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWhole, type WholeDaemon } from './whole-daemon.ts';

let whole: WholeDaemon;
let root: string;

beforeAll(async () => {
  whole = await startWhole('runbook: app\nhosts: [web-1]\nevery: 1h\nchecks: { up: { run: "true" } }\n');
  root = whole.ledger.createToken({ name: 'root', scopes: ['admin'], nowMs: Date.now() }).secret;
});

afterAll(() => whole?.stop());

async function ask(method: string, path: string, body?: object, token = root, headers = {}) {
  const response = await fetch(`http://127.0.0.1:${whole.app.address.port}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined && method !== 'DELETE' ? {} : { body: JSON.stringify(body ?? {}) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: JSON.parse(text), headers: response.headers };
}

function events(): { event: string; actor: string; body: Record<string, unknown> }[] {
  return whole.ledger.auditEntries({ limit: 50 }).items.filter(({ event }) => event.startsWith('token.'));
}

test('a token is made, used and made worthless, and each of it is on record', async () => {
  const made = await ask('POST', 'tokens', { name: 'grafana', scopes: ['read', 'submit'], for: '90d' });
  expect([made.status, made.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(made.json).toMatchObject({
    name: 'grafana',
    scopes: ['read', 'submit'],
    expiresAt: expect.any(String),
  });
  const { id, secret } = made.json;
  expect((await ask('GET', 'hosts', undefined, secret)).status).toBe(200);
  expect((await ask('GET', 'tokens', undefined, secret)).status).toBe(403);

  const list = await ask('GET', 'tokens');
  expect(list.json.items.map(({ name }: { name: string }) => name).toSorted()).toEqual(['grafana', 'root']);
  expect(list.text).not.toMatch(/secret|hash|mendd_/);

  const revoked = await ask('DELETE', `tokens/${id}`);
  expect([revoked.status, revoked.json.id]).toEqual([200, id]);
  expect((await ask('GET', 'hosts', undefined, secret)).status).toBe(401);
  expect((await ask('DELETE', `tokens/${id}`)).status).toBe(404);
  expect(events().map(({ event, actor, body }) => [event, actor, body['name']])).toEqual([
    ['token.revoked', 'person:root', 'grafana'],
    ['token.created', 'person:root', 'grafana'],
  ]);
  expect(JSON.stringify(events())).not.toContain(secret);
});

test('a dry run makes none and revokes none', async () => {
  const before = whole.ledger.tokens().length;
  const made = await ask('POST', 'tokens?dry_run=true', { name: 'dry', scopes: ['read'] });
  expect([made.status, made.json.secret]).toEqual([200, undefined]);
  const [{ id } = { id: '' }] = whole.ledger.tokens();
  expect((await ask('DELETE', `tokens/${id}?dry_run=true`)).status).toBe(200);
  expect(whole.ledger.tokens().length).toBe(before);
});

test('a secret is kept for no repeat', async () => {
  const keyed = await ask('POST', 'tokens', { name: 'a', scopes: ['read'] }, root, {
    'idempotency-key': '"k"',
  });
  expect([keyed.status, keyed.json.code]).toEqual([400, 'header_unsupported']);
});

test.each([
  [{ scopes: ['read'] }, '#/name'],
  [{ name: '<b>', scopes: ['read'] }, '#/name'],
  [{ name: 'a', scopes: [] }, '#/scopes'],
  [{ name: 'a', scopes: ['root'] }, '#/scopes/0'],
  [{ name: 'a', scopes: ['read', 'read'] }, '#/scopes'],
  [{ name: 'a', scopes: ['read'], for: '1h', until: '2099-01-01T00:00:00Z' }, '#/for'],
  [{ name: 'a', scopes: ['read'], until: '2020-01-01T00:00:00Z' }, '#/until'],
  [{ name: 'a', scopes: ['read'], expires: '1h' }, '#/expires'],
])('%j is no token', async (body, pointer) => {
  const { status, json } = await ask('POST', 'tokens', body);
  expect([status, json.errors?.[0]?.pointer]).toEqual([400, pointer]);
});
