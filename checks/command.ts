/**
 * The `run` check: a command of the user's, as written. Its exit code and output are read as a plugin's, after
 * `exit_map`; this file adds nothing to either.
 */
import type { CheckPlan } from '../core/ports.ts';

export function planCommand(probe: { run: string }): CheckPlan {
  return { kind: 'command', script: probe.run };
}
