/** A name that answers a public address when it is judged and a private one afterwards: what was judged is connected to. */
import type { LookupAddress } from 'node:dns';
import { expect, onTestFinished, test, vi } from 'vitest';
import { sendWebhook } from '../../actions/webhook.ts';
import { startHttpServer } from '../support/http-server.ts';
import { secretOf } from './story.ts';

/** TEST-NET-3 of RFC 5737: nobody is there. */
const nobody = { address: '203.0.113.9', family: 4 };
const loopback = { address: '127.0.0.1', family: 4 };
const answers = vi.hoisted(() => ({ next: [] as LookupAddress[][], asked: 0 }));

vi.mock('node:dns', async (original) => ({
  ...(await original<object>()),
  lookup: (_host: string, _options: object, done: (error: null, found: LookupAddress[]) => void) => {
    answers.asked += 1;
    const found = answers.next.shift() ?? [];
    queueMicrotask(() => done(null, found));
  },
}));

async function send(...next: LookupAddress[][]) {
  const server = await startHttpServer((_, response) => response.end());
  onTestFinished(() => server.close());
  answers.next = next;
  answers.asked = 0;
  const { port } = new URL(server.url);
  const url = secretOf(`http://rebinds.example:${port}/`);
  const sent = await sendWebhook({ url, method: 'POST', body: {}, timeoutMs: 300, allowPrivate: false });
  return { sent, seen: server.seen, asked: answers.asked };
}

test('a name that turns private after it was judged is not followed there', async () => {
  const { sent, seen, asked } = await send([nobody], [loopback], [loopback]);
  expect(sent.ok).toBe(false);
  expect(asked).toBe(1);
  expect(seen).toEqual([]);
});

test('of several addresses only public ones are connected to', async () => {
  const { sent, seen } = await send([loopback, nobody]);
  expect(sent.ok).toBe(false);
  expect(seen).toEqual([]);
});

test('a name with private addresses alone is refused', async () => {
  const { sent, seen } = await send([loopback]);
  expect(sent).toMatchObject({
    ok: false,
    error: expect.stringContaining('allow_private'),
    maybeArrived: false,
  });
  expect(seen).toEqual([]);
});
