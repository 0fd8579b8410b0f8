import { expect, onTestFinished, test, vi } from 'vitest';
import type { NotifyTarget } from '../../core/definitions.ts';
import type { NotifyPort } from '../../core/notify-port.ts';
import { createNotifyPort } from '../../daemon/notify-test.ts';
import { secretOf, webhookTarget } from '../actions/story.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Answer, startHttpServer } from '../support/http-server.ts';

/** The port over these targets; the audit is kept in memory. */
function portOf(targets: NotifyTarget[]): { port: NotifyPort; audited: object[] } {
  const audited: object[] = [];
  const notify = new Map(targets.map((target) => [target.name, target]));
  const note = (entry: object): void => void audited.push(entry);
  const sources = {
    clock: new FakeClock(),
    coordinator: { audit: note },
    recorder: { record: note },
    fleet: { definitions: { daemon: { notify } } },
  } as unknown as Parameters<typeof createNotifyPort>[0];
  return { port: createNotifyPort(sources), audited };
}

async function receiver(answer: Answer) {
  const started = await startHttpServer(answer);
  onTestFinished(() => started.close());
  return started;
}

test('a test message arrives, once, and is in the audit without secrets', async () => {
  const { url, seen } = await receiver((_, response) => response.end('welcome'));
  const { port, audited } = portOf([webhookTarget(`${url}/s3cret-path`)]);
  expect(await port.test('oncall', 'ann')).toEqual({
    target: 'oncall',
    kind: 'webhook',
    ok: true,
    answer: 'welcome',
    tookMs: expect.any(Number),
  });
  expect(seen).toHaveLength(1);
  expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
    kind: 'notice',
    topic: 'notify.test',
    subject: '[mendd] test message',
    text: expect.stringContaining('ann asked for it'),
  });
  expect(audited).toEqual([
    expect.objectContaining({
      actor: 'person:ann',
      event: 'notify.tested',
      body: { target: 'oncall', kind: 'webhook' },
    }),
  ]);
  expect(JSON.stringify(audited)).not.toContain('s3cret-path');
});

test('a receiver that refuses is told with its words; it is not tried again', async () => {
  const { url, seen } = await receiver((_, response) => response.writeHead(503).end('down for <b>now</b>'));
  const { port } = portOf([webhookTarget(url)]);
  expect(await port.test('oncall', 'ann')).toMatchObject({
    ok: false,
    error: 'HTTP 503',
    answer: 'down for <b>now</b>',
  });
  expect(seen).toHaveLength(1);
});

test('no such target, and one test of a target at a time', async () => {
  const held: (() => void)[] = [];
  const { url, seen } = await receiver((_, response) => void held.push(() => response.end()));
  const { port, audited } = portOf([webhookTarget(url)]);
  expect(await port.test('nobody', 'ann')).toMatchObject({ kind: 'rejected', status: 404 });
  expect(audited).toEqual([]);
  const first = port.test('oncall', 'ann');
  expect(await port.test('oncall', 'bob')).toMatchObject({ kind: 'rejected', status: 409, code: 'busy' });
  expect(audited.at(-1)).toMatchObject({ actor: 'person:bob', event: 'command.refused' });
  await vi.waitFor(() => expect(held).toHaveLength(1));
  held[0]?.();
  expect(await first).toMatchObject({ ok: true });
  expect(seen).toHaveLength(1);
  const again = port.test('oncall', 'ann');
  await vi.waitFor(() => expect(held).toHaveLength(2));
  held[1]?.();
  expect(await again).toMatchObject({ ok: true });
});

test('an audit that cannot be written keeps the message here', async () => {
  const { url, seen } = await receiver((_, response) => response.end());
  const { port, audited } = portOf([webhookTarget(url)]);
  audited.push = () => {
    throw new Error('disk full');
  };
  await expect(port.test('oncall', 'ann')).rejects.toThrow('disk full');
  expect(seen).toHaveLength(0);
});

test('what is shown of targets is no secret', () => {
  const url = secretOf('https://example.com/s3cret');
  const { port } = portOf([
    { kind: 'slack', name: 'z', url },
    { kind: 'exec', name: 'b', path: '/usr/local/bin/page', args: ['s3cret'], timeoutMs: 1000 },
    { kind: 'pagerduty', name: 'a', url, routingKey: secretOf('s3cret') },
  ]);
  expect(port.targets()).toEqual([
    { name: 'a', kind: 'pagerduty' },
    { name: 'b', kind: 'exec', to: '/usr/local/bin/page' },
    { name: 'z', kind: 'slack' },
  ]);
});
