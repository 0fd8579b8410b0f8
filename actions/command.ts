/**
 * The `run` action: a command of the user's, run on its target under the target guard, as written. What it did is
 * judged by checks, never by its output.
 */
import type { GuardedPlan } from './plan-action.ts';

export function planCommand(effect: { run: string }): GuardedPlan {
  return { kind: 'guarded', script: effect.run };
}
