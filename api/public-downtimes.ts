/**
 * What strangers may know of downtimes: which groups, from when to when. Never why or by whom, which people write for each other; names of
 * hosts only where the daemon file says so.
 */
import type { CoveragePort } from '../core/coverage-port.ts';
import type { PublicHost } from './public-status.ts';

export interface PublicDowntime {
  sinceMs: number;
  untilMs: number;
  groups: readonly string[];
  hosts: readonly string[];
}

/** Those that begin later are not told yet. Milliseconds. */
const aheadMs = 7 * 86_400_000;
const shown = 20;

/** Of hosts that are shown; `groupOf` as they are grouped. */
export function publicDowntimes(
  coverage: Pick<CoveragePort, 'downtimes'>,
  hosts: ReadonlyMap<string, PublicHost>,
  groupOf: (host: string, check: string) => string | undefined,
  nowMs: number,
): PublicDowntime[] {
  const told = new Map<string, PublicDowntime>();
  for (const { startsAtMs, endsAtMs, hosts: names, isFor } of coverage.downtimes(nowMs + aheadMs)) {
    if (told.size >= shown) break;
    const groups = new Set<string>();
    const covered = names.filter((name) => {
      const checks = [...(hosts.get(name)?.checks.keys() ?? [])].filter(isFor);
      for (const check of checks) groups.add(groupOf(name, check) ?? '');
      return checks.length > 0;
    });
    groups.delete('');
    if (groups.size === 0) continue;
    const downtime = {
      sinceMs: startsAtMs,
      untilMs: endsAtMs,
      groups: [...groups].toSorted(),
      hosts: covered.toSorted(),
    };
    // Two with other reasons are one to who does not know these.
    told.set(JSON.stringify(downtime), downtime);
  }
  return [...told.values()];
}
