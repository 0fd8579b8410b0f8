/** Results and alerts over HTTP: every form that senders use, what is refused, and what a sender is to do then. */
import { expect, test } from 'vitest';
import type { ToldAlert, ToldResult } from '../../core/told-port.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { bearer, startApi } from './api-server.ts';

class Hearing extends FakeDaemon {
  readonly results: ToldResult[] = [];
  readonly alerts: ToldAlert[] = [];

  constructor() {
    super();
    const submit = this.told.submit.bind(this.told);
    const alerts = this.told.alerts.bind(this.told);
    this.told.submit = (results, isDry) => (this.results.push(...results), submit(results, isDry));
    this.told.alerts = (told, holdMs, isDry) => (this.alerts.push(...told), alerts(told, holdMs, isDry));
  }
}

async function start() {
  const daemon = new Hearing();
  const api = await startApi(daemon);
  const token = bearer(daemon.token('cron', 'submit'));
  const tell = (body: unknown, path = '/api/v1/results', headers = {}) =>
    api.send('POST', path, body, { ...token, ...headers });
  return { ...api, daemon, tell };
}

const result = { host: 'web-1', check: 'backup', exitCode: 0, output: 'done' };

test('results come one alone, in a list, or as a list alone', async () => {
  const { daemon, tell } = await start();
  const at = '2026-03-01T02:41:00+01:00';
  await tell({ ...result, at, ttl: '26h', durationMs: 5 });
  await tell([result, { ...result, host: 'web-9' }]);
  const { json, status } = await tell({ results: [{ ...result, host: 'web-9' }, result] });
  expect([status, json.accepted, json.refused]).toEqual([200, 1, 1]);
  expect(json.items).toEqual([
    { host: 'web-9', check: 'backup', accepted: false },
    { host: 'web-1', check: 'backup', accepted: true },
  ]);
  expect(daemon.results).toHaveLength(5);
  expect(daemon.results[0]).toEqual({
    ...result,
    atMs: Date.parse(at),
    ttlMs: 26 * 3_600_000,
    durationMs: 5,
  });
});

test('lines of send_nsca are results, and a line that is none is told in its place', async () => {
  const { daemon, tell } = await start();
  const text = { 'content-type': 'text/plain' };
  const lines =
    'web-1\tbackup\t2\tfailed: disk full|free=0;1\\nsecond line\r\nweb-1\t0\tup\nweb-1\tbackup\tx\tno\n';
  const { json } = await tell(lines, '/api/v1/results', text);
  expect(json).toMatchObject({ accepted: 1, refused: 2 });
  expect(json.items.map((item: { code?: string }) => item.code)).toEqual([
    undefined,
    'unreadable',
    'unreadable',
  ]);
  expect(json.items[1].problem).toContain('line 2');
  expect(daemon.results).toEqual([
    { host: 'web-1', check: 'backup', exitCode: 2, output: 'failed: disk full|free=0;1\nsecond line' },
  ]);
  const blocks = await tell('web-1\ta\t0\tone\u0017web-1\tb\t0\ttwo\u0017', '/api/v1/results', text);
  expect(blocks.json.accepted).toBe(2);
});

test('a line may begin with its time, as nsca writes it', async () => {
  const { daemon, tell } = await start();
  const body = '[1700000000] web-1\ta\t0\tone [5] two\nweb-1\tb\t0\tnow\n';
  await tell(body, '/api/v1/results', { 'content-type': 'text/plain' });
  expect(daemon.results).toEqual([
    { host: 'web-1', check: 'a', exitCode: 0, output: 'one [5] two', atMs: 1_700_000_000_000 },
    { host: 'web-1', check: 'b', exitCode: 0, output: 'now' },
  ]);
});

test('blocks as send_nsca 2.10.2 takes them: further lines of one are its output, as there', async () => {
  const { daemon, tell } = await start();
  const text = { 'content-type': 'text/plain' };
  const body = 'web-1\ta\t2\tline one\r\nline\ttwo\n\u0017web-1\tb\t0\tfine\nweb-1\tc\t1\tnext\n\u0017\n';
  const { json } = await tell(body, '/api/v1/results', text);
  expect(json).toMatchObject({ accepted: 3, refused: 0 });
  expect(daemon.results.map(({ check, exitCode, output }) => [check, exitCode, output])).toEqual([
    ['a', 2, 'line one\nline\ttwo'],
    ['b', 0, 'fine'],
    ['c', 1, 'next'],
  ]);
});

test.each([
  [{ ...result, state: 'ok' }, '#/results/0'],
  [{ host: 'web-1', check: 'backup' }, '#/results/0'],
  [{ results: [result, { ...result, exitCode: 256 }] }, '#/results/1/exitCode'],
  [{ results: [] }, '#/results'],
  [[{ ...result, at: 'yesterday' }], '#/results/0/at'],
  [{ ...result, statee: 'ok' }, '#/results/0/statee'],
  [Array.from({ length: 501 }, () => result), '#/results'],
])('%j is refused at %s', async (body, pointer) => {
  const { daemon, tell } = await start();
  const { status, json } = await tell(body);
  expect([status, json.errors?.[0]?.pointer]).toEqual([400, pointer]);
  expect(daemon.results).toEqual([]);
});

test('a dry run is judged and not taken, and what is too large is refused', async () => {
  const { daemon, tell } = await start();
  expect((await tell(result, '/api/v1/results?dry_run=true')).json.accepted).toBe(1);
  expect(daemon.asked).toEqual([]);
  const large = await tell({ ...result, output: 'x'.repeat(1_100_000) });
  expect(large.status).toBe(413);
});

test('while nothing can be written the sender is told to come again', async () => {
  const { daemon, tell } = await start();
  daemon.historyProblem = 'no space';
  const { status, headers } = await tell(result);
  expect([status, headers.get('retry-after')]).toEqual([503, '5']);
});

/** As Alertmanager 0.27 sends it; see https://prometheus.io/docs/alerting/latest/configuration/#webhook_config */
const webhook = {
  version: '4',
  groupKey: '{}:{alertname="HighLatency"}',
  truncatedAlerts: 0,
  status: 'firing',
  receiver: 'mendd',
  groupLabels: { alertname: 'HighLatency' },
  commonLabels: { alertname: 'HighLatency' },
  commonAnnotations: {},
  externalURL: 'http://am:9093',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'HighLatency', host: 'web-1' },
      annotations: { summary: 'slow' },
      startsAt: '2026-03-01T02:41:00.123Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prom/graph',
      fingerprint: 'abc',
    },
    {
      status: 'resolved',
      labels: { alertname: 'HighLatency', host: 'web-2' },
      annotations: {},
      startsAt: '2026-03-01T02:41:00Z',
      endsAt: '2026-03-01T02:51:00Z',
      generatorURL: '',
      fingerprint: 'abd',
    },
  ],
};

test('the webhook of Alertmanager is taken, and held until it is told again hours later', async () => {
  const { daemon, tell } = await start();
  const { json, status } = await tell(webhook, '/api/v1/alerts');
  expect([status, json.matched]).toEqual([200, 1]);
  expect(daemon.asked).toEqual([`alerts 2 ${5 * 3_600_000}`]);
  expect(daemon.alerts).toEqual([
    {
      labels: { alertname: 'HighLatency', host: 'web-1' },
      annotations: { summary: 'slow' },
      startsAtMs: Date.parse('2026-03-01T02:41:00.123Z'),
    },
    {
      labels: { alertname: 'HighLatency', host: 'web-2' },
      annotations: {},
      startsAtMs: Date.parse('2026-03-01T02:41:00Z'),
      endsAtMs: Date.parse('2026-03-01T02:51:00Z'),
    },
  ]);
});

test.each(['/api/v1/alerts', '/api/v2/alerts'])('%s takes what Prometheus sends', async (path) => {
  const { daemon, tell } = await start();
  const sent = [
    {
      annotations: { summary: 'slow' },
      endsAt: '2026-03-01T02:45:00.000Z',
      startsAt: '2026-03-01T02:41:00.000Z',
      generatorURL: 'http://prom/graph?g0.expr=x',
      labels: { alertname: 'HighLatency', instance: 'web-1:9100' },
    },
  ];
  const { status } = await tell(sent, path);
  expect([status, daemon.asked]).toEqual([200, ['alerts 1 300000']]);
  expect(daemon.alerts[0]?.endsAtMs).toBe(Date.parse('2026-03-01T02:45:00Z'));
  const wrong = await tell([{ labels: { a: 1 } }], path);
  expect(wrong.status).toBe(400);
});

test('many jobs of one machine may end at once', async () => {
  const { tell } = await start();
  const answers = await Promise.all(Array.from({ length: 100 }, () => tell(result)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});
