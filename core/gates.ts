/**
 * The gates: each a pure function that looks at one reason not to act and says what it saw and what would open it.
 * Their order is the order of this file's list. Fleet-wide figures come in; nothing here reads or changes anything.
 */

import type { GateName, GateVerdict, Reason } from './decisions.ts';
import type { ActionDefinition, LadderDefinition, RunLimit } from './definitions.ts';
import { formatDuration } from './duration.ts';
import { episodeOf, isMessage, retryAtMs, runsInWindow, spends, unsentRuns } from './ladder.ts';
import { type CheckStatus, type HostStatus, isOpen, type Pause, type RunSummary } from './types.ts';

/** What the fleet as a whole looks like at one moment. */
export interface FleetView {
  mode: 'observe' | 'auto';
  paused?: Pause;
  /** Why an intent cannot be written at present. */
  storeProblem?: string;
  /** Results that began before this do not count: the daemon's own start. Wall time. */
  freshSinceMs: number;
  maxConcurrent: number;
  maxRuns: RunLimit;
  /** Repairs of all hosts: the open ones, and those decided in the fleet's window. */
  openRepairs: number;
  repairsInWindow: number;
}

/** All that is known when a ladder of a host is decided. */
export interface LadderContext {
  nowMs: number;
  host: string;
  ladder: LadderDefinition;
  check: CheckStatus;
  hostStatus: HostStatus;
  /** Oldest first. */
  hostRuns: readonly RunSummary[];
  fleet: FleetView;
  /** A check it depends on of which nothing is known since `freshSinceMs`. */
  unasked?: string;
}

export interface GateContext extends LadderContext {
  rung: ActionDefinition;
}

type Gate = (context: GateContext) => Omit<GateVerdict, 'gate'>;
type Values = GateVerdict['values'];

function pass(values: Values): Omit<GateVerdict, 'gate'> {
  return { passed: true, values };
}

function stop(reason: Reason, values: Values, opens: string, opensAtMs?: number): Omit<GateVerdict, 'gate'> {
  return { passed: false, reason, values, opens, ...(opensAtMs === undefined ? {} : { opensAtMs }) };
}

const mode: Gate = ({ fleet, rung }) => {
  const values = { daemon: fleet.mode, action: rung.mode };
  if (fleet.mode === 'auto' && rung.mode === 'auto') return pass(values);
  const where =
    fleet.mode === 'observe' ? '`remediation.mode: auto` in mendd.yaml' : '`mode: auto` on the action';
  return stop('observe_mode', values, where);
};

const pause: Gate = ({ fleet, rung }) => {
  if (fleet.paused === undefined || isMessage(rung)) return pass({ paused: fleet.paused !== undefined });
  const { by, reason, untilMs } = fleet.paused;
  return stop('paused', { paused: true, by, because: reason }, '`mendd resume`', untilMs);
};

const store: Gate = ({ fleet }) => {
  if (fleet.storeProblem === undefined) return pass({ writable: true });
  return stop(
    'store_unwritable',
    { writable: false, problem: fleet.storeProblem },
    'a store that can be written',
  );
};

const enabled: Gate = ({ rung }) =>
  rung.enabled
    ? pass({ enabled: true })
    : stop('disabled', { enabled: false }, '`enabled: true` on the action');

const transport: Gate = ({ hostStatus: host }) => {
  const values = { host: host.state, stage: host.failure?.stage ?? null };
  if (host.state !== 'unreachable') return pass(values);
  if (host.failure?.stage === 'host_key')
    return stop('host_key_changed', values, 'a host key that known_hosts knows');
  return stop('host_unreachable', values, 'a successful contact over SSH');
};

const freshResult: Gate = ({ check, fleet, hostRuns, unasked }) => {
  const afterRunsMs = Math.max(0, ...hostRuns.map((run) => (run.endedAtMs ?? -1) + 1));
  const neededMs = Math.max(fleet.freshSinceMs, afterRunsMs);
  const startedMs = check.lastResult?.startedAtMs ?? 0;
  const values = { resultAtMs: startedMs, neededFromMs: neededMs, dependsOn: unasked ?? null };
  if (startedMs < neededMs) return stop('no_fresh_result', values, 'the next result of the check');
  if (unasked === undefined) return pass(values);
  return stop('no_fresh_result', values, `the next result of ${unasked}, which may be the cause`);
};

const state: Gate = ({ check, ladder }) => {
  const values = { state: check.state, acts: ladder.trigger.states.join(' ') };
  if (check.state === 'ok' || check.state === 'pending') return stop('no_problem', values, 'a problem');
  if (ladder.trigger.states.includes(check.state)) return pass(values);
  return stop('state_not_listed', values, `a state of \`when.state\`: ${ladder.trigger.states.join(', ')}`);
};

const attempts: Gate = ({ check, ladder }) => {
  const values = { seen: check.problemResults, needed: ladder.trigger.attempts };
  if (values.seen >= values.needed) return pass(values);
  return stop('attempts_not_reached', values, `${values.needed - values.seen} more results that are not OK`);
};

const dependency: Gate = ({ check }) => {
  if (check.suppressedBy === undefined) return pass({ suppressedBy: null });
  return stop('dependency_down', { suppressedBy: check.suppressedBy }, `${check.suppressedBy} turning OK`);
};

const flapping: Gate = ({ check }) => {
  const { percentWithoutActions, flappingWithoutActions, percent } = check.flap;
  const values = { percentWithoutActions, percent, flapping: flappingWithoutActions };
  return flappingWithoutActions ? stop('flapping', values, 'steadier results for a while') : pass(values);
};

const hostBusy: Gate = ({ hostRuns, rung }) => {
  // A message changes nothing and waits for nobody but itself.
  const isInTheWay = (run: RunSummary): boolean =>
    isMessage(rung) ? run.action === rung.id : run.kind !== 'notify';
  const open = hostRuns.find((run) => isOpen(run) && isInTheWay(run));
  if (open === undefined) return pass({ openRun: null });
  return stop('run_in_progress', { openRun: open.id, status: open.status }, `the end of run ${open.id}`);
};

const concurrency: Gate = ({ fleet, rung }) => {
  const values = { open: fleet.openRepairs, limit: fleet.maxConcurrent };
  if (isMessage(rung) || values.open < values.limit) return pass(values);
  return stop('fleet_busy', values, 'the end of a run on another host');
};

const cooldown: Gate = ({ hostRuns, rung, nowMs, ladder, check }) => {
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

const windowRuns: Gate = ({ hostRuns, rung, nowMs }) => {
  const used = runsInWindow(rung, hostRuns, nowMs);
  const values = { used: used.length, limit: rung.maxRuns.runs, perMs: rung.maxRuns.perMs };
  if (isMessage(rung) || used.length < rung.maxRuns.runs) return pass(values);
  const oldestMs = used[used.length - rung.maxRuns.runs]?.decidedAtMs ?? nowMs;
  return stop('max_runs_reached', values, 'the oldest run leaving the window', oldestMs + rung.maxRuns.perMs);
};

const fleetBudget: Gate = ({ fleet, rung }) => {
  const values = { used: fleet.repairsInWindow, limit: fleet.maxRuns.runs, perMs: fleet.maxRuns.perMs };
  if (isMessage(rung) || values.used < values.limit) return pass(values);
  return stop('fleet_budget_spent', values, 'an older run of the fleet leaving the window');
};

/** In the order they are asked. */
export const gates: readonly (readonly [GateName, Gate])[] = [
  ['mode', mode],
  ['pause', pause],
  ['store', store],
  ['enabled', enabled],
  ['transport', transport],
  ['fresh_result', freshResult],
  ['state', state],
  ['attempts', attempts],
  ['dependency', dependency],
  ['flapping', flapping],
  ['host_busy', hostBusy],
  ['concurrency', concurrency],
  ['cooldown', cooldown],
  ['runs_in_window', windowRuns],
  ['fleet_budget', fleetBudget],
];

/** Every gate's answer, passed or not. */
export function askGates(context: GateContext): GateVerdict[] {
  return gates.map(([gate, ask]) => ({ gate, ...ask(context) }));
}

/** Gates that a person's own command may pass over; all others bind people too. */
const judgementGates: readonly GateName[] = [
  'mode',
  'fresh_result',
  'state',
  'attempts',
  'dependency',
  'flapping',
  'cooldown',
  'runs_in_window',
];

export function stopsPerson(verdict: GateVerdict): boolean {
  return !verdict.passed && !judgementGates.includes(verdict.gate);
}
