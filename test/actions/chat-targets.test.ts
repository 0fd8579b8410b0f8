import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { createDeliverer } from '../../actions/deliver.ts';
import type { NotifyTarget } from '../../core/definitions.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import type { CheckStatus } from '../../core/types.ts';
import { type Answer, startHttpServer } from '../support/http-server.ts';
import { hostileText, nightMs, problemAndRecovery, secretOf, statusOf } from './story.ts';

async function receiver(answer: Answer = (_, response) => response.end('ok')) {
  const started = await startHttpServer(answer);
  onTestFinished(() => started.close());
  return started;
}

/** What the receiver got, and what came of it. */
async function sendAll(target: (url: string) => NotifyTarget, messages: OutboxMessage[], answer?: Answer) {
  const { url, seen } = await receiver(answer);
  const made = target(`${url}/services/T0KEN-1234`);
  const deliver = createDeliverer({
    clock: { nowMs: () => nightMs },
    targets: () => new Map([[made.name, made]]),
    webhookTimeoutMs: 3_000,
  });
  const deliveries = [];
  for (const message of messages) deliveries.push(await deliver(message));
  return { seen, deliveries, bodies: seen.map(({ body }) => JSON.parse(body) as unknown) };
}

const slack = (url: string): NotifyTarget => ({ kind: 'slack', name: 'oncall', url: secretOf(url) });
const ntfy = (url: string): NotifyTarget => ({
  kind: 'ntfy',
  name: 'oncall',
  url: secretOf(url),
  topic: 'ops',
  token: secretOf('tk_secret'),
  priority: { critical: 5, error: 4, warning: 3, info: 2 },
});
const pagerduty = (url: string): NotifyTarget => ({
  kind: 'pagerduty',
  name: 'oncall',
  url: secretOf(url),
  routingKey: secretOf('R0UTINGKEY'),
});

function saying(text: string, changes: Partial<CheckStatus> = {}): OutboxMessage {
  const { lastResult } = statusOf();
  if (lastResult === undefined) throw new Error('the story has a result');
  return problemAndRecovery({ lastResult: { ...lastResult, text }, ...changes }).problem;
}

const plainText = z.strictObject({
  type: z.literal('plain_text'),
  text: z.string().min(1).max(3000),
  emoji: z.literal(false),
});
/** As Slack documents incoming webhooks and the blocks `header` and `section`. */
const slackBody = z.strictObject({
  text: z.string().min(1).max(40_000),
  blocks: z.tuple([
    z.strictObject({
      type: z.literal('header'),
      text: plainText.extend({ text: z.string().min(1).max(150) }),
    }),
    z.strictObject({ type: z.literal('section'), text: plainText }),
  ]),
  link_names: z.literal(false),
  unfurl_links: z.literal(false),
  unfurl_media: z.literal(false),
});

test('Slack: a problem and its recovery, in text and in blocks', async () => {
  const { problem, recovery } = problemAndRecovery();
  const { bodies, deliveries } = await sendAll(slack, [problem, recovery]);
  expect(deliveries).toEqual([
    { ok: true, answer: 'ok' },
    { ok: true, answer: 'ok' },
  ]);
  const [first, second] = bodies.map((body) => slackBody.parse(body));
  expect(first?.blocks[0].text.text).toBe('🔔 web-1 queue-workers: running is critical after restart');
  expect(first?.blocks[1].text.text).toContain('Tried:\n- 02:15 restart: did not help');
  expect(first?.text).toMatch(/^`🔔 web-1 queue-workers: [^`]*`\n```\n[^`]*Tried:[^`]*\n```$/);
  expect(second?.blocks[0].text.text).toBe('✅ web-1 queue-workers: recovered');
});

test('Slack: what a plugin prints can neither mention, link nor format', async () => {
  const { bodies } = await sendAll(slack, [saying(hostileText)]);
  const { text, blocks } = slackBody.parse(bodies[0]);
  const shown = blocks[1].text.text;
  expect(shown).toContain('&lt;script&gt;alert(1)&lt;/script&gt; red evil &lt;!channel&gt;');
  expect(shown).toContain('&amp;amp;');
  for (const each of [text, shown]) {
    expect(each).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    for (const control of ['\u001b', '\u0000', '\u0007', '\u202e']) expect(each).not.toContain(control);
  }
  // One span and one block of code, and all of it inside: no mark of a plugin ends them.
  expect(text.match(/`/g)).toHaveLength(8);
  expect(text).not.toMatch(/@\w/);
});

test('Slack: limits hold for what is escaped, and no escape is cut in two', async () => {
  const long = saying('<&>'.repeat(2000));
  long.body['subject'] = `[mendd] ${'<'.repeat(400)}`;
  long.body['text'] = '<&>é'.repeat(2000);
  const { bodies } = await sendAll(slack, [long]);
  const { blocks } = slackBody.parse(bodies[0]);
  for (const { text } of blocks) {
    expect(text.text).not.toMatch(/&(?!amp;|lt;|gt;)|�/);
    expect(text.text.endsWith('...')).toBe(true);
  }
});

const ntfyBody = z.strictObject({
  topic: z.string().regex(/^[-_A-Za-z0-9]{1,64}$/),
  title: z.string().min(1),
  message: z.string().min(1),
  priority: z.int().min(1).max(5),
  tags: z.array(z.string()),
  markdown: z.literal(false),
});

test('ntfy: severity makes the priority, a recovery is quiet', async () => {
  const { problem, recovery } = problemAndRecovery();
  const warning = saying('x', { state: 'warning' });
  const unknown = saying('x', { state: 'unknown' });
  const { bodies, seen } = await sendAll(ntfy, [problem, warning, unknown, recovery]);
  const sent = bodies.map((body) => ntfyBody.parse(body));
  expect(sent.map(({ priority }) => priority)).toEqual([5, 3, 4, 2]);
  expect(sent.map(({ tags }) => tags[0])).toEqual([
    'rotating_light',
    'warning',
    'rotating_light',
    'white_check_mark',
  ]);
  expect(sent[0]?.title).toBe('web-1 queue-workers: running is critical after restart');
  expect(seen[0]?.headers.authorization).toBe('Bearer tk_secret');
});

test('ntfy: long and hostile texts stay in the body, below its limit', async () => {
  const long = saying(hostileText);
  long.body['subject'] = 'one\r\nX-Injected: yes\r\n\r\ntwo';
  long.body['text'] = `${hostileText}\n${'é'.repeat(5000)}`;
  const { bodies, seen } = await sendAll(ntfy, [long]);
  const { title, message } = ntfyBody.parse(bodies[0]);
  expect(title).toBe('one X-Injected: yes two');
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(4000);
  expect(message).toMatch(/é\.\.\.$/);
  expect(message).not.toContain('\u202e');
  expect(seen[0]?.headers).not.toHaveProperty('x-injected');
});

test('ntfy: a token that no header can carry fails without showing it', async () => {
  const { deliveries, seen } = await sendAll(
    (url) => ({ ...(ntfy(url) as Extract<NotifyTarget, { kind: 'ntfy' }>), token: secretOf('tk\nsecret') }),
    [problemAndRecovery().problem],
  );
  expect(deliveries).toEqual([
    { ok: false, error: 'the request failed (ERR_INVALID_CHAR)', permanent: false },
  ]);
  expect(seen).toHaveLength(0);
});

/** PagerDuty, Events API v2, "Send an alert event". */
const pagerdutyBody = z.strictObject({
  routing_key: z.string(),
  event_action: z.enum(['trigger', 'resolve']),
  dedup_key: z.string().min(1).max(255),
  client: z.string(),
  payload: z.strictObject({
    summary: z.string().min(1).max(1024),
    source: z.string().min(1),
    severity: z.enum(['critical', 'error', 'warning', 'info']),
    timestamp: z.iso.datetime(),
    group: z.string().optional(),
    class: z.string(),
    custom_details: z.record(z.string(), z.string()),
  }),
});

test('PagerDuty: the recovery resolves what the problem triggered, and nothing else', async () => {
  const { problem, recovery } = problemAndRecovery();
  const other = saying('x', { problemSinceMs: nightMs + 1 });
  const { bodies } = await sendAll(pagerduty, [problem, recovery, other], (_, response) => {
    response.writeHead(202).end('{"status":"success","message":"Event processed"}');
  });
  const [trigger, resolve, next] = bodies.map((body) => pagerdutyBody.parse(body));
  expect(trigger).toMatchObject({
    routing_key: 'R0UTINGKEY',
    event_action: 'trigger',
    payload: { source: 'web-1', severity: 'critical', timestamp: '2026-11-21T02:14:00.000Z' },
  });
  expect(resolve).toMatchObject({ event_action: 'resolve', dedup_key: trigger?.dedup_key });
  expect(next?.dedup_key).not.toBe(trigger?.dedup_key);
});

test.each([
  ['slack', slack],
  ['ntfy', ntfy],
  ['pagerduty', pagerduty],
] as const)('%s: what is final, what is tried again, and no secret in the answer', async (_kind, target) => {
  const statuses = [400, 403, 429, 500];
  let at = 0;
  const { deliveries } = await sendAll(
    target,
    Array.from({ length: 5 }, () => problemAndRecovery().problem),
    (request, response) => {
      const status = statuses[at];
      at += 1;
      // The fifth gets no answer.
      if (status === undefined) return;
      const secrets = `${request.path} ${request.headers.authorization} ${request.body}`;
      response.writeHead(status, status === 429 ? { 'retry-after': '17' } : {}).end(secrets);
    },
  );
  expect(deliveries.map((each) => !each.ok && each.permanent)).toEqual([true, false, false, false, false]);
  expect(deliveries.map((each) => !each.ok && each.error)).toEqual([
    'HTTP 400',
    'HTTP 403',
    'HTTP 429',
    'HTTP 500',
    'no answer within 3 s',
  ]);
  expect(deliveries[2]).toMatchObject({ retryAfterMs: 17_000 });
  const told = JSON.stringify(deliveries);
  for (const secret of ['T0KEN-1234', 'tk_secret', 'R0UTINGKEY']) expect(told).not.toContain(secret);
});
