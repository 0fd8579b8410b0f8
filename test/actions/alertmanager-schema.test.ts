/**
 * The body of `format: alertmanager` against the published format of Alertmanager's webhook receiver.
 * Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config (version 4), with the types of
 * https://pkg.go.dev/github.com/prometheus/alertmanager/template#Data and #Alert: `KV` maps text to text, times are RFC 3339.
 */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { alertmanagerBody, fingerprintOf } from '../../actions/alertmanager.ts';
import { type ToldProblem, tellingMessage } from '../../actions/conversation-message.ts';
import { withLinks } from '../../actions/deep-links.ts';
import { incidentOf } from '../../actions/incident.ts';
import { noticeMessage } from '../../actions/notice-message.ts';
import { pagerdutyMessage } from '../../actions/pagerduty.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import { minuteMs, nightMs, outboxMessage, problemAndRecovery, secretOf } from './story.ts';

const kv = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
const status = z.enum(['resolved', 'firing']);
const time = z.iso.datetime({ offset: true });
const webhook = z.strictObject({
  version: z.literal('4'),
  groupKey: z.string().min(1),
  truncatedAlerts: z.int().min(0),
  status,
  receiver: z.string().min(1),
  groupLabels: kv,
  commonLabels: kv,
  commonAnnotations: kv,
  externalURL: z.union([z.literal(''), z.url()]),
  alerts: z
    .array(
      z.strictObject({
        status,
        labels: kv.refine((labels) => labels['alertname'] !== undefined, 'has no alertname'),
        annotations: kv,
        startsAt: time,
        endsAt: time,
        generatorURL: z.union([z.literal(''), z.url()]),
        fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
      }),
    )
    .min(1),
});

function bodyOf(message: OutboxMessage): z.infer<typeof webhook> {
  return webhook.parse(JSON.parse(JSON.stringify(alertmanagerBody(incidentOf(message), 'oncall'))));
}

const base = 'https://mendd.example';

function toldProblem(host: string, more: Partial<ToldProblem> = {}): ToldProblem {
  return {
    host,
    runbook: 'web',
    ladder: 'web.restart',
    check: 'web.http',
    state: 'critical',
    severity: 'critical',
    output: 'refused',
    sinceMs: nightMs,
    isGone: false,
    isNew: true,
    isBehind: false,
    labels: {},
    url: `${base}/incidents/${host}/web.http`,
    ...more,
  };
}

function groupOf(problems: ToldProblem[], say: 'problem' | 'update' | 'recovery'): OutboxMessage {
  const body = withLinks(
    tellingMessage({ say, problems, shared: { role: 'web' }, behind: [], nowMs: nightMs + 5 * minuteMs }),
    base,
  );
  const kind = say === 'recovery' ? 'recovery' : 'problem';
  return outboxMessage({ key: `c1~${say}`, kind, host: '', ladder: '', conversation: 'c1', body });
}

test('a problem and its recovery', () => {
  const { problem, recovery } = problemAndRecovery();
  const [fires, ends] = [bodyOf(problem), bodyOf(recovery)];
  expect([fires.status, ends.status]).toEqual(['firing', 'resolved']);
  expect(ends.alerts[0]?.fingerprint).toBe(fires.alerts[0]?.fingerprint);
  expect(fires.alerts[0]?.endsAt).toBe('0001-01-01T00:00:00Z');
  expect(Date.parse(ends.alerts[0]?.endsAt ?? '')).toBeGreaterThan(nightMs);
  expect(ends.groupKey).toBe(fires.groupKey);
});

test('links: the page as externalURL, the incident as generatorURL', () => {
  const { problem } = problemAndRecovery();
  const body = bodyOf({ ...problem, body: withLinks(problem.body as never, base) });
  expect(body.externalURL).toBe(`${base}/`);
  expect(body.alerts[0]?.generatorURL).toBe(`${base}/incidents/web-1/queue-workers.running`);
});

test('a group is one alert for each problem; those that are over resolve, all of them at the end', () => {
  const fires = bodyOf(groupOf([toldProblem('web-1'), toldProblem('web-2')], 'problem'));
  expect(fires.alerts.map(({ status: each }) => each)).toEqual(['firing', 'firing']);
  expect(fires.commonLabels).toEqual({
    alertname: 'web.http',
    runbook: 'web',
    ladder: 'web.restart',
    severity: 'critical',
  });
  const over = { overMs: nightMs + minuteMs, state: 'ok' };
  const partly = bodyOf(groupOf([toldProblem('web-1', over), toldProblem('web-2')], 'update'));
  expect([partly.status, ...partly.alerts.map(({ status: each }) => each)]).toEqual([
    'firing',
    'resolved',
    'firing',
  ]);
  const ends = bodyOf(groupOf([toldProblem('web-1', over), toldProblem('web-2', over)], 'recovery'));
  expect(new Set([ends.status, ...ends.alerts.map(({ status: each }) => each)])).toEqual(
    new Set(['resolved']),
  );
  expect(ends.alerts.map(({ fingerprint }) => fingerprint)).toEqual(
    fires.alerts.map(({ fingerprint }) => fingerprint),
  );
});

test('an update that shows one problem of a group tells of that one, which the end resolves', () => {
  const update = bodyOf(groupOf([toldProblem('web-2')], 'update'));
  const over = { overMs: nightMs + minuteMs, state: 'ok' };
  const ends = bodyOf(groupOf([toldProblem('web-1', over), toldProblem('web-2', over)], 'recovery'));
  expect(update.alerts.map(({ labels }) => labels)).toMatchObject([{ alertname: 'web.http', host: 'web-2' }]);
  expect(ends.alerts.map(({ fingerprint }) => fingerprint)).toContain(update.alerts[0]?.fingerprint);
});

test('each group over several hosts has a key of its own, from its first message to its end', () => {
  const both = [toldProblem('web-1'), toldProblem('web-2')];
  const other = { ...groupOf(both, 'problem'), conversation: 'c2' };
  const keys = [groupOf(both, 'problem'), groupOf(both, 'recovery'), other].map(
    (each) => bodyOf(each).groupKey,
  );
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});

test('a problem that gets worse stays the same alert', () => {
  const mild = bodyOf(
    groupOf([toldProblem('web-1', { severity: 'warning' }), toldProblem('web-2')], 'problem'),
  );
  const bad = bodyOf(groupOf([toldProblem('web-1'), toldProblem('web-2')], 'recovery'));
  expect(mild.alerts[0]?.labels['severity']).toBe('warning');
  expect(mild.alerts[0]?.fingerprint).toBe(bad.alerts[0]?.fingerprint);
});

test('what concerns mendd as a whole', () => {
  const body = noticeMessage({ topic: 'brake.engaged', title: 'brake on', sentence: 'No.', nowMs: nightMs });
  const parsed = bodyOf(
    outboxMessage({ key: 'brake~fleet~1~on', kind: 'notice', host: '', ladder: '', body }),
  );
  expect(parsed.alerts[0]?.labels).toMatchObject({ alertname: 'brake.engaged', severity: 'info' });
});

test('fingerprints are those of Prometheus', () => {
  // Of the empty set: the offset of FNV-1a, as prometheus/common has it.
  expect(fingerprintOf({})).toBe('cbf29ce484222325');
});

test('PagerDuty: one dedup_key for all messages of a conversation, with the link; another for another', () => {
  const target = {
    kind: 'pagerduty',
    name: 'p',
    url: secretOf('https://x/'),
    routingKey: secretOf('k'),
  } as const;
  const eventOf = (message: OutboxMessage): Record<string, unknown> =>
    JSON.parse(pagerdutyMessage(target, incidentOf(message)).body) as Record<string, unknown>;
  const [fires, ends] = [
    eventOf(groupOf([toldProblem('web-1'), toldProblem('web-2')], 'update')),
    eventOf(groupOf([toldProblem('web-1')], 'recovery')),
  ];
  expect(fires['dedup_key']).toBe(ends['dedup_key']);
  expect([fires['event_action'], ends['event_action']]).toEqual(['trigger', 'resolve']);
  expect(fires).toMatchObject({ client_url: `${base}/`, links: [{ href: `${base}/`, text: 'mendd' }] });
  const { problem, recovery } = problemAndRecovery();
  expect(eventOf(problem)['dedup_key']).toBe(eventOf(recovery)['dedup_key']);
  expect(eventOf(problem)['dedup_key']).not.toBe(fires['dedup_key']);
});
