/**
 * Writes down what is about to be done: the intent and the slots it needs. Builds data only; nothing is sent or stored here.
 */

import type { Decision } from '../core/decisions.ts';
import type {
  ActionDefinition,
  HostDefinition,
  LadderDefinition,
  RemediationConfig,
} from '../core/definitions.ts';
import type { ClaimVerdict, Slots } from '../core/ports.ts';
import { shardOf } from '../core/shard.ts';
import type { Intent, Preconditions, RunSummary } from '../core/types.ts';

/** How long after its decision an action may still be sent. Milliseconds. */
export const sendWithinMs = 30_000;

/** A decision to act, with all that carrying it out needs. */
export interface Order {
  host: HostDefinition;
  ladder: LadderDefinition;
  action: ActionDefinition;
  run: RunSummary;
  decision: Decision;
  /** `rule` or `person:<name>`. */
  decidedBy: string;
  reason: string;
}

export function intentOf(
  order: Order,
  facts: { preconditions: Preconditions; command: string; fence: number; revision: string; nowMs: number },
): Intent {
  const { run, host, decision, decidedBy, reason } = order;
  const { nowMs, ...known } = facts;
  return {
    id: run.id,
    host: run.host,
    ladder: run.ladder,
    action: run.action,
    kind: run.kind,
    episode: run.episode,
    attempt: run.attempt,
    decidedAtMs: run.decidedAtMs,
    notAfterMs: nowMs + sendWithinMs,
    decidedBy,
    reason,
    gates: decision.gates,
    shard: shardOf(host.name),
    ...known,
  };
}

/** A person's own command is not bound by the action's window; the fleet's limits bind everyone. */
export function slotsOf(order: Order, remediation: RemediationConfig, nowMs: number): Slots {
  const { maxConcurrent, maxRuns } = remediation;
  const own = order.action.maxRuns;
  return {
    fleetConcurrent: maxConcurrent,
    action: {
      runs: order.decidedBy === 'rule' ? own.runs : Number.MAX_SAFE_INTEGER,
      sinceMs: nowMs - own.perMs,
    },
    fleet: { runs: maxRuns.runs, sinceMs: nowMs - maxRuns.perMs },
    repairs: order.run.kind !== 'notify',
  };
}

export const claimRefusals: Record<Extract<ClaimVerdict, { kind: 'refused' }>['reason'], string> = {
  host_busy: 'another run holds this host',
  duplicate: 'this intent exists already',
  fleet_busy: 'as many runs as remediation.max_concurrent allows are open',
  max_runs_reached: 'the action reached max_runs in its window',
  fleet_budget_spent: 'the fleet spent remediation.max_runs',
  paused: 'automation is paused',
  fenced: 'a newer daemon took over',
};
