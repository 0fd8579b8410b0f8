/** Counts anew, from the book of all runs, what one more run would make of locks and budgets. */
import { fleetKey, groupKeyOf } from '../../core/census.ts';
import type { ActionDefinition, HostPlan, RunLimit } from '../../core/definitions.ts';
import { actionOf } from '../../core/runs.ts';
import type { Intent } from '../../core/types.ts';
import type { Life } from './daemon-life.ts';
import type { KnownRun, LedgerModel } from './ledger-model.ts';

export function placeOf(
  life: Life,
  intent: Intent,
): { plan: HostPlan; action: ActionDefinition } | undefined {
  const plan = life.healing.fleet.plan(intent.host);
  const found = plan && actionOf(intent, plan);
  return plan && found && { plan, action: found.action };
}

/** Asked before the run is in the book. A sentence, or undefined. */
export function lockBreach(life: Life, { open }: LedgerModel, intent: Intent): string | undefined {
  const place = placeOf(life, intent);
  if (place === undefined) return `${intent.id} was claimed without a definition`;
  const { maxConcurrent, groups } = life.healing.fleet.definitions.daemon.remediation;
  const { guard } = place.action;
  const limits = [
    { label: undefined, maxConcurrent },
    ...groups,
    ...(guard === undefined ? [] : [{ label: guard.per, maxConcurrent: guard.maxConcurrent }]),
  ];
  for (const { label, maxConcurrent: limit = Infinity } of limits) {
    const inside = inGroup(life, place.plan, label, open);
    if (inside.length >= limit)
      return `${intent.id} is one more than ${limit} in ${label ?? fleetKey}: ${idsOf(inside)}`;
  }
  return undefined;
}

function inGroup(
  life: Life,
  plan: HostPlan,
  label: string | undefined,
  runs: readonly KnownRun[],
): KnownRun[] {
  const key = groupKeyOf(plan, label);
  if (label === undefined || key === undefined) return key === undefined ? [] : [...runs];
  const { byHost } = life.healing.fleet.definitions;
  return runs.filter(({ intent }) => {
    const other = byHost.get(intent.host);
    return other !== undefined && groupKeyOf(other, label) === key;
  });
}

/** Asked before the run is in the book. A person's own command is bound by the budgets of groups and of the fleet. */
export function budgetBreach(
  life: Life,
  { spending }: LedgerModel,
  intent: Intent,
  nowMs: number,
): string | undefined {
  const place = placeOf(life, intent);
  if (place === undefined) return undefined;
  const { maxRuns, maxRunsPerHost, groups } = life.healing.fleet.definitions.daemon.remediation;
  const onHost = spending.filter((run) => run.intent.host === intent.host);
  const ofAction = onHost.filter((run) => run.intent.action === intent.action);
  const limits: [string, RunLimit | undefined, readonly KnownRun[]][] = [
    [fleetKey, maxRuns, spending],
    ...groups.map(({ label, maxRuns: limit }): [string, RunLimit | undefined, readonly KnownRun[]] => {
      return [label, limit, inGroup(life, place.plan, label, spending)];
    }),
  ];
  if (intent.decidedBy === 'rule')
    limits.push([intent.host, maxRunsPerHost, onHost], [intent.action, place.action.maxRuns, ofAction]);
  for (const [what, limit, runs] of limits) {
    const used = runs.filter((run) => run.intent.decidedAtMs > nowMs - (limit?.perMs ?? 0));
    if (limit !== undefined && used.length >= limit.runs)
      return `${intent.id} is one more than ${limit.runs} runs of ${what}: ${idsOf(used)}`;
  }
  return undefined;
}

export function idsOf(runs: readonly KnownRun[]): string {
  return runs.map(({ intent, status }) => `${intent.id} (${status})`).join(', ');
}
