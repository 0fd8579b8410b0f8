/**
 * Alerts of Prometheus (which takes this for an Alertmanager: `POST /api/v2/alerts`) and of Alertmanager's webhook, version 4. Which
 * checks they concern is the daemon's matter.
 */
import type { ToldAlert } from '../../core/told-port.ts';
import type { DaemonPort } from '../../core/views.ts';
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { unlessRejected } from '../problems.ts';
import { DryQuery } from '../queries.ts';
import { type AlertBodyOutput, AlertList, AlertsBody, AlertsTold } from '../told-shapes.ts';
import { toldBytes } from './results.ts';

/** Alertmanager's own resolve_timeout; Prometheus tells an alert again each minute. Milliseconds. */
const heldOfPrometheusMs = 300_000;
/** A webhook is told again each repeat_interval, which is 4 hours by default. Milliseconds. */
const heldOfWebhookMs = 5 * 3_600_000;

export function alertRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  const common = { method: 'POST', bodyLimit: toldBytes, config: { scope: 'submit' } } as const;
  app.route({
    ...common,
    url: '/api/v1/alerts',
    schema: {
      ...describe(
        'state',
        'tellAlerts',
        'Alerts of Alertmanager’s webhook, or a list as Prometheus sends it',
        AlertsTold,
      ),
      querystring: DryQuery,
      body: AlertsBody,
    },
    handler: async ({ body: { version, alerts }, query }) => {
      const holdMs = version === undefined ? heldOfPrometheusMs : heldOfWebhookMs;
      return tell(daemon, alerts, holdMs, query.dry_run === true);
    },
  });

  app.route({
    ...common,
    url: '/api/v2/alerts',
    schema: {
      ...describe(
        'state',
        'tellAlertsOfPrometheus',
        'Alerts as Prometheus sends them to an Alertmanager',
        AlertsTold,
      ),
      querystring: DryQuery,
      body: AlertList,
    },
    handler: async ({ body, query }) => tell(daemon, body, heldOfPrometheusMs, query.dry_run === true),
  });
}

async function tell(daemon: DaemonPort, bodies: readonly AlertBodyOutput[], holdMs: number, isDry: boolean) {
  const items = unlessRejected(await daemon.told.alerts(bodies.map(alertOf), holdMs, isDry));
  return { matched: items.filter(({ checks }) => checks.length > 0).length, items };
}

function alertOf({ labels, annotations, startsAt, endsAt, status }: AlertBodyOutput): ToldAlert {
  const startsAtMs = timeOf(startsAt);
  const endsAtMs = status === 'resolved' ? (timeOf(endsAt) ?? 1) : timeOf(endsAt);
  return {
    labels,
    annotations: annotations ?? {},
    ...(startsAtMs === undefined ? {} : { startsAtMs }),
    ...(endsAtMs === undefined ? {} : { endsAtMs }),
  };
}

/** Go's zero time, `0001-01-01T00:00:00Z`, is none. */
function timeOf(text: string | null | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
