/** Joins what others tell, results and alerts, into what checks look at and what the API may ask. */
import type { ToldBook, ToldPort } from '../core/told-port.ts';
import { ToldAlerts } from './told-alerts.ts';
import { ToldResults, type ToldSources } from './told-results.ts';

/** Errors: MenddError when the store cannot be read. */
export function createTold(sources: ToldSources): ToldPort & ToldBook {
  const results = new ToldResults(sources);
  const alerts = new ToldAlerts(sources);
  return {
    look: (host, check) =>
      check.probe.kind === 'alert' ? alerts.look(host, check) : results.look(host, check),
    submit: (told, isDry) => results.submit(told, isDry),
    alerts: (told, holdMs, isDry) => alerts.tell(told, holdMs, isDry),
    counts: () => ({ ...results.counts(), ...alerts.counts() }),
  };
}
