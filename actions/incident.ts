/**
 * Owns what receivers that keep a book of incidents are told of a message: which incident it is about, whether it is over,
 * how bad it is. A problem and its recovery name the same one. Pure.
 */
import { createHash } from 'node:crypto';
import type { Severity } from '../core/daemon-config.ts';
import type { OutboxMessage } from '../core/ports.ts';
import { inert, inertLine } from './inert-text.ts';

export interface Incident {
  /** The same for all messages of one problem of one ladder, and for no other. */
  id: string;
  resolved: boolean;
  /** Of the problem, also when it is over. */
  severity: Severity;
  /** One line. */
  title: string;
  /** All of it, as mail shows it. */
  text: string;
  /** RFC 3339, UTC. */
  startedAt: string;
  endedAt?: string;
  /** What it is about; the same for the problem and its recovery. */
  labels: Readonly<Record<string, string>>;
}

const severityOfState: Readonly<Record<string, Severity>> = {
  critical: 'critical',
  unknown: 'error',
  warning: 'warning',
  ok: 'info',
};

/** Errors: throws when the message has no subject or text, which is a bug. */
export function incidentOf(message: OutboxMessage): Incident {
  const { body, key, host } = message;
  const { subject, text } = body;
  if (typeof subject !== 'string' || typeof text !== 'string') {
    throw new Error(`Message ${key} has no subject or text.`);
  }
  const written = (name: string): string | undefined =>
    typeof body[name] === 'string' && body[name] !== '' ? inertLine(body[name]) : undefined;
  const resolved = message.kind === 'recovery' || body['topic'] === 'brake.released';
  const at = written('at') ?? new Date(message.createdAtMs).toISOString();
  const severity = severityOf(message);
  const labels = {
    alertname: written('check') ?? topicName(written('topic')),
    host: inertLine(host),
    runbook: written('runbook'),
    ladder: inertLine(message.ladder),
    severity,
  };
  return {
    id: idOf(message),
    resolved,
    severity,
    title: inertLine(subject).replace(/^\[mendd\] /, ''),
    text: inert(text),
    startedAt: written('since') ?? at,
    ...(resolved ? { endedAt: written('recovered') ?? at } : {}),
    labels: Object.fromEntries(
      Object.entries(labels).filter((entry): entry is [string, string] => Boolean(entry[1])),
    ),
  };
}

function severityOf({ kind, body }: OutboxMessage): Severity {
  if (body['kind'] === 'notice') {
    return body['todo'] !== undefined || body['topic'] === 'brake.released' ? 'warning' : 'info';
  }
  const state = kind === 'recovery' ? body['was'] : body['state'];
  return severityOfState[String(state)] ?? 'error';
}

function topicName(topic: string | undefined): string {
  return topic === 'brake.released' ? 'brake.engaged' : (topic ?? 'mendd');
}

function idOf({ key, host, ladder, body }: OutboxMessage): string {
  // A brake is told by `...~on` and `...~off`.
  const about = ladder === '' ? [key.replace(/~(on|off)$/, '')] : [host, ladder, body['since'] ?? ''];
  return createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 32);
}
