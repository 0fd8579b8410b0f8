/** What `now` tells of hosts: all of them worst first, and those that cannot be asked with those behind them. Pure. */
import { type FleetHost, type FleetState, fleetStates, type NowView, nowLimits } from '../core/now-view.ts';
import type { HostView } from '../core/views.ts';

/** Those behind another are told under it. */
export function rootsOf(hosts: readonly HostView[]): NowView['unreachable'] {
  const behind = new Map<string, string[]>();
  const names = new Set(hosts.map(({ name }) => name));
  const roots = hosts.filter(({ name, status }) => {
    if (status.behind === undefined || !names.has(status.behind)) return true;
    behind.set(status.behind, [...(behind.get(status.behind) ?? []), name]);
    return false;
  });
  return roots.map((root) => ({ ...root, behind: behind.get(root.name) ?? [] }));
}

/** Of one state, those that are being repaired first; otherwise as they are defined, so that nothing jumps. */
function byRepair(a: FleetHost, b: FleetHost): number {
  return Number(b.healing === true) - Number(a.healing === true);
}

export function fleetOf(hosts: readonly FleetHost[]): NowView['fleet'] {
  const counts = Object.fromEntries(fleetStates.map((state) => [state, 0])) as Record<FleetState, number>;
  const byState = new Map<FleetState, FleetHost[]>(fleetStates.map((state) => [state, []]));
  for (const host of hosts) {
    counts[host.state] += 1;
    byState.get(host.state)?.push(host);
  }
  const worstFirst = [...byState.values()].flatMap((each) => each.sort(byRepair));
  return { hosts: worstFirst.slice(0, nowLimits.hosts), counts };
}
