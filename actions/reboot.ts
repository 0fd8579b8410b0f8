/**
 * The `reboot` action: the command, and the judgement of what became of it. A reboot is a transaction that the
 * daemon only observes after it was sent: this file says what an observation means and never sends anything.
 */
import { formatDuration } from '../core/duration.ts';
import type { RebootPlan } from './plan-action.ts';

export function planReboot(effect: { command: string; backWithinMs: number }): RebootPlan {
  return { kind: 'reboot', script: effect.command, backWithinMs: effect.backWithinMs };
}

export interface RebootObservation {
  /** From the intent; undefined when the target could not tell it. */
  bootIdBefore: string | undefined;
  /** What the machine says now; undefined while it cannot be asked. */
  seen: { bootId: string } | undefined;
  /** Since the reboot was sent. May be negative after the wall clock was set back. */
  elapsedMs: number;
  backWithinMs: number;
}

export interface RebootJudgement {
  /**
   * `waiting`: look again. `returned`: it booted and can be asked. `never_returned`: it could not be asked when its
   * time was up. `not_rebooted`: it could be asked then, and had not booted as far as can be told.
   */
  kind: 'waiting' | 'returned' | 'never_returned' | 'not_rebooted';
  reason: string;
}

/**
 * Only another boot id proves a reboot: being away and coming back may be the network, and a machine that answers
 * may not have gone down yet. Without a boot id on both sides nothing is proved.
 */
export function judgeReboot(observation: RebootObservation): RebootJudgement {
  const { bootIdBefore, seen, elapsedMs, backWithinMs } = observation;
  const comparable = Boolean(bootIdBefore) && Boolean(seen?.bootId);
  const late = elapsedMs >= backWithinMs;
  const after = formatDuration(Math.round(Math.max(0, elapsedMs) / 1000) * 1000);
  const limit = formatDuration(backWithinMs);
  if (comparable && seen?.bootId !== bootIdBefore) {
    const delay = late ? `, later than the ${limit} it was given` : '';
    return { kind: 'returned', reason: `it is back after ${after} with a new boot id${delay}` };
  }
  if (seen === undefined) {
    return late
      ? { kind: 'never_returned', reason: `it could not be reached ${limit} after the reboot` }
      : { kind: 'waiting', reason: `it cannot be reached yet, ${after} after the reboot` };
  }
  if (!comparable) {
    const missing = 'its boot id is not known, so a reboot cannot be proved';
    return { kind: late ? 'not_rebooted' : 'waiting', reason: `it answers, but ${missing}` };
  }
  return late
    ? { kind: 'not_rebooted', reason: `it has the same boot id ${limit} after the reboot was sent` }
    : { kind: 'waiting', reason: `it has not gone down yet, ${after} after the reboot was sent` };
}
