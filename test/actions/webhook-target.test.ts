import { createHmac } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { fingerprintOf } from '../../actions/alertmanager.ts';
import { createDeliverer } from '../../actions/deliver.ts';
import { incidentOf } from '../../actions/incident.ts';
import { noticeMessage } from '../../actions/notice-message.ts';
import type { NotifyTarget } from '../../core/definitions.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import { type Answer, startHttpServer } from '../support/http-server.ts';
import {
  hostileText,
  nightMs,
  outboxMessage,
  problemAndRecovery,
  secretOf,
  statusOf,
  webhookTarget,
} from './story.ts';

async function receiver(answer: Answer = (_, response) => response.end()) {
  const started = await startHttpServer(answer);
  onTestFinished(() => started.close());
  return started;
}

function deliver(target: NotifyTarget, nowMs = nightMs) {
  const targets = new Map([[target.name, target]]);
  return createDeliverer({ targets: () => targets, clock: { nowMs: () => nowMs } });
}

const words = z.record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string());
const goTime = z.iso.datetime();
/** notify/webhook.Message, template.Data and template.Alert of Alertmanager 0.28, as its documentation of `webhook_config` lists them. */
const webhookMessage = z.strictObject({
  version: z.literal('4'),
  groupKey: z.string().min(1),
  truncatedAlerts: z.int().min(0),
  status: z.enum(['firing', 'resolved']),
  receiver: z.string(),
  groupLabels: words,
  commonLabels: words,
  commonAnnotations: words,
  externalURL: z.string(),
  alerts: z
    .array(
      z.strictObject({
        status: z.enum(['firing', 'resolved']),
        labels: words,
        annotations: words,
        startsAt: goTime,
        endsAt: goTime,
        generatorURL: z.string(),
        fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
      }),
    )
    .min(1),
});

test('Alertmanager: a problem fires and its recovery resolves the same alert', async () => {
  const { url, seen } = await receiver();
  const send = deliver(webhookTarget(url, { format: 'alertmanager' }));
  const { problem, recovery } = problemAndRecovery();
  expect(await send(problem)).toEqual({ ok: true });
  expect(await send(recovery)).toEqual({ ok: true });
  const [fired, resolved] = seen.map(({ body }) => webhookMessage.parse(JSON.parse(body)));
  expect(fired).toMatchObject({
    status: 'firing',
    receiver: 'oncall',
    groupLabels: { alertname: 'queue-workers.running', host: 'web-1' },
    commonLabels: { severity: 'critical', runbook: 'queue-workers', ladder: 'queue-workers.restart' },
  });
  expect(fired?.alerts[0]).toMatchObject({
    startsAt: '2026-11-21T02:14:00.000Z',
    endsAt: '0001-01-01T00:00:00Z',
    annotations: { description: expect.stringContaining('Tried:') },
  });
  expect(resolved?.status).toBe('resolved');
  expect(resolved?.alerts[0]).toMatchObject({
    status: 'resolved',
    labels: fired?.alerts[0]?.labels,
    fingerprint: fired?.alerts[0]?.fingerprint,
    startsAt: '2026-11-21T02:14:00.000Z',
    endsAt: '2026-11-21T02:22:00.000Z',
  });
  expect(resolved?.groupKey).toBe(fired?.groupKey);
});

test('fingerprints are those of Prometheus', () => {
  // Vectors of prometheus/common, model/signature_test.go.
  const known = fingerprintOf({ name: 'garland, briggs', fear: 'love is not enough' });
  expect(BigInt(`0x${known}`)).toBe(5_799_056_148_416_392_346n);
  expect(BigInt(`0x${fingerprintOf({})}`)).toBe(14_695_981_039_346_656_037n);
});

test('hostile output stays text in an Alertmanager body', async () => {
  const { url, seen } = await receiver();
  const lastResult = { ...statusOf().lastResult, text: hostileText } as NonNullable<
    ReturnType<typeof statusOf>['lastResult']
  >;
  await deliver(webhookTarget(url, { format: 'alertmanager' }))(problemAndRecovery({ lastResult }).problem);
  const { alerts } = webhookMessage.parse(JSON.parse(seen[0]?.body ?? ''));
  expect(alerts[0]?.annotations['description']).toContain('<script>');
  expect(JSON.stringify(alerts)).not.toMatch(/\\u001b|\\u0000|\\u0007|[\u202a-\u202e]/);
});

function notice(topic: string, key: string, more: Partial<OutboxMessage> = {}) {
  const body = noticeMessage({ topic, title: 'brake', sentence: 'x', todo: 'y', nowMs: nightMs });
  return incidentOf(outboxMessage({ key, kind: 'notice', host: '', ladder: '', body, ...more }));
}

test('a brake that is released resolves the one that was engaged', () => {
  const conversation = 'brake~fleet~1';
  const on = notice('brake.engaged', 'brake~fleet~1~on', { kind: 'problem', conversation });
  const off = notice('brake.released', 'brake~fleet~1~off', { kind: 'recovery', conversation });
  expect([on.resolved, off.resolved]).toEqual([false, true]);
  expect(off).toMatchObject({ id: on.id, labels: on.labels });
  expect(notice('brake.engaged', 'brake~fleet~2~on').id).not.toBe(on.id);
  expect(notice('doubt.began', 'doubt~x~1').resolved).toBe(false);
});

test('two problems of one ladder, apart in time, are two incidents', () => {
  const first = incidentOf(problemAndRecovery().problem);
  expect(incidentOf(problemAndRecovery().recovery).id).toBe(first.id);
  expect(incidentOf(problemAndRecovery({ problemSinceMs: nightMs + 1 }).problem).id).not.toBe(first.id);
});

test('each attempt is signed with its own time, over what was sent', async () => {
  const { url, seen } = await receiver();
  const target = webhookTarget(url, { secret: secretOf('shared-secret') });
  await deliver(target)(outboxMessage());
  await deliver(target, nightMs + 61_000)(outboxMessage());
  const times = seen.map(({ headers, body }) => {
    const [, seconds = '', sum] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['mendd-signature'])) ?? [];
    expect(sum).toBe(createHmac('sha256', 'shared-secret').update(`${seconds}.${body}`).digest('hex'));
    return Number(seconds);
  });
  expect(times).toEqual([nightMs / 1000, nightMs / 1000 + 61]);
});

test('without a secret nothing is signed', async () => {
  const { url, seen } = await receiver();
  await deliver(webhookTarget(url))(outboxMessage());
  expect(seen[0]?.headers).not.toHaveProperty('mendd-signature');
});

test('an answer is shown on one line, and never with a secret of ours', async () => {
  const text = `no\n\u001b[31mroute ${hostileText} to /hooks/T123456 for shared-secret, T123456 ${'x'.repeat(900)}`;
  const { url } = await receiver((_, response) => response.writeHead(400).end(text));
  const target = webhookTarget(`${url}/hooks/T123456`, { secret: secretOf('shared-secret') });
  const sent = await deliver(target)(outboxMessage());
  expect(sent).toMatchObject({ ok: false, permanent: true, error: 'HTTP 400' });
  expect(sent.answer).toMatch(/^no route <script>/);
  expect(sent.answer).toMatch(/to <secret> for <secret>, <secret> x+\.\.\.$/);
  expect(sent.answer?.length).toBe(300);
  for (const hidden of ['\n', '\u001b', '\u202e', 'T123456', 'shared-secret']) {
    expect(sent.answer).not.toContain(hidden);
  }
});

test('the secret of a signature shows nowhere when the receiver refuses', async () => {
  const { url } = await receiver((request, response) =>
    response.writeHead(500).end(JSON.stringify(request.headers)),
  );
  const sent = await deliver(webhookTarget(url, { secret: secretOf('shared-secret') }))(outboxMessage());
  expect(JSON.stringify(sent)).not.toContain('shared-secret');
});

test('a redirect is not followed', async () => {
  const elsewhere = await receiver();
  const { url } = await receiver((_, response) => response.writeHead(308, { location: elsewhere.url }).end());
  const sent = await deliver(webhookTarget(url))(outboxMessage());
  expect(sent).toMatchObject({ ok: false, permanent: false });
  expect(elsewhere.seen).toHaveLength(0);
});
