/** Owns what of the states is kept when the definitions are swapped. It keeps none itself. */
import type { Definitions, HostPlan } from '../core/definitions.ts';
import type { Store } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';

/** The state is of these checks and no others. */
export function isOfChecks({ checks }: HostEngineState, plan: HostPlan): boolean {
  return Object.keys(checks).length === plan.checks.length && plan.checks.every(({ id }) => id in checks);
}

/** Whether a host, or a check of one, is there no more. */
export function dropsSome(before: Definitions, after: Definitions): boolean {
  return [...before.byHost].some(([name, { checks }]) => {
    const left = after.byHost.get(name)?.checks;
    if (left === undefined) return true;
    const isAlike = checks.length === left.length && checks.every(({ id }, index) => left[index]?.id === id);
    return !isAlike && checks.some(({ id }) => !left.some((each) => each.id === id));
  });
}

export function keysOf({ byHost }: Definitions): Parameters<Store['forget']>[0] {
  const checks = [...byHost].flatMap(([host, plan]) => plan.checks.map(({ id }) => `${host}\n${id}`));
  return { hosts: new Set(byHost.keys()), checks: new Set(checks) };
}
