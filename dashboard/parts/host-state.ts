/** How a host stands as a whole, in the words of `marks.ts`. Pure. */
import type { HostAnswer } from '../http/wire-types.ts';

type Known = Pick<HostAnswer, 'status' | 'checks'>;

export const checkStates = ['critical', 'warning', 'unknown', 'pending', 'ok'] as const;

export function isChecked({ checks }: Pick<Known, 'checks'>): boolean {
  return checkStates.some((state) => checks[state] > 0);
}

/** Whether it can be asked. Without a check nobody asks, so nothing is awaited. */
export function reachedState(host: Known): string {
  return host.status.state === 'pending' && !isChecked(host) ? 'unchecked' : host.status.state;
}

/** Its worst check, or that it cannot be asked. */
export function hostState(host: Known): string {
  const reached = reachedState(host);
  if (reached !== 'up' || !isChecked(host)) return reached;
  return checkStates.find((state) => state !== 'pending' && host.checks[state] > 0) ?? 'pending';
}
