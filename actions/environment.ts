/** Owns the variables that every action and hook finds in its environment. They name things; secrets are never among them. */
import type { HostDefinition } from '../core/definitions.ts';

export function actionEnvironment(
  host: Pick<HostDefinition, 'name' | 'address'>,
  runId: string,
): Record<string, string> {
  return { MENDD_HOST: host.name, MENDD_ADDRESS: host.address, MENDD_RUN: runId };
}
