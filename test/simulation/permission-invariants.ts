/** Asks anew whether a run may act at this moment: pause, mode, approval, doubt, brake, quorum, transport. */
import { allowedUnhealthy } from '../../core/brake.ts';
import { fleetKey, groupKeyOf, isUnhealthy } from '../../core/census.ts';
import type { ActionDefinition, HostPlan } from '../../core/definitions.ts';
import { type Mode, tightest } from '../../core/safety.ts';
import type { Intent } from '../../core/types.ts';
import type { Life } from './daemon-life.ts';
import type { LedgerModel } from './ledger-model.ts';
import { placeOf } from './limit-invariants.ts';

/** The end of a sentence, or undefined. */
export function permissionBreach(
  life: Life,
  ledger: LedgerModel,
  intent: Intent,
  nowMs: number,
): string | undefined {
  const { fleet, selfDoubt } = life.healing;
  const place = placeOf(life, intent);
  if (place === undefined) return 'without a definition';
  if (fleet.quarantine !== undefined) return 'in quarantine';
  if (ledger.isPaused(nowMs)) return 'while paused';
  if (intent.decidedBy !== 'rule') return undefined;
  const { plan, action } = place;
  const { doubt } = selfDoubt;
  if (doubt !== undefined) return `in doubt: ${doubt.cause}`;
  const isLocal = action.runOn.kind === 'local';
  if (!isLocal && fleet.state(intent.host)?.host.state === 'unreachable') return 'for an unreachable host';
  return (
    modeBreach(life, ledger, intent, action) ??
    brakeBreach(life, ledger, plan, intent) ??
    massBreach(life, ledger, plan) ??
    quorumBreach(life, ledger, plan, action)
  );
}

function modeBreach(
  { healing: { fleet } }: Life,
  ledger: LedgerModel,
  { id }: Intent,
  action: ActionDefinition,
): string | undefined {
  const cap = ledger.caps.get(action.id);
  const mode: Mode = tightest(fleet.mode, action.mode, cap?.mode ?? 'auto');
  if (mode === 'auto') return undefined;
  if (mode !== 'approve') return `in mode ${mode}`;
  const { status } = ledger.approvals.get(id) ?? {};
  return status === 'approved' ? undefined : `and is ${status ?? 'not asked'}`;
}

/** A budget that is spent holds what is decided after that; what spends the last of it has been decided. */
function brakeBreach(
  { healing: { fleet } }: Life,
  ledger: LedgerModel,
  plan: HostPlan,
  { decidedAtMs }: Intent,
): string | undefined {
  const { brake: rule } = fleet.definitions.daemon.remediation;
  if (rule === null) return undefined;
  const own = rule.label === undefined ? undefined : groupKeyOf(plan, rule.label);
  const on = [fleetKey, own].find((scope) => {
    const brake = scope === undefined ? undefined : ledger.brakes.get(scope);
    if (brake === undefined || brake.released !== undefined) return false;
    return brake.cause === 'mass_failure' || decidedAtMs > brake.sinceMs;
  });
  return on === undefined ? undefined : `with the brake of ${on} on`;
}

function membersOf({ healing: { fleet } }: Life, label: string | undefined, key: string): HostPlan[] {
  return [...fleet.definitions.byHost.values()].filter((plan) => groupKeyOf(plan, label) === key);
}

function isSick({ healing: { fleet } }: Life, plan: HostPlan): boolean {
  const state = fleet.state(plan.host.name);
  return state !== undefined && isUnhealthy(plan, state);
}

/** The brake's own arithmetic, over what the daemon knows of each host. */
function massBreach(life: Life, ledger: LedgerModel, plan: HostPlan): string | undefined {
  const { brake: rule } = life.healing.fleet.definitions.daemon.remediation;
  if (rule === null) return undefined;
  for (const label of [undefined, ...(rule.label === undefined ? [] : [rule.label])]) {
    const key = groupKeyOf(plan, label);
    if (key === undefined || ledger.brakes.get(key)?.released !== undefined) continue;
    const members = membersOf(life, label, key);
    const sick = members.filter((each) => isSick(life, each)).length;
    const allowed = allowedUnhealthy(rule, members.length);
    if (sick > allowed) return `with ${sick} of ${members.length} sick in ${key}, ${allowed} allowed`;
  }
  return undefined;
}

function quorumBreach(
  life: Life,
  { open }: LedgerModel,
  plan: HostPlan,
  { guard }: ActionDefinition,
): string | undefined {
  const key = groupKeyOf(plan, guard?.per);
  if (guard?.minHealthyPercent === undefined || key === undefined) return undefined;
  const members = membersOf(life, guard.per, key);
  const left = members.filter((each) => {
    const isTouched = open.some(({ intent }) => intent.host === each.host.name);
    return each !== plan && !isTouched && !isSick(life, each);
  });
  const needed = Math.ceil((guard.minHealthyPercent * members.length) / 100);
  return left.length >= needed ? undefined : `with ${left.length} healthy in ${key}, ${needed} needed`;
}
