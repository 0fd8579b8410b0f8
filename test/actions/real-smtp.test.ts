/** Mail to a real SMTP server (the package smtp-server): STARTTLS, login, refusals, greylisting, threads. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { expect, onTestFinished, test } from 'vitest';
import { createDeliverer, type Delivery } from '../../actions/deliver.ts';
import { createOutbox } from '../../actions/outbox.ts';
import type { NotifyTarget } from '../../core/definitions.ts';
import type { OutboxMessage } from '../../core/ports.ts';
import { makePair } from '../support/certificates.ts';
import { minuteMs, nightMs, outboxMessage, problemAndRecovery, secretOf } from './story.ts';

interface Seen {
  user: string | undefined;
  secure: boolean;
  from: string;
  to: string[];
  headers: Map<string, string>;
  text: string;
}

/** Header names in lower case, folded lines joined. */
function headersOf(data: string): Map<string, string> {
  const head = data.slice(0, data.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ');
  return new Map(
    head
      .split('\r\n')
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
}

async function server(options: SMTPServerOptions = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-smtp-'));
  const pair = makePair(directory, 'mail');
  const mails: Seen[] = [];
  const smtp = new SMTPServer({
    key: readFileSync(pair.key),
    cert: pair.pem,
    authOptional: true,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const data = Buffer.concat(chunks).toString();
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          user: session.user,
          secure: session.secure,
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          headers: headersOf(data),
          text: data.slice(data.indexOf('\r\n\r\n') + 4),
        });
        done();
      });
    },
    ...options,
  });
  smtp.on('error', () => undefined);
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await new Promise<void>((resolve) => smtp.close(() => resolve()));
    rmSync(directory, { recursive: true, force: true });
  });
  return { mails, port: (smtp.server.address() as AddressInfo).port };
}

type MailTarget = Extract<NotifyTarget, { kind: 'smtp' }>;

function deliver(port: number, message: OutboxMessage, more: Partial<MailTarget> = {}): Promise<Delivery> {
  const target: NotifyTarget = {
    kind: 'smtp',
    name: 'oncall',
    host: '127.0.0.1',
    port,
    secure: false,
    from: 'mendd@example.com',
    to: ['one@example.com', 'two@example.com'],
    ...more,
  };
  const targets = new Map([['oncall', target]]);
  return createDeliverer({ targets: () => targets, clock: { nowMs: () => nightMs }, mailTimeoutMs: 30_000 })(
    message,
  );
}

const refusal = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });

test('one mail over STARTTLS with a login, and its recovery in the same thread', async () => {
  const { mails, port } = await server({
    authOptional: false,
    onAuth: (auth, session, done) =>
      auth.username === 'mendd' && auth.password === 'hunter2' && session.secure
        ? done(null, { user: 'mendd' })
        : done(new Error('no')),
  });
  const { problem, recovery } = problemAndRecovery();
  const login = { user: 'mendd', password: secretOf('hunter2') };
  expect(await deliver(port, problem, login)).toEqual({ ok: true });
  expect(await deliver(port, recovery, login)).toEqual({ ok: true });
  const [first, second] = mails;
  expect(first).toMatchObject({
    user: 'mendd',
    secure: true,
    from: 'mendd@example.com',
    to: ['one@example.com', 'two@example.com'],
  });
  expect(first?.headers.get('message-id')).toMatch(/^<[0-9a-f]{32}@mendd>$/);
  expect(first?.headers.has('in-reply-to')).toBe(false);
  expect(second?.headers.get('in-reply-to')).toBe(first?.headers.get('message-id'));
  expect(second?.headers.get('references')).toBe(first?.headers.get('message-id'));
  expect(second?.headers.get('message-id')).not.toBe(first?.headers.get('message-id'));
  expect(first?.headers.get('auto-submitted')).toBe('auto-generated');
  expect(first?.text).toContain('queue-worker failed');
  expect(second?.headers.get('subject')).toContain('recovered');
});

test('an update of a conversation stands under its first mail', async () => {
  const { mails, port } = await server();
  const first = outboxMessage({ key: 'c1~1', conversation: 'c1' });
  const body = { ...first.body, thread: 'c1~1' };
  await deliver(port, first);
  await deliver(port, outboxMessage({ id: 2, key: 'c1~2', conversation: 'c1', body }));
  expect(mails[1]?.headers.get('in-reply-to')).toBe(mails[0]?.headers.get('message-id'));
});

test('a wrong password, a refused sender and a refused text are told apart', async () => {
  const { port } = await server({
    authOptional: false,
    onAuth: (_auth, _session, done) => done(new Error('Invalid login hunter3')),
  });
  const wrong = await deliver(port, outboxMessage(), { user: 'mendd', password: secretOf('hunter3') });
  expect(wrong).toMatchObject({ ok: false, permanent: false });
  expect(JSON.stringify(wrong)).not.toContain('hunter3');
  const sender = await server({ onMailFrom: (_from, _session, done) => done(refusal(550, 'who are you')) });
  expect(await deliver(sender.port, outboxMessage())).toMatchObject({
    ok: false,
    permanent: false,
    error: expect.stringContaining('who are you'),
  });
  const text = await server({
    onData: (stream, _session, done) => {
      stream.resume();
      stream.on('end', () => done(refusal(554, 'looks like spam')));
    },
  });
  expect(await deliver(text.port, outboxMessage())).toMatchObject({ ok: false, permanent: true });
});

test('one recipient that is refused does not cost the other the mail', async () => {
  const { mails, port } = await server({
    onRcptTo: ({ address }, _session, done) =>
      address.startsWith('two') ? done(refusal(550, 'no such user')) : done(),
  });
  expect(await deliver(port, outboxMessage())).toEqual({ ok: true, note: 'refused for two@example.com' });
  expect(mails.map(({ to }) => to)).toEqual([['one@example.com']]);
});

test('greylisting: refused for now, taken at the next attempt', async () => {
  let isGrey = true;
  const ids: string[] = [];
  const { mails, port } = await server({
    onRcptTo: (_address, _session, done) => (isGrey ? done(refusal(451, 'greylisted, come back')) : done()),
  });
  const message = outboxMessage();
  let nowMs = nightMs;
  const outbox = createOutbox({
    clock: { nowMs: () => nowMs },
    random: () => 0.5,
    coordinator: {
      dueMessages: (atMs) =>
        message.status === 'pending' && message.nextAttemptAtMs <= atMs ? [{ ...message }] : [],
      messageSent: () => void Object.assign(message, { status: 'sent' }),
      messageFailed: (_id, error, next) => {
        ids.push(error);
        Object.assign(message, { attempts: message.attempts + 1, nextAttemptAtMs: next });
      },
    },
    deliver: (each) => deliver(port, each),
    onEvent: () => undefined,
  });
  await outbox.pump();
  expect(ids[0]).toContain('greylisted');
  expect(message.status).toBe('pending');
  isGrey = false;
  nowMs += minuteMs;
  await outbox.pump();
  expect(message.status).toBe('sent');
  expect(mails).toHaveLength(1);
});

test('TLS from the first byte', async () => {
  const { mails, port } = await server({ secure: true });
  expect(await deliver(port, outboxMessage(), { secure: true })).toEqual({ ok: true });
  expect(mails[0]?.secure).toBe(true);
});
