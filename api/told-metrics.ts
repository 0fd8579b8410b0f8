/** The numbers of what others tell mendd, and of what it tells its watchdog. Reads nothing by itself. */
import type { ToldCounts } from '../core/told-port.ts';
import type { Stats } from '../core/views.ts';
import type { Scrape } from './scrape.ts';

export function readTold(scrape: Scrape, counts: ToldCounts): void {
  scrape
    .counter('mendd_results_submitted_total', 'Results that others told and that were taken')
    .inc(counts.accepted);
  const refused = scrape.counter('mendd_results_refused_total', 'Results that others told, by why not', [
    'reason',
  ]);
  for (const [reason, value] of Object.entries(counts.refused)) refused.inc({ reason }, value);
  scrape.gauge('mendd_passive_overdue', 'Passive checks whose result did not come').set(counts.overdue);
  scrape
    .gauge('mendd_alerts_firing', 'Alerts of others that fire and concern a check')
    .set(counts.alertsFiring);
  scrape.counter('mendd_alerts_told_total', 'Alerts that others told').inc(counts.alertsTold);
  scrape
    .counter('mendd_alerts_unmatched_total', 'Of them, those that concerned no check')
    .inc(counts.alertsUnmatched);
}

export function readHeartbeats(scrape: Scrape, { heard, failed, heardAtMs }: Stats['heartbeats']): void {
  const sent = scrape.counter('mendd_heartbeats_total', 'Heartbeats to the outside watchdog', ['outcome']);
  sent.inc({ outcome: 'heard' }, heard);
  sent.inc({ outcome: 'failed' }, failed);
  if (heardAtMs !== undefined)
    scrape
      .gauge('mendd_heartbeat_last_success_timestamp_seconds', 'When the outside watchdog last heard mendd')
      .set(heardAtMs / 1000);
}
