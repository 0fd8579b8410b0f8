/** Owns what of the states is kept when a daemon starts, and when the definitions are swapped. It keeps none itself. */
import type { Definitions, HostPlan } from '../core/definitions.ts';
import { initialHostState } from '../core/engine.ts';
import type { Coordinator, Store } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';
import { notAfter, putRun } from '../core/runs.ts';
import type { Approval } from '../core/safety.ts';
import type { CheckStatus, HostStatus, RunSummary } from '../core/types.ts';

export interface LoadedStates {
  states: Map<string, HostEngineState>;
  /** What was read from the store has checks or hosts that are not defined. */
  hasOthers: boolean;
}

export interface StateSources {
  store: Pick<Store, 'loadChecks' | 'loadHosts'>;
  coordinator: Pick<Coordinator, 'summaries' | 'approvals'>;
  /** Wall time. */
  nowMs: number;
  /** For how long runs are remembered. */
  memoryMs: number;
}

interface Stored {
  hosts: Map<string, HostStatus>;
  checks: Map<string, Map<string, CheckStatus>>;
  count: number;
  runs: Map<string, RunSummary[]>;
  approvals: Map<string, Approval[]>;
}

/** The states of all hosts: what is in memory already, and the rest from the store where it is known, else as new. */
export function loadStates(
  definitions: Definitions,
  inMemory: ReadonlyMap<string, HostEngineState>,
  sources: StateSources,
): LoadedStates {
  const plans = [...definitions.byHost.values()];
  const stored = plans.every(({ host }) => inMemory.has(host.name)) ? nothing() : read(sources);
  const states = new Map<string, HostEngineState>();
  let [checksFound, hostsFound] = [0, 0];
  for (const plan of plans) {
    const { name } = plan.host;
    const known = inMemory.get(name);
    const [host, checks] = [stored.hosts.get(name), stored.checks.get(name)];
    if (host !== undefined) hostsFound += 1;
    if (checks !== undefined) for (const { id } of plan.checks) if (checks.has(id)) checksFound += 1;
    if (known !== undefined && isOfChecks(known, plan)) {
      states.set(name, { ...known, facts: {} });
      continue;
    }
    const fresh = initialHostState(plan, sources.nowMs);
    const statuses: Record<string, CheckStatus> = {};
    for (const { id } of plan.checks) {
      const status = known?.checks[id] ?? checks?.get(id) ?? fresh.checks[id];
      if (status !== undefined) statuses[id] = status;
    }
    states.set(name, {
      host: known?.host ?? host ?? fresh.host,
      checks: statuses,
      runs: known?.runs ?? (stored.runs.get(name) ?? []).reduce<RunSummary[]>(putRun, []),
      approvals: known?.approvals ?? stored.approvals.get(name) ?? [],
      facts: {},
      ...(known?.owed === undefined ? {} : { owed: known.owed }),
    });
  }
  return { states, hasOthers: checksFound < stored.count || hostsFound < stored.hosts.size };
}

function nothing(): Stored {
  return { hosts: new Map(), checks: new Map(), count: 0, runs: new Map(), approvals: new Map() };
}

function read({ store, coordinator, nowMs, memoryMs }: StateSources): Stored {
  const stored = store.loadChecks();
  const checks: Stored['checks'] = new Map();
  for (const { host, check, status } of stored) {
    const ofHost = checks.get(host);
    if (ofHost === undefined) checks.set(host, new Map([[check, status]]));
    else ofHost.set(check, status);
  }
  const statuses = stored.map(({ status }) => status);
  const sinceMs = memorySinceMs(memoryMs, statuses, nowMs);
  return {
    hosts: new Map(store.loadHosts().map(({ host, status }) => [host, status])),
    checks,
    count: stored.length,
    runs: grouped(coordinator.summaries(sinceMs).map((run) => notAfter(run, nowMs))),
    approvals: grouped(coordinator.approvals(sinceMs).toReversed()),
  };
}

/** While a problem lasts, what was done about it is remembered, or the ladder would begin again. Wall time. */
export function memorySinceMs(memoryMs: number, checks: readonly CheckStatus[], nowMs: number): number {
  return checks.reduce((ms, check) => Math.min(ms, check.problemSinceMs ?? ms), nowMs) - memoryMs;
}

function grouped<T extends { host: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(item.host, [...(groups.get(item.host) ?? []), item]);
  return groups;
}

/** The state is of these checks and no others. */
function isOfChecks({ checks }: HostEngineState, plan: HostPlan): boolean {
  return Object.keys(checks).length === plan.checks.length && plan.checks.every(({ id }) => id in checks);
}

/** Whether a host, or a check of one, is there no more. */
export function dropsSome(before: Definitions, after: Definitions): boolean {
  return [...before.byHost].some(([name, { checks }]) => {
    const left = after.byHost.get(name)?.checks;
    if (left === undefined) return true;
    const isAlike = checks.length === left.length && checks.every(({ id }, index) => left[index]?.id === id);
    return !isAlike && checks.some(({ id }) => !left.some((each) => each.id === id));
  });
}

export function keysOf({ byHost }: Definitions): Parameters<Store['forget']>[0] {
  const checks = [...byHost].flatMap(([host, plan]) => plan.checks.map(({ id }) => `${host}\n${id}`));
  return { hosts: new Set(byHost.keys()), checks: new Set(checks) };
}
