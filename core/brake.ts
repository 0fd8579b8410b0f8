/**
 * The brake's arithmetic: when it comes on, when the rule releases it. Percentages round towards fewer actions. Pure.
 */
import type { RunLimit } from './definitions.ts';
import type { GroupView } from './fleet-view.ts';
import type { BrakeRule } from './remediation-config.ts';
import type { BrakeState } from './safety.ts';

/** Most unhealthy hosts at which nothing is braked. */
export function allowedUnhealthy(rule: BrakeRule, hosts: number): number {
  return Math.max(rule.minUnhealthy - 1, Math.floor((rule.unhealthyAbovePercent * hosts) / 100));
}

export function isBraked(group: GroupView): boolean {
  return group.brake !== undefined && group.brake.released === undefined;
}

/** Whether so many hosts are sick at this moment that nothing new may start. */
export function isMassFailure(group: GroupView, rule: BrakeRule): boolean {
  return group.unhealthy > allowedUnhealthy(rule, group.members.size);
}

/**
 * The brake of one group after something changed or time passed; undefined: off. A brake that a person released stays off until
 * the trouble that caused it is over, and can come on again after that. `budget`: spending it up brakes as well.
 */
export function stepBrake(
  group: GroupView,
  rule: BrakeRule,
  budget: RunLimit | undefined,
  nowMs: number,
): BrakeState | undefined {
  const before = group.brake;
  const massive = isMassFailure(group, rule);
  const spent = budget !== undefined && group.repairsSince(nowMs - budget.perMs) >= budget.runs;
  if (massive || spent) {
    // A mass failure is other trouble than a budget that was spent, and not what a person released.
    const isNew = before === undefined || (massive && before.cause === 'budget_spent');
    if (isNew) return engaged(group, rule, massive ? 'mass_failure' : 'budget_spent', nowMs);
    const { belowSinceMs: _again, ...on } = before;
    return on;
  }
  if (before === undefined || before.released !== undefined) return undefined;
  const belowSinceMs = Math.min(before.belowSinceMs ?? nowMs, nowMs);
  const isOver = rule.release.kind === 'auto' && nowMs - belowSinceMs >= rule.release.afterMs;
  return isOver ? undefined : { ...before, belowSinceMs };
}

/** Earliest wall time at which the rule could release it. */
export function brakeReleasesAtMs(brake: BrakeState, rule: BrakeRule): number | undefined {
  if (rule.release.kind === 'person' || brake.belowSinceMs === undefined) return undefined;
  return brake.belowSinceMs + rule.release.afterMs;
}

function engaged(group: GroupView, rule: BrakeRule, cause: BrakeState['cause'], nowMs: number): BrakeState {
  const hosts = group.members.size;
  return {
    scope: group.key,
    cause,
    sinceMs: nowMs,
    unhealthy: group.unhealthy,
    hosts,
    allowed: allowedUnhealthy(rule, hosts),
  };
}
