/** Counts the checks whose problems nobody would be told of, which is a gap that is found too late. Judges no file. */
import type { Definitions, HostPlan } from '../core/definitions.ts';
import { isMessage } from '../core/ladder.ts';
import { type RouteSubject, routesOf } from '../core/message-routes.ts';
import { watching } from '../core/unwatched.ts';
import type { Problem } from './problems.ts';
import { anyOf } from './selectors.ts';

const severities = [
  ['critical', 'critical'],
  ['unknown', 'error'],
  ['warning', 'warning'],
] as const;

/** One warning for all of them; `file` is the daemon file, which could name somebody. Undefined when each has somebody. */
export function untoldChecks(definitions: Definitions, file: string): Problem | undefined {
  const plans = [...definitions.byHost.values()];
  const all = plans.reduce((sum, { checks }) => sum + checks.length, 0);
  const untold = plans.flatMap((plan) =>
    plan.checks
      .filter(({ id, runbook }) => !isTold(definitions, plan, id, runbook))
      .map(({ id }) => `${plan.host.name}/${id}`),
  );
  const [first] = untold;
  if (first === undefined) return undefined;
  const which = untold.length === 1 ? first : `${first} and ${untold.length - 1} more`;
  const message = `nobody would be told of a problem of ${untold.length} of ${all} checks: ${which}`;
  const hint =
    'write `messages.routes`, or `notify` actions for them; docs/operations.md says who is told of what';
  return { file, line: 1, column: 1, message, hint };
}

function isTold({ daemon }: Definitions, plan: HostPlan, check: string, runbook: string): boolean {
  const { name: host, labels } = plan.host;
  return severities.some(([state, severity]) => {
    const subject: RouteSubject = { host, labels, runbook, check, severity };
    const routes = daemon.messages?.routes ?? [];
    if (routesOf(routes, subject, (patterns, name) => anyOf(patterns)(name)).length > 0) return true;
    const own = watching(plan, check, state);
    const isPaged = own.length > 0 && daemon.remediation.page !== undefined;
    return isPaged || own.some(({ rungs }) => rungs.some((rung) => isMessage(rung) && rung.enabled));
  });
}
