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
  /** Where people look at it; ours. */
  url?: string;
  /** The page as a whole. */
  page?: string;
  /** Of a message about several problems: each by itself. */
  problems: readonly IncidentProblem[];
  /** What it is about; the same for the problem and its recovery. */
  labels: Readonly<Record<string, string>>;
}

/** One problem of several. */
export interface IncidentProblem {
  labels: Readonly<Record<string, string>>;
  startedAt: string;
  endedAt?: string;
  url?: string;
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
  const question = written('approval');
  const isAnswer = question !== undefined && body['kind'] === 'notice';
  const resolved = message.kind === 'recovery' || isAnswer;
  const at = written('at') ?? new Date(message.createdAtMs).toISOString();
  const severity = severityOf(message);
  const labels = {
    // What a question is about may be told as a problem as well, which the answer does not end.
    alertname: question === undefined ? (written('check') ?? topicName(written('topic'))) : 'approval',
    host: inertLine(host) || written('host'),
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
    ...linksOf(body),
    problems: problemsOf(body['problems'], severity),
    labels: Object.fromEntries(
      Object.entries(labels).filter((entry): entry is [string, string] => Boolean(entry[1])),
    ),
  };
}

function severityOf({ kind, body }: OutboxMessage): Severity {
  const said = severities.find((each) => each === body['severity']);
  if (said !== undefined) return said;
  if (body['kind'] === 'notice') {
    return body['todo'] !== undefined || body['topic'] === 'brake.released' ? 'warning' : 'info';
  }
  const state = kind === 'recovery' ? body['was'] : body['state'];
  return severityOfState[String(state)] ?? 'error';
}

function topicName(topic: string | undefined): string {
  return topic === 'brake.released' ? 'brake.engaged' : (topic ?? 'mendd');
}

function idOf({ key, host, ladder, body, conversation }: OutboxMessage): string {
  if (conversation !== undefined) return hashOf([conversation]);
  if (typeof body['approval'] === 'string') return hashOf(['approval', body['approval']]);
  const about = ladder === '' ? [key] : [host, ladder, body['since'] ?? ''];
  return hashOf(about);
}

function hashOf(about: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 32);
}

const severities: readonly Severity[] = ['critical', 'error', 'warning', 'info'];

function linksOf({ url, page }: OutboxMessage['body']): Pick<Incident, 'url' | 'page'> {
  return {
    ...(typeof url === 'string' ? { url } : {}),
    ...(typeof page === 'string' ? { page } : {}),
  };
}

/** What daemon/ wrote of each; the names of hosts and checks are cleaned. */
function problemsOf(problems: unknown, severity: Severity): IncidentProblem[] {
  if (!Array.isArray(problems)) return [];
  return (problems as Record<string, unknown>[]).map((each) => {
    const text = (name: string): string => (typeof each[name] === 'string' ? inertLine(each[name]) : '');
    const labels = {
      alertname: text('check'),
      host: text('host'),
      runbook: text('runbook'),
      ladder: text('ladder'),
      severity: text('severity') || severity,
    };
    return {
      labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== '')),
      startedAt: text('since'),
      ...(text('over') === '' ? {} : { endedAt: text('over') }),
      ...(text('url') === '' ? {} : { url: text('url') }),
    };
  });
}
