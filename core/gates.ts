/**
 * The gates in the order they are asked. Each is a pure function that looks at one reason not to act and says what it saw and
 * what would open it; they stand in core/gates-*.ts.
 */

import { type GateName, type GateVerdict, gateNames } from './decisions.ts';
import type { Gate, GateContext } from './fleet-view.ts';
import * as limits from './gates-limits.ts';
import * as people from './gates-people.ts';
import * as permission from './gates-permission.ts';
import * as trouble from './gates-trouble.ts';

const gates: Readonly<Record<GateName, Gate>> = {
  mode: permission.mode,
  pause: permission.pause,
  store: permission.store,
  rearm: permission.rearm,
  enabled: permission.enabled,
  self_doubt: permission.selfDoubt,
  transport: trouble.transport,
  fresh_result: trouble.freshResult,
  state: trouble.state,
  attempts: trouble.attempts,
  duration: trouble.duration,
  dependency: trouble.dependency,
  parent: trouble.parent,
  downtime: people.downtime,
  acknowledgement: people.acknowledgement,
  silence: people.silence,
  flapping: trouble.flapping,
  chronic: trouble.chronic,
  human_intent: people.humanIntent,
  min_uptime: people.minUptime,
  host_busy: limits.hostBusy,
  group_lock: limits.groupLock,
  quorum: limits.quorum,
  brake: limits.brake,
  cooldown: limits.cooldown,
  runs_in_window: limits.windowRuns,
  host_budget: limits.hostBudget,
  group_budget: limits.groupBudget,
  fleet_budget: limits.fleetBudget,
  approval: permission.approval,
};

/** What does not keep the target from being asked: it comes after that, or stops only the acting. */
const besideFacts: readonly GateName[] = ['mode', 'approval'];

/** Every gate's answer, passed or not. The target is asked for facts only when nothing else stands in the way. */
export function askGates(context: Omit<GateContext, 'factsWanted'>): GateVerdict[] {
  const ask = (factsWanted: boolean): GateVerdict[] =>
    gateNames.map((gate) => ({ gate, ...gates[gate]({ ...context, factsWanted }) }));
  const first = ask(false);
  const isClear = first.every(({ passed, gate }) => passed || besideFacts.includes(gate));
  return isClear ? ask(true) : first;
}

/** Gates that a person's own command may pass over; all others bind people too. */
const judgementGates: readonly GateName[] = [
  'mode',
  'self_doubt',
  'fresh_result',
  'state',
  'attempts',
  'duration',
  'dependency',
  'parent',
  'downtime',
  'acknowledgement',
  'silence',
  'flapping',
  'chronic',
  'human_intent',
  'min_uptime',
  'quorum',
  'brake',
  'cooldown',
  'runs_in_window',
  'host_budget',
  'approval',
];

export function stopsPerson(verdict: GateVerdict): boolean {
  return !verdict.passed && !judgementGates.includes(verdict.gate);
}
