/**
 * Owns one mail by SMTP: one connection, one message, one hard deadline after which the socket is destroyed. It
 * never tries twice and never shows the password.
 */
import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import { createTransport } from 'nodemailer';
import type { NotifyTarget } from '../core/definitions.ts';
import { printable } from '../core/plugin-output.ts';
import type { OutboxMessage } from '../core/ports.ts';
import type { Delivery } from './deliver.ts';

export type MailTarget = Extract<NotifyTarget, { kind: 'smtp' }>;

/** Of one step of the conversation. Milliseconds. */
const stepTimeoutMs = 10_000;

/**
 * TLS: `secure` speaks it from the first byte; otherwise STARTTLS when the server offers it. With a password TLS is
 * a must, and the certificate is verified, except to loopback. Without one, encryption to an unknown certificate is
 * taken, as mail servers do among themselves: refusing it would only send the same mail in clear.
 * `deadlineMs` bounds the whole conversation.
 */
export async function sendMail(
  target: MailTarget,
  message: OutboxMessage,
  deadlineMs: number,
): Promise<Delivery> {
  const socket = new Socket();
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    socket.destroy();
  }, deadlineMs);
  try {
    const sent = await createTransport({
      ...connectionOf(target),
      socket,
      connectionTimeout: stepTimeoutMs,
      greetingTimeout: stepTimeoutMs,
      socketTimeout: stepTimeoutMs,
      dnsTimeout: stepTimeoutMs / 2,
      disableFileAccess: true,
      disableUrlAccess: true,
    }).sendMail(contentOf(target, message));
    const refused = sent.rejected.map(String);
    return refused.length === 0 ? { ok: true } : { ok: true, note: `refused for ${refused.join(', ')}` };
  } catch (error) {
    if (late) return { ok: false, error: `no end within ${deadlineMs / 1000} s`, permanent: false };
    return failureOf(target, error);
  } finally {
    clearTimeout(deadline);
    socket.destroy();
  }
}

function connectionOf(target: MailTarget) {
  const { host, port, secure, user, password } = target;
  const loopback = /^(localhost|127\.[\d.]+|::1)$/.test(host);
  const withPassword = user !== undefined && password !== undefined;
  return {
    host,
    port,
    secure,
    ...(withPassword ? { auth: { user, pass: password.reveal() } } : {}),
    requireTLS: withPassword && !secure && !loopback,
    tls: { rejectUnauthorized: !loopback && (secure || withPassword) },
  };
}

function contentOf(target: MailTarget, message: OutboxMessage) {
  const { subject, text, thread, problem } = message.body;
  if (typeof subject !== 'string' || typeof text !== 'string') {
    throw new Error(`Message ${message.key} has no subject or text.`);
  }
  const first = [thread, problem].find((key) => typeof key === 'string' && key !== message.key);
  return {
    from: target.from,
    to: [...target.to],
    subject,
    text,
    date: new Date(message.createdAtMs),
    // The same for each attempt, so that a repetition shows as one mail.
    messageId: messageId(message.key),
    // A recovery and what comes in between stand under the problem.
    ...(first === undefined ? {} : { inReplyTo: messageId(first), references: messageId(first) }),
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

function messageId(key: unknown): string {
  return `<${createHash('sha256').update(String(key)).digest('hex').slice(0, 32)}@mendd>`;
}

/**
 * Permanent is only a refusal of the message itself: a refused sender, recipient or login is about the settings,
 * which a person can mend while the message waits.
 */
function failureOf(target: MailTarget, error: unknown): Delivery {
  const { message, code, responseCode } = error as { message: string; code?: string; responseCode?: number };
  const password = target.password?.reveal() ?? '';
  const words = password === '' ? message : message.replaceAll(password, '<secret>');
  return {
    ok: false,
    error: printable(words).replaceAll(/\s+/g, ' ').slice(0, 300),
    permanent: code === 'EMESSAGE' && (responseCode ?? 0) >= 500,
  };
}
