/** `dry_run=true` on every change of a whole daemon: judged as the real thing is, and nothing comes of it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWhole, type WholeDaemon } from './whole-daemon.ts';

let whole: WholeDaemon;
let url: string;
let token: string;

beforeAll(async () => {
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
  whole = await startWhole(runbook, 'notify: { own: { exec: { path: /bin/true } } }\n');
  url = `http://127.0.0.1:${whole.app.address.port}`;
  token = whole.ledger.createToken({ name: 'ann', scopes: ['admin'], nowMs: Date.now() }).secret;
});

afterAll(() => whole?.stop());

interface Answer {
  status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are judged by the tests, not typed
  json: any;
}

async function ask(method: string, path: string, body?: object, headers = {}): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
  });
  const text = await response.text();
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
}

/** What changes by itself. */
const volatile = ['lastUsedAt', 'requestId', 'unhealthy'];
let keys = 0;

/** All that a change could leave behind. */
async function traces(): Promise<object> {
  const reads = [
    'suppressions',
    'approvals',
    'registrations',
    'brakes',
    'trust',
    'pause',
    'runs',
    'config',
    'tokens',
  ];
  const answers = await Promise.all(reads.map((name) => ask('GET', `/api/v1/${name}`)));
  const told = answers.map(({ json }) =>
    JSON.stringify(json, (key, value: unknown) => (volatile.includes(key) ? '' : value)),
  );
  return { head: whole.ledger.auditHead(), told };
}

async function dryThenReal(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<{ dry: Answer; real: Answer }> {
  const before = await traces();
  const keyed = { ...headers, 'idempotency-key': `"${(keys += 1)}"` };
  const dry = await ask(method, `${path}?dry_run=true`, body, keyed);
  expect([path, await traces()]).toEqual([path, before]);
  // The key of a dry run is not taken: the real one may have it.
  const real = await ask(method, path, body, keyed);
  expect([path, dry.status, dry.json?.code]).toEqual([path, real.status, real.json?.code]);
  return { dry, real };
}

const reason = { reason: 'drill' };
const match = { hosts: ['web-*'] };

test('suppressions: added and ended as they would be', async () => {
  const silence = await dryThenReal('POST', '/api/v1/silences', { match, ...reason, for: '1h' });
  expect(silence.dry.json).toMatchObject({ kind: 'silence', by: 'ann', match });
  await dryThenReal('POST', '/api/v1/silences', { match: { hosts: ['nobody-*'] }, ...reason, for: '1h' });
  await dryThenReal('POST', '/api/v1/silences', { match, ...reason, for: '0s' });
  await dryThenReal('POST', '/api/v1/downtimes', { match, ...reason, for: '1h' });
  const odd = { match, ...reason, schedule: '0 2 * * 0', timezone: 'Mars/Base', lasts: '1h' };
  expect((await dryThenReal('POST', '/api/v1/downtimes', odd)).dry.status).toBe(422);
  await dryThenReal('POST', '/api/v1/acknowledgements', { host: 'web-1', check: 'app.up', ...reason });
  const { id } = silence.real.json;
  const ended = await dryThenReal('DELETE', `/api/v1/suppressions/${id}`);
  expect(ended.dry.json).toMatchObject({ id, endedBy: 'ann' });
  expect((await dryThenReal('DELETE', `/api/v1/suppressions/${id}`)).dry.status).toBe(404);
});

test('the pause, brakes, trust, the ledger', async () => {
  const paused = await dryThenReal('POST', '/api/v1/pause', { ...reason, for: '1h' });
  expect(paused.dry.json).toMatchObject({ paused: true, pause: { by: 'ann' } });
  await dryThenReal('POST', '/api/v1/resume');
  expect((await dryThenReal('POST', '/api/v1/brakes/fleet/release', reason)).dry.status).toBe(409);
  expect((await dryThenReal('POST', '/api/v1/trust/app.fix/promote', reason)).dry.status).toBe(409);
  expect((await dryThenReal('POST', '/api/v1/rearm', reason)).dry.status).toBe(409);
});

test('registrations: asked, let in, sent away', async () => {
  const host = { name: 'web-9', address: '10.0.0.9', labels: { role: 'web' } };
  const asked = await dryThenReal('POST', '/api/v1/register', host);
  expect(asked.dry.json).toMatchObject({ name: 'web-9', status: 'pending' });
  expect((await dryThenReal('POST', '/api/v1/register', { ...host, name: 'web-1' })).dry.status).toBe(409);
  const admit = async (name: string) => {
    const { items } = (await ask('GET', '/api/v1/registrations')).json;
    const ifMatch = { 'if-match': `"${items[0].tag}"` };
    return dryThenReal('POST', `/api/v1/registrations/${name}/admit`, reason, ifMatch);
  };
  const admitted = await admit('web-9');
  expect(admitted.dry.json).toMatchObject({ name: 'web-9', status: 'admitted' });
  expect((await admit('web-9')).dry.status).toBe(409);
  const sent = await dryThenReal('POST', '/api/v1/registrations/web-9/reject', reason);
  expect(sent.dry.json).toMatchObject({ status: 'rejected' });
  expect((await dryThenReal('POST', '/api/v1/registrations/web-9/reject', reason)).dry.status).toBe(409);
  expect((await admit('web-0')).dry.status).toBe(404);
});

test('definitions: reload and rollback', async () => {
  const reload = await dryThenReal('POST', '/api/v1/reload');
  expect([reload.dry.status, reload.dry.json.revision]).toEqual([200, reload.real.json.revision]);
  expect((await dryThenReal('POST', '/api/v1/reload', { confirm: 'fffffff' })).dry.status).toBe(412);
  expect((await dryThenReal('POST', '/api/v1/rollback', { ...reason, resume: true })).dry.status).toBe(409);
  const plan = await dryThenReal('POST', '/api/v1/plan', {});
  expect(plan.dry.json).toEqual(plan.real.json);
});

test('runs, questions, inventories, messages', async () => {
  const ifMatch = { 'if-match': '"x"' };
  const answers = [
    await dryThenReal('POST', '/api/v1/runs/none/cancel'),
    await dryThenReal('POST', '/api/v1/notify/none/test'),
    await dryThenReal('POST', '/api/v1/approvals/none/approve', {}, ifMatch),
    await dryThenReal('POST', '/api/v1/approvals/none/reject', reason, ifMatch),
  ];
  expect(answers.map(({ dry }) => dry.status)).toEqual([404, 404, 404, 404]);
  const accept = { ...reason, tag: 'x' };
  expect((await dryThenReal('POST', '/api/v1/inventories/none/accept', accept)).dry.status).toBe(404);
  const told = await dryThenReal('POST', '/api/v1/notify/own/test');
  expect(told.dry.json).toMatchObject({ ok: true, note: 'a dry run: not sent' });
  const act = await ask('POST', '/api/v1/hosts/web-1/actions/app.fix/run?dry_run=true', reason);
  expect([act.status, act.json.command]).toEqual([200, 'true']);
});

test('signing in: nothing is set', async () => {
  const response = await fetch(`${url}/api/v1/session?dry_run=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  expect([response.status, response.headers.get('set-cookie')]).toEqual([200, null]);
});
