/** The `passive` and `alert` checks, which are never asked: others tell their results. Owns only that there is nothing to ask. */
import type { CheckDefinition, HostDefinition } from '../core/definitions.ts';
import type { CheckPlan } from '../core/ports.ts';
import type { ToldBook } from '../core/told-port.ts';

/** `book` is the daemon's; without a daemon nothing is known. */
export function planTold(
  check: CheckDefinition,
  host: HostDefinition,
  book: ToldBook | undefined,
): CheckPlan {
  const look =
    book === undefined ? () => 'others tell its results, to the daemon' : () => book.look(host, check);
  return { kind: 'told', look };
}
