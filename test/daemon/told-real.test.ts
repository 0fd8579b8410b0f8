/** What others tell, in a whole daemon: a Prometheus alert leads to a repair on a real host, and a result that is missing to a state. */
import { existsSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import type { Scope } from '../../core/types.ts';
import { openLedgerBeside } from '../../store/open.ts';
import { RealDaemon } from '../support/real-daemon.ts';

let daemon: RealDaemon;

afterEach(async () => daemon.remove());

function tokenOf(scope: Scope): string {
  const ledger = openLedgerBeside(daemon.path('state/mendd.db'), Date.now());
  const { secret } = ledger.createToken({ name: scope, scopes: [scope], nowMs: Date.now() });
  ledger.close();
  return secret;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const { host, port } = daemon.app.address;
  return fetch(`http://${host}:${port}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

let token = '';
let acting = '';

test('an alert of Prometheus leads to a repair, which is verified when the alert is resolved', async () => {
  daemon = await RealDaemon.prepare('');
  const mark = daemon.path('repaired');
  daemon.write(
    'runbooks/worker.yaml',
    `runbook: queue
hosts: [web-1]
checks:
  up: { run: "true", every: 1s }
  backlog: { alert: { match: { alertname: Backlog } } }
actions:
  drain: { run: "touch ${mark}", when: { check: backlog }, verify: { within: 1m, stays_ok: 100ms }, human_intent: false }
`,
  );
  await daemon.start();
  token = tokenOf('submit');
  acting = tokenOf('act');
  const alert = {
    labels: { alertname: 'Backlog', instance: 'web-1:9100', severity: 'critical' },
    annotations: { summary: '900 jobs wait' },
    startsAt: new Date().toISOString(),
    endsAt: new Date(Date.now() + 240_000).toISOString(),
  };
  const told = await post('/api/v2/alerts', [alert]);
  expect(await told.json()).toMatchObject({ matched: 1, items: [{ checks: ['web-1/queue.backlog'] }] });
  await daemon.event(
    'state.changed',
    ({ check, data }) => check === 'queue.backlog' && data['to'] === 'critical',
  );
  // Nothing acts before every host was asked once; Prometheus tells it again meanwhile.
  await vi.waitFor(
    async () => {
      await post('/api/v1/checks/web-1/queue.backlog/run', {}, { authorization: `Bearer ${acting}` });
      expect(existsSync(mark)).toBe(true);
    },
    { interval: 200 },
  );
  await vi.waitFor(async () => expect((await daemon.runs())[0]?.status).toBe('verifying'));
  await post('/api/v2/alerts', [{ ...alert, endsAt: new Date().toISOString() }]);
  await vi.waitFor(
    async () => {
      await post('/api/v1/checks/web-1/queue.backlog/run', {}, { authorization: `Bearer ${acting}` });
      expect((await daemon.runs())[0]?.status).toBe('verified');
    },
    { interval: 200 },
  );
});

test('results come and go over a restart, and asking for one is no result', async () => {
  daemon = await RealDaemon.prepare(`runbook: backup
hosts: [web-1]
checks:
  nightly: { passive: { ttl: 26h, state: critical } }
`);
  await daemon.start();
  token = tokenOf('submit');
  acting = tokenOf('act');
  const result = { host: 'web-1', check: 'nightly', exitCode: 1, output: 'slow | took=5s' };
  const key = { 'idempotency-key': 'one' };
  expect(await (await post('/api/v1/results', result, key)).json()).toMatchObject({ accepted: 1 });
  const again = await post('/api/v1/results', result, key);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  await daemon.stop();
  await daemon.start();
  const asked = await post('/api/v1/checks/web-1/nightly/run', {}, { authorization: `Bearer ${acting}` });
  expect([asked.status, await asked.json()]).toMatchObject([409, { code: 'passive' }]);
  const view = await daemon.get<object>('/api/v1/checks/web-1/nightly');
  expect(view).toMatchObject({ status: { state: 'warning', attempt: 1 }, stale: false, kind: 'passive' });
});
