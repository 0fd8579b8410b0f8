/**
 * Counts the hosts of each group as their states change, so that no decision has to walk the fleet. Owns who is unhealthy;
 * decides nothing.
 */
import { type Definitions, type HostPlan, hostCheck } from './definitions.ts';
import type { GroupView, MemberView } from './fleet-view.ts';
import { rungsOf, spends } from './ladder.ts';
import type { HostEngineState } from './reduction.ts';
import type { BrakeState, GroupKey } from './safety.ts';
import { type CheckStatus, isOpen, type RunSummary } from './types.ts';

/** Hosts that are asked less often than this are not waited for when a whole round of answers is wanted. Milliseconds. */
export const waitedForMs = 300_000;

export const fleetKey: GroupKey = 'fleet';
const fleetAlone: readonly GroupKey[] = [fleetKey];
const none: readonly RunSummary[] = [];

/** Labels by which hosts are grouped: for brakes, limits and guards. */
export function groupLabels({ daemon, runbooks }: Definitions): ReadonlySet<string> {
  const { brake, groups } = daemon.remediation;
  const guards = runbooks.flatMap(rungsOf);
  return new Set([
    ...groups.map(({ label }) => label),
    ...(brake?.label === undefined ? [] : [brake.label]),
    ...guards.flatMap(({ guard }) => (guard?.per === undefined ? [] : [guard.per])),
  ]);
}

/** Undefined when the host does not have the label. */
export function groupKeyOf({ host }: HostPlan, label: string | undefined): GroupKey | undefined {
  if (label === undefined) return fleetKey;
  const value = host.labels[label];
  return value === undefined ? undefined : `${label}=${value}`;
}

/** Whether a host counts as sick for brakes and quorums: what would be acted on, what is critical, what cannot be reached. */
export function isUnhealthy(plan: HostPlan, state: HostEngineState): boolean {
  return unhealthySinceMs(plan, state) !== undefined;
}

/** Wall time since when, as far as its present troubles tell. */
function unhealthySinceMs(plan: HostPlan, { host, checks }: HostEngineState): number | undefined {
  let earliestMs = host.state === 'unreachable' ? host.sinceMs : undefined;
  for (const id of Object.keys(checks)) {
    const status = checks[id];
    // Asked with each result of each check: what is well costs nothing more.
    if (status === undefined || status.state === 'ok' || status.state === 'pending') continue;
    if (status.state !== 'critical' && (id === hostCheck || !isActedOn(plan, id, status))) continue;
    const sinceMs = status.problemSinceMs ?? status.sinceMs;
    if (earliestMs === undefined || sinceMs < earliestMs) earliestMs = sinceMs;
  }
  return earliestMs;
}

function isActedOn({ ladders }: HostPlan, id: string, { state }: CheckStatus): boolean {
  return ladders.some(
    ({ trigger }) =>
      trigger.on === 'problem' && trigger.check === id && trigger.states.some((each) => each === state),
  );
}

/** The shortest time between two answers of a host that is waited for. */
function askedEveryMs({ checks }: HostPlan): number | undefined {
  let leastMs: number | undefined;
  for (const { timing } of checks) {
    if (timing.kind !== 'interval' || timing.everyMs > waitedForMs) continue;
    if (leastMs === undefined || timing.everyMs < leastMs) leastMs = timing.everyMs;
  }
  return leastMs;
}

class Group implements GroupView {
  readonly key: GroupKey;
  readonly members = new Map<string, MemberView>();
  /** Decision times of repairs that spend, by run id within each host. */
  readonly #repairs = new Map<string, readonly number[]>();
  unhealthy = 0;
  openRepairs = 0;
  brake?: BrakeState;

  constructor(key: GroupKey) {
    this.key = key;
  }

  repairsSince(sinceMs: number): number {
    let count = 0;
    for (const times of this.#repairs.values()) count += times.filter((ms) => ms > sinceMs).length;
    return count;
  }

  put(host: string, member: MemberView, repairTimesMs: readonly number[]): void {
    const before = this.members.get(host);
    this.members.set(host, member);
    if (repairTimesMs.length > 0) this.#repairs.set(host, repairTimesMs);
    else this.#repairs.delete(host);
    this.unhealthy += (member.unhealthy ? 1 : 0) - (before?.unhealthy ? 1 : 0);
    this.openRepairs += member.openRepairs - (before?.openRepairs ?? 0);
  }

  remove(host: string): void {
    const member = this.members.get(host);
    if (member === undefined) return;
    this.unhealthy -= member.unhealthy ? 1 : 0;
    this.openRepairs -= member.openRepairs;
    this.members.delete(host);
    this.#repairs.delete(host);
  }
}

export class Census {
  readonly #groups = new Map<GroupKey, Group>([[fleetKey, new Group(fleetKey)]]);
  readonly #keysOf = new Map<string, readonly GroupKey[]>();
  #labels: ReadonlySet<string> = new Set();

  get groups(): ReadonlyMap<GroupKey, GroupView> {
    return this.#groups;
  }

  /** Groups a host is counted in; `fleet` is always the first. */
  keysOf(host: string): readonly GroupKey[] {
    return this.#keysOf.get(host) ?? [];
  }

  /** Begins anew with other definitions. Brakes stay, also of a group that is empty now: who may release them has to see them. */
  reset(definitions: Definitions, states: ReadonlyMap<string, HostEngineState>, nowMs: number): void {
    const before = new Map(this.#groups);
    this.#groups.clear();
    this.#keysOf.clear();
    this.#group(fleetKey);
    this.#labels = groupLabels(definitions);
    for (const [host, plan] of definitions.byHost) {
      const state = states.get(host);
      const known = before.get(fleetKey)?.members.get(host);
      if (state !== undefined) this.update(plan, state, nowMs, known?.askedAtMs ?? 0, known);
    }
    for (const [key, { brake }] of before) if (brake !== undefined) this.setBrake(key, brake);
  }

  /** `askedAtMs`: start of an answer or failure that came just now. */
  update(
    plan: HostPlan,
    state: HostEngineState,
    nowMs: number,
    askedAtMs?: number,
    known: MemberView | undefined = this.#groups.get(fleetKey)?.members.get(plan.host.name),
  ): void {
    const { name } = plan.host;
    const repairs = state.runs.length === 0 ? none : state.runs.filter((run) => run.kind !== 'notify');
    const sinceMs = unhealthySinceMs(plan, state);
    // Of a host that was sick before a start it is known since when; what turned bad in this life did so now.
    const turnedMs = known === undefined ? sinceMs : known.unhealthySinceMs || nowMs;
    // What lies in the future is from before the clock was set back.
    const lastAskedMs = known?.askedAtMs ?? 0;
    const everyMs = askedEveryMs(plan);
    const member: MemberView = {
      unhealthy: sinceMs !== undefined,
      unhealthySinceMs: sinceMs === undefined ? 0 : Math.min(turnedMs ?? nowMs, nowMs),
      askedAtMs: Math.max(askedAtMs ?? 0, lastAskedMs <= nowMs ? lastAskedMs : 0),
      ...(everyMs === undefined ? {} : { askedEveryMs: everyMs }),
      openRepairs: repairs.filter(isOpen).length,
    };
    const timesMs = repairs.filter(spends).map((run) => run.decidedAtMs);
    const before = this.keysOf(name);
    const keys = this.#labels.size === 0 ? fleetAlone : this.#groupsOf(plan);
    for (const key of before) if (!keys.includes(key)) this.#group(key).remove(name);
    this.#keysOf.set(name, keys);
    for (const key of keys) this.#group(key).put(name, member, timesMs);
  }

  #groupsOf(plan: HostPlan): GroupKey[] {
    return [fleetKey, ...[...this.#labels].flatMap((label) => groupKeyOf(plan, label) ?? [])];
  }

  setBrake(scope: GroupKey, brake: BrakeState | undefined): void {
    const group = this.#group(scope);
    if (brake === undefined) delete group.brake;
    else group.brake = brake;
  }

  #group(key: GroupKey): Group {
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = new Group(key);
    this.#groups.set(key, group);
    return group;
  }
}
