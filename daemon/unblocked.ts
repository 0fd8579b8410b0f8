/** Which checks could not be asked with the old definitions, for a template had no value, and can be with the new ones. */
import type { Definitions } from '../core/definitions.ts';

export function unblocked(before: Definitions, after: Definitions): { host: string; check: string }[] {
  return [...after.byHost].flatMap(([host, plan]) => {
    const waited = before.byHost.get(host)?.checks.filter(({ blocked }) => blocked !== undefined) ?? [];
    if (waited.length === 0) return [];
    const ids = new Set(waited.map(({ id }) => id));
    return plan.checks
      .filter(({ id, blocked }) => blocked === undefined && ids.has(id))
      .map(({ id }) => ({ host, check: id }));
  });
}
