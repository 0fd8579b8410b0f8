/** Owns what PagerDuty gets: one event of its Events API v2. A problem triggers an incident, its recovery resolves the same. Pure. */
import type { NotifyTarget } from '../core/definitions.ts';
import type { HttpMessage } from './http-message.ts';
import type { Incident } from './incident.ts';
import { cutBytes } from './inert-text.ts';

/** Of the API: 1,024 characters. */
const summaryBytes = 1000;
/** The API takes 512 kB in all. */
const textBytes = 60_000;

export function pagerdutyMessage(
  { url, routingKey }: Extract<NotifyTarget, { kind: 'pagerduty' }>,
  incident: Incident,
): HttpMessage {
  const { id, resolved, severity, title, text, startedAt, labels, url: link } = incident;
  const content = {
    routing_key: routingKey.reveal(),
    event_action: resolved ? 'resolve' : 'trigger',
    dedup_key: `mendd-${id}`,
    client: 'mendd',
    ...(link === undefined ? {} : { client_url: link, links: [{ href: link, text: 'mendd' }] }),
    payload: {
      summary: cutBytes(title, summaryBytes),
      source: labels['host'] ?? 'mendd',
      severity,
      timestamp: startedAt,
      ...(labels['runbook'] === undefined ? {} : { group: labels['runbook'] }),
      class: labels['alertname'] ?? 'mendd',
      custom_details: { text: cutBytes(text, textBytes) },
    },
  };
  return { url, body: JSON.stringify(content), secrets: [url, routingKey] };
}
