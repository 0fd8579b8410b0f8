/**
 * Owns the body that Alertmanager's webhook receiver sends, so that what takes alerts from it takes them from mendd. Pure.
 * Source: notify/webhook and template of Alertmanager, version 4 of the format; fingerprints as prometheus/common makes them.
 */
import type { Incident } from './incident.ts';

/** What Go writes for a time that is not known: an alert that still fires. */
const noTime = '0001-01-01T00:00:00Z';

/** One alert for each problem of a message. `receiver` is the name of the notify target. */
export function alertmanagerBody(incident: Incident, receiver: string): Record<string, unknown> {
  const { id, labels, resolved, startedAt, endedAt, title, text, url, page, problems } = incident;
  const status = resolved ? 'resolved' : 'firing';
  const { alertname, host } = labels;
  const groupLabels = {
    ...(alertname === undefined ? {} : { alertname }),
    ...(host === undefined ? {} : { host }),
  };
  const annotations = { summary: title, description: text };
  const own = {
    labels,
    startedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(url === undefined ? {} : { url }),
  };
  const alerts = problems.length > 0 ? problems : [own];
  return {
    version: '4',
    groupKey: `{}:{incident="${id}"}`,
    truncatedAlerts: 0,
    status,
    receiver,
    groupLabels,
    commonLabels: commonOf(alerts.map((each) => each.labels)),
    commonAnnotations: annotations,
    externalURL: page ?? '',
    alerts: alerts.map((alert) => ({
      status: resolved || alert.endedAt !== undefined ? 'resolved' : 'firing',
      labels: alert.labels,
      annotations,
      startsAt: alert.startedAt,
      endsAt: alert.endedAt ?? (resolved ? (endedAt ?? noTime) : noTime),
      generatorURL: alert.url ?? '',
      fingerprint: fingerprintOf(identityOf(alert.labels)),
    })),
  };
}

/** A problem that gets worse is the same alert still, though its severity is among its labels. */
function identityOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  const { severity: _severity, ...identity } = labels;
  return identity;
}

function commonOf(all: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((each) => each[name] === value)),
  );
}

const offset = 0xcbf29ce484222325n;
const prime = 0x100000001b3n;
const mask = 0xffffffffffffffffn;
const separator = 255;

/** FNV-1a (64 bit) over names and values in the order of the names, each ended by 0xff; 16 hexadecimal digits. */
export function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  let hash = offset;
  for (const text of names.flatMap((name) => [name, labels[name] ?? ''])) {
    for (const byte of [...Buffer.from(text), separator]) hash = ((hash ^ BigInt(byte)) * prime) & mask;
  }
  return hash.toString(16).padStart(16, '0');
}
