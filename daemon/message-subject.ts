/** Says what routes judge a problem by, and which trouble explains it. Reads only. */
import { anyOf } from '../config/selectors.ts';
import { placeOf } from '../core/conversation.ts';
import { hostCheck, type LadderDefinition } from '../core/definitions.ts';
import type { RouteSubject } from '../core/message-routes.ts';
import type { HostEngineState } from '../core/reduction.ts';
import type { Fleet } from './fleet.ts';
import { severityOf, statusOf } from './message-story.ts';

export function covers(patterns: readonly string[], name: string): boolean {
  return anyOf(patterns)(name);
}

export function subjectOf(fleet: Fleet, host: string, ladder: LadderDefinition): RouteSubject | undefined {
  const { check } = ladder.trigger;
  const status = statusOf(fleet, host, check);
  const definition = fleet.definitions.hosts.get(host);
  if (status === undefined || definition === undefined) return undefined;
  const { labels } = definition;
  return { host, labels, runbook: ladder.runbook, check, severity: severityOf[status.state] };
}

/** The place of the trouble that explains another one; undefined when it is its own. */
export function rootOf(
  { host: status, checks }: HostEngineState,
  host: string,
  check: string,
): string | undefined {
  if (status.state === 'unreachable') {
    if (status.behind !== undefined) return placeOf({ host: status.behind, check: hostCheck });
    if (check !== hostCheck) return placeOf({ host, check: hostCheck });
  }
  const cause = checks[check]?.suppressedBy;
  return cause === undefined ? undefined : placeOf({ host, check: cause });
}
