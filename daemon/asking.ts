/** Makes what every check is asked with while the same definitions are in force. */
import { createPlanCheck } from '../checks/plan-check.ts';
import type { Definitions } from '../core/definitions.ts';
import type { Clock, Runner } from '../core/ports.ts';
import type { CheckRunOptions } from './check-run.ts';
import type { Healing } from './healing.ts';
import type { Log } from './log.ts';

export function askingWith(
  parts: Pick<Healing, 'fleet' | 'told'> & { runner: Runner; clock: Clock; log: Log; signal: AbortSignal },
  { daemon }: Definitions,
): CheckRunOptions {
  const { fleet, told, runner, clock, log, signal } = parts;
  return {
    runner,
    signal,
    planCheck: createPlanCheck({ pluginDirs: daemon.ssh.pluginDirs, clock, told }),
    definitions: () => fleet.definitions,
    apply: (host, event) => fleet.apply(host, event),
    onNotAsked: (place, reason) => log.debug({ ...place, reason }, 'check not asked'),
    onBug: (place, err) => log.error({ ...place, err }, 'a bug in mendd left a check without a result'),
  };
}
