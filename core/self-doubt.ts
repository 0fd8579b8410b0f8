/**
 * Judges whether what the ops box sees may be its own trouble: a loop that stalls, a network that is gone, a fleet that changes
 * all at once. Pure; the daemon looks.
 */
import { fleetKey } from './census.ts';
import { formatDuration } from './duration.ts';
import type { GroupView } from './fleet-view.ts';
import type { SelfDoubtRule } from './remediation-config.ts';
import type { Doubt } from './safety.ts';

/** What the last look at ourselves showed; undefined: not looked at, or nothing there to look at. */
export interface OwnCondition {
  /** Of the default route's interface. */
  gatewayUp?: boolean;
  canaries?: { asked: number; answered: number };
  dns?: { asked: number; answered: number };
}

type Finding = Omit<Doubt, 'sinceMs'>;

export function judgeCondition(condition: OwnCondition): Finding | undefined {
  const { gatewayUp, canaries, dns } = condition;
  if (gatewayUp === false) {
    const opens = 'a default route whose interface is up (`remediation.self_doubt.gateway`)';
    return { cause: 'network_down', values: { gatewayUp }, opens };
  }
  if (canaries !== undefined && canaries.asked > 0 && canaries.answered === 0) {
    const opens = 'an answer of one of `remediation.self_doubt.canaries`';
    return { cause: 'canaries_down', values: { ...canaries }, opens };
  }
  if (dns !== undefined && dns.asked > 0 && dns.answered === 0) {
    const opens = 'a name of `remediation.self_doubt.dns` that resolves';
    return { cause: 'dns_down', values: { ...dns }, opens };
  }
  return undefined;
}

/** So many hosts that turn bad within a short time are more likely one cause on our side, or one that no restart mends. */
export function judgeChange(fleet: GroupView, rule: SelfDoubtRule, nowMs: number): Finding | undefined {
  const hosts = fleet.members.size;
  const allowed = Math.max(rule.changedMin - 1, Math.floor((rule.changedAbovePercent * hosts) / 100));
  // Asked before every decision: a fleet that is mostly well is not walked.
  if (fleet.unhealthy <= allowed) return undefined;
  const sinceMs = nowMs - rule.changedWithinMs;
  let changed = 0;
  for (const { unhealthy, unhealthySinceMs } of fleet.members.values()) {
    if (unhealthy && unhealthySinceMs > sinceMs) changed += 1;
  }
  if (changed <= allowed) return undefined;
  const values = { changed, hosts, allowed, withinMs: rule.changedWithinMs };
  const opens = `at most ${allowed} hosts turning bad within ${formatDuration(rule.changedWithinMs)}`;
  return { cause: 'many_changed', values, opens };
}

/** Slack beside two rounds, for hosts that answer late. Milliseconds. */
const roundSlackMs = 60_000;

/**
 * After a doubt, a jump of the clock or a start: every host that is asked often must have been asked again before anything acts, or
 * it is not known how the fleet is. One that is never asked does not block the others for ever.
 */
export function judgeRound(
  groups: ReadonlyMap<string, GroupView>,
  freshSinceMs: number,
  nowMs: number,
): Finding | undefined {
  let [waiting, hosts, longestMs] = [0, 0, 0];
  for (const { askedEveryMs, askedAtMs } of groups.get(fleetKey)?.members.values() ?? []) {
    if (askedEveryMs === undefined) continue;
    hosts += 1;
    longestMs = Math.max(longestMs, askedEveryMs);
    // What lies in the future was asked before the clock was set back.
    if (askedAtMs < freshSinceMs || askedAtMs > nowMs) waiting += 1;
  }
  if (waiting === 0 || nowMs - freshSinceMs >= 2 * longestMs + roundSlackMs) return undefined;
  const values = { hosts, notAskedYet: waiting };
  return { cause: 'fresh_round_pending', values, opens: `fresh answers of ${waiting} hosts` };
}
