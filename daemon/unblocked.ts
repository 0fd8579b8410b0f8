/** Asks soon what could not be asked before, for a template of it had no value. It knows nothing of facts. */
import type { Definitions } from '../core/definitions.ts';
import type { Scheduler } from './scheduler.ts';

/** Spread over so long. Milliseconds. */
const spreadMs = 2_000;

export function askUnblocked(
  before: Definitions,
  after: Definitions,
  scheduler: Pick<Scheduler, 'soon'>,
  random: () => number,
): void {
  for (const [host, plan] of after.byHost) {
    const waited = before.byHost.get(host)?.checks.filter(({ blocked }) => blocked !== undefined) ?? [];
    const ids = new Set(waited.map(({ id }) => id));
    for (const { id, blocked } of plan.checks)
      if (blocked === undefined && ids.has(id)) scheduler.soon(host, id, 1 + random() * spreadMs);
  }
}
