/** Gates about how much at once: one run per host, locks and quorums of groups, the brake, rests and budgets. */
import { allowedUnhealthy, brakeReleasesAtMs, isBraked } from './brake.ts';
import { fleetKey, groupKeyOf, waitedForMs } from './census.ts';
import type { RunLimit } from './definitions.ts';
import { formatDuration } from './duration.ts';
import {
  type Gate,
  type GateAnswer,
  type GateContext,
  type GroupView,
  type MemberView,
  pass,
  stop,
} from './fleet-view.ts';
import { episodeOf, isMessage, retryAtMs, runsInWindow, spends, unsentRuns } from './ladder.ts';
import type { BrakeRule } from './remediation-config.ts';
import type { GroupKey } from './safety.ts';
import { isOpen, type RunSummary } from './types.ts';

/** Beside one interval, for hosts that answer late. Milliseconds. */
const roundSlackMs = 30_000;

export const hostBusy: Gate = ({ hostRuns, rung }) => {
  // A message changes nothing and waits for nobody but itself.
  const isInTheWay = (run: RunSummary): boolean =>
    isMessage(rung) ? run.action === rung.id : run.kind !== 'notify';
  const open = hostRuns.find((run) => isOpen(run) && isInTheWay(run));
  if (open === undefined) return pass({ openRun: null });
  return stop('run_in_progress', { openRun: open.id, status: open.status }, `the end of run ${open.id}`);
};

/** Groups in which so many repairs may be open at once: the fleet's own limit first, then the groups', then the action's. */
export function locksOf({ fleet, rung, plan }: GateContext): { key: GroupKey | undefined; limit: number }[] {
  const { guard } = rung;
  return [
    { key: fleetKey, limit: fleet.limits.maxConcurrent },
    ...fleet.limits.groups.flatMap(({ label, maxConcurrent }) => {
      const key = groupKeyOf(plan, label);
      return maxConcurrent === undefined || key === undefined ? [] : [{ key, limit: maxConcurrent }];
    }),
    ...(guard?.maxConcurrent === undefined
      ? []
      : [{ key: groupKeyOf(plan, guard.per), limit: guard.maxConcurrent }]),
  ];
}

export const groupLock: Gate = (context) => {
  const { fleet, rung } = context;
  const locks = locksOf(context);
  const first = {
    group: fleetKey,
    open: fleet.groups.get(fleetKey)?.openRepairs ?? 0,
    limit: fleet.limits.maxConcurrent,
  };
  if (isMessage(rung)) return pass(first);
  for (const { key, limit } of locks) {
    if (key === undefined) return groupUnknown(context);
    const values = { group: key, open: fleet.groups.get(key)?.openRepairs ?? 0, limit };
    if (values.open < limit) continue;
    if (key === fleetKey) return stop('fleet_busy', values, 'the end of a run on another host');
    return stop('group_busy', values, `the end of a run in ${key}`);
  }
  return pass(first);
};

/** An empty selection is never read as everything. */
function groupUnknown({ rung, host }: GateContext): GateAnswer {
  const label = rung.guard?.per ?? '';
  return stop('group_unknown', { label }, `the label \`${label}\` on ${host}`);
}

export const quorum: Gate = (context) => {
  const { fleet, rung, plan, host } = context;
  const percent = rung.guard?.minHealthyPercent;
  if (percent === undefined) return pass({ needed: 0 });
  const key = groupKeyOf(plan, rung.guard?.per);
  const group = key === undefined ? undefined : fleet.groups.get(key);
  if (key === undefined || group === undefined) return groupUnknown(context);
  let left = 0;
  for (const [name, member] of group.members) {
    if (name !== host && !member.unhealthy && member.openRepairs === 0) left += 1;
  }
  const needed = Math.ceil((percent * group.members.size) / 100);
  const values = { group: key, healthyWithoutIt: left, needed, hosts: group.members.size };
  if (left >= needed) return pass(values);
  const more = needed - left === 1 ? 'one more healthy host' : `${needed - left} more healthy hosts`;
  return stop('too_few_healthy', values, `${more} in ${key}`);
};

/** The fleet, and the host's group when the brake looks at groups. */
export function brakedGroups({ fleet, plan }: Pick<GateContext, 'fleet' | 'plan'>): GroupView[] {
  const { brake: rule } = fleet.limits;
  if (rule === null) return [];
  const own = rule.label === undefined ? undefined : groupKeyOf(plan, rule.label);
  return [fleetKey, ...(own === undefined ? [] : [own])].flatMap((key) => fleet.groups.get(key) ?? []);
}

export const brake: Gate = (context) => {
  const { fleet, rung } = context;
  const { brake: rule } = fleet.limits;
  if (rule === null || isMessage(rung)) return pass({ rule: rule === null ? 'off' : 'not for messages' });
  const groups = brakedGroups(context);
  for (const group of groups) {
    const stopped = brakedBy(context, group, rule);
    if (stopped !== undefined) return stopped;
  }
  const waiting = groups.flatMap((group) => roundPending(context, group) ?? []);
  const narrowest = groups.at(-1);
  return waiting[0] ?? pass(narrowest === undefined ? {} : figuresOf(context, narrowest, rule));
};

interface Figures {
  group: GroupKey;
  unhealthy: number;
  allowed: number;
  hosts: number;
}

function figuresOf(
  context: GateContext,
  { key, members, unhealthy }: GroupView,
  rule: BrakeRule,
): Figures & GateAnswer['values'] {
  const { check, host, ladder } = context;
  const isSick = ladder.trigger.on === 'problem' && check.state !== 'ok' && check.state !== 'pending';
  // Its newest result, which is being judged now, is not counted yet.
  const isUncounted = isSick && members.get(host)?.unhealthy === false;
  const allowed = allowedUnhealthy(rule, members.size);
  return { group: key, unhealthy: unhealthy + (isUncounted ? 1 : 0), allowed, hosts: members.size };
}

function brakedBy(context: GateContext, group: GroupView, rule: BrakeRule): GateAnswer | undefined {
  const values = figuresOf(context, group, rule);
  if (group.brake !== undefined && isBraked(group)) {
    const opens =
      rule.release.kind === 'person'
        ? `\`mendd brake release ${group.key}\``
        : `\`mendd brake release ${group.key}\`, or ${formatDuration(rule.release.afterMs)} without the trouble`;
    const { cause, sinceMs } = group.brake;
    return stop('brake_on', { ...values, cause, sinceMs }, opens, brakeReleasesAtMs(group.brake, rule));
  }
  if (values.unhealthy <= values.allowed || group.brake?.released !== undefined) return undefined;
  const opens = `at most ${values.allowed} unhealthy hosts in ${group.key}`;
  return stop('brake_on', { ...values, cause: 'mass_failure' }, opens);
}

/** The first host of many that fail must not be acted upon before it is known how the others are. */
function roundPending(context: GateContext, group: GroupView): GateAnswer | undefined {
  const { check, host, nowMs, ladder } = context;
  const sinceMs = check.problemSinceMs ?? nowMs;
  if (ladder.trigger.on === 'recovery' || nowMs < sinceMs) return undefined;
  if (nowMs - sinceMs >= waitedForMs + roundSlackMs) return undefined;
  let [waiting, longestMs] = [0, 0];
  for (const [name, member] of group.members) {
    const everyMs = name === host ? 0 : awaitedEveryMs(context, name, member, sinceMs);
    if (everyMs === 0) continue;
    waiting += 1;
    longestMs = Math.max(longestMs, everyMs);
  }
  const untilMs = sinceMs + longestMs + roundSlackMs;
  if (waiting === 0 || nowMs >= untilMs) return undefined;
  const values = { group: group.key, notAskedSince: waiting, hosts: group.members.size };
  return stop('round_pending', values, `answers of ${waiting} other hosts in ${group.key}`, untilMs);
}

/** Interval of what another host was not asked since: anything at all, and the check that failed here. 0: nothing. */
function awaitedEveryMs(
  { fleet, ladder }: GateContext,
  name: string,
  member: MemberView,
  sinceMs: number,
): number {
  const everyMs = member.askedEveryMs ?? 0;
  if (everyMs > 0 && member.askedAtMs < sinceMs) return everyMs;
  const timing = fleet.plans.get(name)?.checks.find(({ id }) => id === ladder.trigger.check)?.timing;
  const state = fleet.states.get(name);
  if (timing?.kind !== 'interval' || timing.everyMs > waitedForMs || state?.host.state !== 'up') return 0;
  return (state.checks[ladder.trigger.check]?.lastResult?.startedAtMs ?? 0) < sinceMs ? timing.everyMs : 0;
}

export const cooldown: Gate = ({ hostRuns, rung, nowMs, ladder, check }) => {
  const newest = hostRuns.findLast((run) => run.action === rung.id && spends(run));
  const endedMs = newest?.endedAtMs ?? newest?.decidedAtMs;
  const episode = episodeOf(ladder, check, hostRuns);
  const unsent = unsentRuns(hostRuns.filter((run) => run.action === rung.id && run.episode === episode));
  const values = { cooldownMs: rung.cooldownMs, lastRunEndedAtMs: endedMs ?? null, notSent: unsent.length };
  const cooledMs = endedMs === undefined ? 0 : endedMs + rung.cooldownMs;
  const untilMs = Math.max(cooledMs, retryAtMs(unsent));
  if (isMessage(rung) || nowMs >= untilMs) return pass(values);
  const opens =
    untilMs === cooledMs
      ? `${formatDuration(rung.cooldownMs)} after the last run`
      : 'the next attempt; the pause between attempts that come to nothing doubles';
  return stop('cooldown', values, opens, untilMs);
};

export const windowRuns: Gate = ({ hostRuns, rung, nowMs }) => {
  const used = runsInWindow(rung, hostRuns, nowMs);
  const values = { used: used.length, limit: rung.maxRuns.runs, perMs: rung.maxRuns.perMs };
  if (isMessage(rung) || used.length < rung.maxRuns.runs) return pass(values);
  const oldestMs = used[used.length - rung.maxRuns.runs]?.decidedAtMs ?? nowMs;
  return stop('max_runs_reached', values, 'the oldest run leaving the window', oldestMs + rung.maxRuns.perMs);
};

export const hostBudget: Gate = ({ fleet, rung, hostRuns, nowMs, host }) => {
  const { runs, perMs } = fleet.limits.maxRunsPerHost;
  const used = hostRuns.filter(
    (run) => run.kind !== 'notify' && spends(run) && run.decidedAtMs > nowMs - perMs,
  );
  const values = { used: used.length, limit: runs, perMs };
  if (isMessage(rung) || used.length < runs) return pass(values);
  const oldestMs = used[used.length - runs]?.decidedAtMs ?? nowMs;
  return stop('host_budget_spent', values, `an older run on ${host} leaving the window`, oldestMs + perMs);
};

function usage(
  group: GroupView | undefined,
  { runs, perMs }: RunLimit,
  nowMs: number,
): { used: number; limit: number; perMs: number } {
  return { used: group?.repairsSince(nowMs - perMs) ?? 0, limit: runs, perMs };
}

export const groupBudget: Gate = ({ fleet, rung, plan, nowMs }) => {
  if (isMessage(rung)) return pass({ limits: 0 });
  const limits = fleet.limits.groups.filter(({ maxRuns }) => maxRuns !== undefined);
  for (const { label, maxRuns } of limits) {
    const key = groupKeyOf(plan, label);
    if (key === undefined || maxRuns === undefined) continue;
    const values = { group: key, ...usage(fleet.groups.get(key), maxRuns, nowMs) };
    if (values.used >= values.limit)
      return stop('group_budget_spent', values, `an older run in ${key} leaving the window`);
  }
  return pass({ limits: limits.length });
};

export const fleetBudget: Gate = ({ fleet, rung, nowMs }) => {
  const values = usage(fleet.groups.get(fleetKey), fleet.limits.maxRuns, nowMs);
  if (isMessage(rung) || values.used < values.limit) return pass(values);
  return stop('fleet_budget_spent', values, 'an older run of the fleet leaving the window');
};
