import { expect, onTestFinished, test } from 'vitest';
import { createDeliverer } from '../../actions/deliver.ts';
import type { NotifyTarget } from '../../core/definitions.ts';
import { startHttpServer } from '../support/http-server.ts';
import { type SmtpBehaviour, startSmtpServer } from '../support/smtp-server.ts';
import { nightMs, outboxMessage, secretOf, webhookTarget } from './story.ts';

async function mailServer(behaviour: SmtpBehaviour = {}) {
  const started = await startSmtpServer(behaviour);
  onTestFinished(() => started.close());
  return started;
}

function deliver(target: NotifyTarget, mailTimeoutMs = 10_000, webhookTimeoutMs = 10_000) {
  const targets = new Map([[target.name, target]]);
  return createDeliverer({
    targets: () => targets,
    clock: { nowMs: () => nightMs },
    webhookTimeoutMs,
    mailTimeoutMs,
  });
}

function mailTarget(
  port: number,
  changes: Partial<Extract<NotifyTarget, { kind: 'smtp' }>> = {},
): NotifyTarget {
  return {
    kind: 'smtp',
    name: 'oncall',
    host: '127.0.0.1',
    port,
    secure: false,
    from: 'mendd <mendd@example.com>',
    to: ['one@example.com'],
    ...changes,
  };
}

const login = { user: 'mendd', password: secretOf('hunter2') };

test('a webhook target gets the body and the key', async () => {
  const server = await startHttpServer((_, response) => response.end());
  onTestFinished(() => server.close());
  const message = outboxMessage();
  const sent = await deliver(webhookTarget(server.url))(message);
  expect(sent).toEqual({ ok: true });
  expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual(message.body);
  expect(server.seen[0]?.headers['idempotency-key']).toBe(message.key);
});

test('a webhook target that is silent or refuses', async () => {
  let status = 0;
  const server = await startHttpServer((_, response) => {
    if (status > 0) response.writeHead(status).end();
  });
  onTestFinished(() => server.close());
  const silent = deliver(webhookTarget(server.url), undefined, 200);
  expect(await silent(outboxMessage())).toEqual({
    ok: false,
    error: 'no answer within 0.2 s',
    permanent: false,
  });
  status = 422;
  const send = deliver(webhookTarget(server.url));
  expect(await send(outboxMessage())).toEqual({ ok: false, error: 'HTTP 422', permanent: true });
});

test('a target that was taken out of the definitions may come back', async () => {
  const send = deliver(mailTarget(1, { name: 'other' }));
  expect(await send(outboxMessage())).toEqual({
    ok: false,
    error: 'there is no notify target oncall',
    permanent: false,
  });
});

test('a mail arrives whole, in plain text, and the same for each attempt', async () => {
  const server = await mailServer();
  const send = deliver(mailTarget(server.port, { to: ['one@example.com', 'two@example.com'] }));
  expect(await send(outboxMessage())).toEqual({ ok: true });
  expect(await send(outboxMessage())).toEqual({ ok: true });
  const [first, second] = server.mails;
  expect(first).toMatchObject({
    from: 'mendd@example.com',
    to: ['one@example.com', 'two@example.com'],
    encrypted: false,
  });
  expect(first?.data).toMatch(/^Subject: \[mendd\] web-1 queue-workers: gave up after restart$/m);
  expect(first?.data).toMatch(/^Auto-Submitted: auto-generated$/m);
  expect(first?.data).toMatch(/^Date: Sat, 21 Nov 2026 02:14:00 \+0000$/m);
  expect(first?.data).toMatch(/\n\nit needs you\n\.dot\n/);
  const id = /^Message-ID: <[0-9a-f]{32}@mendd>$/m;
  expect(id.exec(first?.data ?? '')?.[0]).toBeTruthy();
  expect(id.exec(second?.data ?? '')?.[0]).toBe(id.exec(first?.data ?? '')?.[0]);
});

test('a login is used', async () => {
  const server = await mailServer();
  expect(await deliver(mailTarget(server.port, login))(outboxMessage())).toEqual({ ok: true });
  expect(server.mails[0]?.login).toBe('mendd\0hunter2');
});

test('STARTTLS is taken when it is offered', async () => {
  const server = await mailServer({ startTls: true });
  expect(await deliver(mailTarget(server.port))(outboxMessage())).toEqual({ ok: true });
  expect(server.mails[0]?.encrypted).toBe(true);
});

test('TLS from the first byte', async () => {
  const server = await mailServer({ secure: true });
  expect(await deliver(mailTarget(server.port, { secure: true }))(outboxMessage())).toEqual({ ok: true });
  expect(server.mails[0]?.encrypted).toBe(true);
});

/** A name that is not loopback to the code and still leads to this machine. */
const notLoopback = '0.0.0.0';

test('a password is never sent in clear to another machine', async () => {
  const server = await mailServer();
  const sent = await deliver(mailTarget(server.port, { ...login, host: notLoopback }))(outboxMessage());
  expect(sent).toMatchObject({ ok: false, permanent: false });
  expect(server.mails).toHaveLength(0);
  expect(server.commands.join('\n')).not.toMatch(/^AUTH/m);
});

test('a password is never sent to a server with a certificate nobody signed', async () => {
  const server = await mailServer({ startTls: true });
  const sent = await deliver(mailTarget(server.port, { ...login, host: notLoopback }))(outboxMessage());
  expect(sent).toMatchObject({ ok: false, permanent: false });
  expect(server.commands.join('\n')).not.toMatch(/^AUTH/m);
});

test.each([
  ['a refused login', { AUTH: '535 bad login hunter2' }, login, false, /535/],
  ['a refused sender', { MAIL: '550 not you' }, {}, false, /550/],
  ['a refused recipient', { RCPT: '550 no such user' }, {}, false, /550/],
  ['a full mailbox server', { RCPT: '452 come back later' }, {}, false, /452/],
  ['a refused message', { '.': '554 looks like spam' }, {}, true, /554/],
  ['a message to try again', { '.': '451 greylisted' }, {}, false, /451/],
  ['a server that is closing', { connect: '421 not now' }, {}, false, /421/],
])('%s', async (_name, replies, changes, permanent, error) => {
  const server = await mailServer({ replies });
  const sent = await deliver(mailTarget(server.port, changes))(outboxMessage());
  expect(sent).toEqual({ ok: false, permanent, error: expect.stringMatching(error) });
  expect(JSON.stringify(sent)).not.toContain('hunter2');
});

test('one refused recipient among others: sent, with a note', async () => {
  const replies = { 'RCPT TO:<two@example.com>': '550 no such user' };
  const server = await mailServer({ replies });
  const send = deliver(mailTarget(server.port, { to: ['one@example.com', 'two@example.com'] }));
  expect(await send(outboxMessage())).toEqual({ ok: true, note: 'refused for two@example.com' });
  expect(server.mails).toHaveLength(1);
});

test.each(['connect', 'EHLO', 'DATA', '.'])(
  'a server that falls silent at %s ends at the deadline',
  async (silentAt) => {
    const server = await mailServer({ silentAt });
    const sent = await deliver(mailTarget(server.port), 300)(outboxMessage());
    expect(sent).toEqual({ ok: false, error: 'no end within 0.3 s', permanent: false });
  },
);

test('nobody listens', async () => {
  const gone = await mailServer();
  await gone.close();
  const sent = await deliver(mailTarget(gone.port))(outboxMessage());
  expect(sent).toMatchObject({ ok: false, permanent: false, error: expect.stringContaining('ECONNREFUSED') });
});
