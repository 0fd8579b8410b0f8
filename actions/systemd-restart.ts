/**
 * The `systemd_restart` action. It restarts one unit and nothing else; whether that helped is for the check to say.
 */
import { quoteShell } from '../core/shell-quote.ts';
import type { GuardedPlan } from './plan-action.ts';

/** The unit travels along so that the guard can refuse when somebody else restarted it meanwhile. */
export function planSystemdRestart(effect: { unit: string }): GuardedPlan {
  return {
    kind: 'guarded',
    script: `systemctl restart -- ${quoteShell(effect.unit)}`,
    unit: effect.unit,
  };
}
