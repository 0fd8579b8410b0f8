/** Says how much of what happened while nobody looked is told, when that is not all of it. Pure. */
import type { NowAnswer } from '../http/wire-types.ts';

/** Newest changes of state looked through for what came back by itself. */
export const changesRead = 500;

type Away = Pick<NowAnswer, 'healed' | 'flapping' | 'totals'>;

/** Undefined when all is told. */
export function restOf({ healed, flapping, totals }: Away, hasMoreChanges: boolean): string | undefined {
  const parts = [
    ...(totals.healed > healed.length ? [`the newest ${healed.length} of ${totals.healed} repairs`] : []),
    ...(totals.flapping > flapping.length
      ? [`${flapping.length} of ${totals.flapping} checks that come and go`]
      : []),
    ...(hasMoreChanges ? [`the newest ${changesRead} changes of state`] : []),
  ];
  return parts.length === 0 ? undefined : `There is more: told are ${parts.join(', and ')}.`;
}
