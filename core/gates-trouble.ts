/** Gates about the trouble itself: is it real, is it fresh, is it bad enough, is it this host's own. */

import { fleetKey } from './census.ts';
import { hostCheck, type LadderDefinition } from './definitions.ts';
import { formatDuration } from './duration.ts';
import { type Gate, type GateAnswer, pass, stop } from './fleet-view.ts';
import { episodeOf, isMessage, verifiedInWindow } from './ladder.ts';
import { downParent } from './trouble.ts';
import type { CheckStatus, RunSummary } from './types.ts';

export const transport: Gate = ({ hostStatus: host, ladder, rung }) => {
  const values = { host: host.state, stage: host.failure?.stage ?? null };
  if (host.state !== 'unreachable') return pass(values);
  if (host.failure?.stage === 'host_key')
    return stop('host_key_changed', values, 'a host key that known_hosts knows');
  // An action against a host that is down runs elsewhere; so does what tells of it.
  const elsewhere = rung.runOn.kind === 'local' || isMessage(rung) || rung.effect.kind === 'webhook';
  if (ladder.trigger.check === hostCheck && elsewhere) return pass(values);
  return stop('host_unreachable', values, 'a successful contact over SSH');
};

export const freshResult: Gate = ({ check, fleet, hostRuns, unasked, ladder, nowMs }) => {
  // What follows a recovery follows the very result that ended the run.
  const ended = ladder.trigger.on === 'recovery' ? [] : hostRuns;
  const afterRunsMs = Math.max(0, ...ended.map((run) => (run.endedAtMs ?? -1) + 1));
  const neededMs = Math.max(fleet.freshSinceMs, afterRunsMs);
  const startedMs = check.lastResult?.startedAtMs ?? 0;
  const values = { resultAtMs: startedMs, neededFromMs: neededMs, dependsOn: unasked ?? null };
  // What lies in the future is from before the clock was set back.
  if (startedMs < neededMs || startedMs > nowMs)
    return stop('no_fresh_result', values, 'the next result of the check');
  if (unasked === undefined) return pass(values);
  return stop('no_fresh_result', values, `the next result of ${unasked}, which may be the cause`);
};

export const state: Gate = ({ check, ladder: { trigger } }) => {
  if (trigger.on === 'recovery') {
    const values = { state: check.state, acts: 'ok' };
    return check.state === 'ok' ? pass(values) : stop('problem_again', values, 'the next recovery');
  }
  const values = { state: check.state, acts: trigger.states.join(' ') };
  if (check.state === 'ok' || check.state === 'pending') return stop('no_problem', values, 'a problem');
  if (trigger.states.includes(check.state)) return pass(values);
  return stop('state_not_listed', values, `a state of \`when.state\`: ${trigger.states.join(', ')}`);
};

export const attempts: Gate = ({ check, ladder: { trigger }, nowMs }) => {
  const { times } = trigger;
  const seen = check.problemResults;
  if (seen < trigger.attempts) {
    const values = { seen, needed: trigger.attempts };
    return stop('attempts_not_reached', values, moreResults(trigger.attempts - seen));
  }
  if (times === undefined) return pass({ seen, needed: trigger.attempts });
  const sinceMs = nowMs - times.withinMs;
  const inWindow = (check.problemTimesMs ?? []).filter((ms) => ms > sinceMs && ms <= nowMs).length;
  const values = { seen: inWindow, needed: times.count, withinMs: times.withinMs };
  if (inWindow >= times.count) return pass(values);
  const opens = `${moreResults(times.count - inWindow)} within ${formatDuration(times.withinMs)}`;
  return stop('too_few_in_window', values, opens);
};

function moreResults(count: number): string {
  return count === 1 ? 'one more result that is not OK' : `${count} more results that are not OK`;
}

/** What went on while nobody looked is not known: time counts from the first look that can be trusted. */
export const duration: Gate = ({ check, ladder: { trigger }, fleet, nowMs }) => {
  if (trigger.forMs === 0) return pass({ neededMs: 0 });
  const sinceMs = Math.min(Math.max(check.problemSinceMs ?? nowMs, fleet.freshSinceMs), nowMs);
  const values = { lastedMs: nowMs - sinceMs, neededMs: trigger.forMs };
  if (values.lastedMs >= trigger.forMs) return pass(values);
  const opens = `${formatDuration(trigger.forMs - values.lastedMs)} more of the same problem`;
  return stop('too_short', values, opens, sinceMs + trigger.forMs);
};

export const dependency: Gate = ({ check }) => {
  if (check.suppressedBy === undefined) return pass({ suppressedBy: null });
  return stop('dependency_down', { suppressedBy: check.suppressedBy }, `${check.suppressedBy} turning OK`);
};

export const parent: Gate = ({ plan, fleet, ladder, check, nowMs }) => {
  if (ladder.trigger.on === 'recovery') return pass({ downParent: null });
  const root = downParent(plan, fleet.states, fleet.plans);
  const values = { parents: plan.host.parents.join(' '), downParent: root ?? null };
  if (root !== undefined) return stop('parent_down', values, `${root} being reached again`);
  if (ladder.trigger.check !== hostCheck) return pass(values);
  // A parent that went down at the same time may be asked later than the host behind it.
  const sinceMs = check.problemSinceMs ?? nowMs;
  const members = fleet.groups.get(fleetKey)?.members;
  const isUnasked = (name: string): boolean => {
    const member = members?.get(name);
    return member?.askedEveryMs !== undefined && member.askedAtMs < sinceMs;
  };
  const [first] = plan.host.parents;
  if (first === undefined || !plan.host.parents.every(isUnasked)) return pass(values);
  return stop('no_fresh_result', values, `the next answer of ${first}, which may be the cause`);
};

/** So many problems of a host within the window that led to something are one that flaps: a host has no flap detection. */
const hostFlaps = { problems: 3, perMs: 3_600_000 };

export const flapping: Gate = ({ check, ladder, hostRuns, nowMs }) => {
  if (ladder.trigger.check === hostCheck) return hostFlapping(ladder, check, hostRuns, nowMs);
  const { percentWithoutActions, flappingWithoutActions, percent } = check.flap;
  const values = { percentWithoutActions, percent, flapping: flappingWithoutActions };
  return flappingWithoutActions ? stop('flapping', values, 'steadier results for a while') : pass(values);
};

function hostFlapping(
  ladder: LadderDefinition,
  check: CheckStatus,
  hostRuns: readonly RunSummary[],
  nowMs: number,
): GateAnswer {
  const { problems, perMs } = hostFlaps;
  const own = hostRuns.filter((run) => run.ladder === ladder.id && run.decidedAtMs > nowMs - perMs);
  const present = episodeOf(ladder, check, hostRuns);
  const startsMs = new Map(
    own.flatMap((run) => (run.episode === present ? [] : [[run.episode, run.decidedAtMs]])),
  );
  const values = { problems: startsMs.size, limit: problems, perMs };
  if (startsMs.size < problems) return pass(values);
  const oldestMs = [...startsMs.values()].toSorted((a, b) => b - a)[problems - 1] ?? nowMs;
  return stop('flapping', values, 'fewer times down within the hour', oldestMs + perMs);
}

export const chronic: Gate = ({ rung, hostRuns, nowMs, host }) => {
  if (rung.chronic === null) return pass({ limit: null });
  const healed = verifiedInWindow(rung, rung.chronic.perMs, hostRuns, nowMs);
  const values = { healed: healed.length, limit: rung.chronic.runs, perMs: rung.chronic.perMs };
  if (healed.length < rung.chronic.runs) return pass(values);
  const first = healed[healed.length - rung.chronic.runs];
  return stop(
    'chronic',
    values,
    `a person who ends what keeps coming back on ${host}`,
    first === undefined ? undefined : first.decidedAtMs + rung.chronic.perMs,
  );
};
