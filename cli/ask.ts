/**
 * Asks hosts beside any daemon: the runner and the checks as the daemon has them, without a store or a schedule. For `mendd check`
 * and `mendd init`.
 */
import { createPlanCheck } from '../checks/plan-check.ts';
import type { CheckDefinition, Definitions, HostDefinition } from '../core/definitions.ts';
import { type Asked, askCheck } from '../daemon/check-run.ts';
import { systemClock } from '../daemon/clock.ts';
import { createPluginUploader } from '../runner/plugin-upload.ts';
import { createRunner } from '../runner/runner.ts';

export interface Asker {
  ask(host: HostDefinition, check: CheckDefinition): Promise<Asked>;
  /** Ends its connections. */
  close(): Promise<void>;
}

/** Errors: KEY_UNUSABLE. */
export function openAsker(definitions: Definitions): Asker {
  const { ssh } = definitions.daemon;
  const runner = createRunner({
    config: ssh,
    clock: systemClock,
    random: Math.random,
    plugins: createPluginUploader(),
    hosts: (name) => definitions.hosts.get(name),
  });
  const planCheck = createPlanCheck({ pluginDirs: ssh.pluginDirs, clock: systemClock });
  const parts = { clock: systemClock, runner, planCheck, definitions: () => definitions };
  return {
    ask: (host, check) => askCheck(parts, host, check),
    close: () => runner.close(),
  };
}
