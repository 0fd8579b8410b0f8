/** Owns the join of runbooks and hosts, made once for each load. */
import type { HostDefinition, HostPlan, RunbookDefinition } from '../core/definitions.ts';
import { asksHostItself, probeFor } from './probes.ts';

type Lists = Pick<HostPlan, 'checks' | 'ladders'>;

/** Hosts between two moments at which others may go on. */
const slice = 200;

/**
 * Disabled runbooks apply to no host. Hosts of the same runbooks share their lists, since fleets are large and alike.
 */
export function* planHosts(
  hosts: ReadonlyMap<string, HostDefinition>,
  runbooks: readonly RunbookDefinition[],
): Generator<void, Map<string, HostPlan>> {
  const mine = new Map<string, Lists[]>();
  for (const runbook of runbooks) {
    for (const name of runbook.enabled ? runbook.hosts : []) {
      const lists = runbook.variants === undefined ? runbook : runbook.variants.get(name);
      if (lists === undefined) continue;
      const known = mine.get(name);
      if (known === undefined) mine.set(name, [lists]);
      else known.push(lists);
    }
    yield;
  }
  const numbers = new Map<Lists, number>();
  const shared = new Map<string, Lists>();
  const plans = new Map<string, HostPlan>();
  for (const host of hosts.values()) {
    const lists = mine.get(host.name) ?? [];
    const key = lists.map((each) => numberOf(numbers, each)).join(' ');
    const joined = shared.get(key) ?? {
      checks: lists.flatMap(({ checks }) => checks),
      ladders: lists.flatMap(({ ladders }) => ladders),
    };
    shared.set(key, joined);
    const checks = joined.checks.some(({ probe }) => asksHostItself(probe))
      ? joined.checks.map((check) => ({ ...check, probe: probeFor(check.probe, check.runOn, host) }))
      : joined.checks;
    plans.set(host.name, { host, checks, ladders: joined.ladders });
    if (plans.size % slice === 0) yield;
  }
  return plans;
}

function numberOf(numbers: Map<Lists, number>, lists: Lists): number {
  const known = numbers.get(lists) ?? numbers.size;
  numbers.set(lists, known);
  return known;
}
