/** How far an action could reach, said from what the gates saw. Pure. */
import type { GateAnswer } from '../http/wire-types.ts';
import { span } from './words.ts';

type Values = GateAnswer['values'];

function groupOf(values: Values): string {
  return values['group'] === 'fleet' ? 'the fleet' : String(values['group']);
}

function others({ open }: Values): string {
  if (open === 0) return 'no other repair is';
  return open === 1 ? '1 other repair is' : `${open} other repairs are`;
}

function budget(values: Values, of: string): string {
  const { used, limit, perMs } = values;
  return `uses 1 of ${Number(limit) - Number(used)} runs left ${of} (${limit} in ${span(Number(perMs))})`;
}

const sentences: Readonly<Record<string, (values: Values) => string | undefined>> = {
  quorum: (values) =>
    values['group'] === undefined
      ? undefined
      : `${values['healthyWithoutIt']} of ${values['hosts']} hosts in ${groupOf(values)} stay healthy without it; ${values['needed']} must`,
  group_lock: (values) =>
    values['group'] === undefined
      ? undefined
      : `${others(values)} open in ${groupOf(values)}; at most ${values['limit']} at once`,
  brake: (values) =>
    values['group'] === undefined || values['unhealthy'] === undefined
      ? undefined
      : `${values['unhealthy']} of ${values['hosts']} hosts in ${groupOf(values)} are unhealthy now; the brake comes on above ${values['allowed']}`,
  host_budget: (values) => (values['limit'] === undefined ? undefined : budget(values, 'on this host')),
  group_budget: (values) =>
    values['group'] === undefined ? undefined : budget(values, `in ${groupOf(values)}`),
  fleet_budget: (values) => (values['limit'] === undefined ? undefined : budget(values, 'in the fleet')),
};

/** One sentence for each limit that it comes near. */
export function reachOf(gates: readonly GateAnswer[]): string[] {
  return gates.flatMap(({ gate, values }) => sentences[gate]?.(values) ?? []);
}
