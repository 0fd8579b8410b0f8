/**
 * Writes down what is about to be done: the intent and the slots it needs. Builds data only; nothing is sent or stored here.
 */

import { fleetKey, groupKeyOf, groupLabels } from '../core/census.ts';
import type { Decision } from '../core/decisions.ts';
import type {
  ActionDefinition,
  Definitions,
  HostDefinition,
  HostPlan,
  LadderDefinition,
  RunLimit,
} from '../core/definitions.ts';
import type { ClaimVerdict, RunsLimit, Slots } from '../core/ports.ts';
import type { Approval } from '../core/safety.ts';
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
  /** The person's word that let the rule act. */
  approval?: Approval;
  reason: string;
}

export function intentOf(
  order: Order,
  facts: { preconditions: Preconditions; command: string; fence: number; revision: string; nowMs: number },
): Intent {
  const { run, host, decision, decidedBy, approval, reason } = order;
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
    ...(approval?.decidedBy === undefined ? {} : { approvedBy: approval.decidedBy }),
    reason,
    gates: decision.gates,
    shard: shardOf(host.name),
    ...known,
  };
}

/**
 * A person's own command is not bound by the action's window, the host's budget or a brake; the limits of groups and of the
 * fleet bind everyone.
 */
export function slotsOf(order: Order, definitions: Definitions, plan: HostPlan, nowMs: number): Slots {
  const { maxConcurrent, maxRuns, maxRunsPerHost, brake } = definitions.daemon.remediation;
  const { action, approval } = order;
  const isRule = order.decidedBy === 'rule';
  const { per, maxConcurrent: own = Infinity } = action.guard ?? {};
  const since = ({ runs, perMs }: RunLimit): RunsLimit => ({ runs, sinceMs: nowMs - perMs });
  const ofRule = (limit: RunLimit): RunsLimit => ({
    ...since(limit),
    ...(isRule ? {} : { runs: Number.MAX_SAFE_INTEGER }),
  });
  const braked = brake?.label === undefined ? undefined : groupKeyOf(plan, brake.label);
  return {
    fleetConcurrent: per === undefined ? Math.min(maxConcurrent, own) : maxConcurrent,
    action: ofRule(action.maxRuns),
    host: ofRule(maxRunsPerHost),
    fleet: since(maxRuns),
    groups: groupsOf(order, definitions, plan, since),
    brakes: brake === null || !isRule ? [] : [fleetKey, ...(braked === undefined ? [] : [braked])],
    ...(approval === undefined ? {} : { approvalTag: approval.tag }),
    repairs: order.run.kind !== 'notify',
  };
}

/** Every group the host is in, so that the run counts there, with the tightest limits that hold for this action. */
function groupsOf(
  { action: { guard } }: Order,
  definitions: Definitions,
  plan: HostPlan,
  since: (limit: RunLimit) => RunsLimit,
): Slots['groups'] {
  const labels = groupLabels(definitions);
  const all = guard?.per === undefined ? labels : new Set([...labels, guard.per]);
  return [...all].flatMap((label) => {
    const key = groupKeyOf(plan, label);
    if (key === undefined) return [];
    const limits = definitions.daemon.remediation.groups.filter((group) => group.label === label);
    const guards = guard?.per === label ? [guard] : [];
    const concurrent = Math.min(
      ...[...limits, ...guards].map(({ maxConcurrent = Infinity }) => maxConcurrent),
    );
    const runs = limits.find(({ maxRuns }) => maxRuns !== undefined)?.maxRuns;
    return {
      key,
      ...(concurrent === Infinity ? {} : { concurrent }),
      ...(runs === undefined ? {} : { runs: since(runs) }),
    };
  });
}

export const claimRefusals: Record<Extract<ClaimVerdict, { kind: 'refused' }>['reason'], string> = {
  host_busy: 'another run holds this host',
  duplicate: 'this intent exists already',
  fleet_busy: 'as many runs as remediation.max_concurrent allows are open',
  group_busy: 'as many runs as the limits of its group allow are open',
  max_runs_reached: 'the action reached max_runs in its window',
  host_budget_spent: 'the host spent remediation.max_runs_per_host',
  group_budget_spent: 'its group spent its max_runs',
  fleet_budget_spent: 'the fleet spent remediation.max_runs',
  brake_on: 'a brake came on',
  not_approved: 'it is not approved as it would run now',
  not_rearmed: 'the ledger is not trusted until a person re-arms it',
  paused: 'automation is paused',
  fenced: 'a newer daemon took over',
};
