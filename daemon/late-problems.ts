/** Finds problems that last longer than the `page_after` of a route without that anybody was told. Tells nobody itself. */
import type { LadderDefinition } from '../core/definitions.ts';
import { episodeOf } from '../core/ladder.ts';
import type { MessageRoute } from '../core/messages-config.ts';
import { troubleOf } from '../core/trouble.ts';
import type { StoryParts } from './message-story.ts';

export interface LateProblem {
  host: string;
  ladder: LadderDefinition;
  episode: string;
  /** Those whose time is up. */
  routes: readonly MessageRoute[];
}

/** `routesOf`: those that a problem takes; asked only for problems that are old enough for some route. */
export function lateProblems(
  { clock, fleet }: StoryParts,
  routesOf: (host: string, ladder: LadderDefinition) => readonly MessageRoute[],
): LateProblem[] {
  const waits = (fleet.definitions.daemon.messages?.routes ?? []).flatMap((route) => route.pageAfterMs ?? []);
  if (waits.length === 0 || fleet.mode === 'observe') return [];
  const shortestMs = Math.min(...waits);
  const nowMs = clock.nowMs();
  const found: LateProblem[] = [];
  for (const [host, state] of fleet.states()) {
    for (const ladder of fleet.plan(host)?.ladders ?? []) {
      const { check, on, states } = ladder.trigger;
      const status = on === 'problem' ? troubleOf(state, check) : undefined;
      if (status === undefined || status.state === 'ok' || status.state === 'pending') continue;
      const lastedMs = nowMs - (status.problemSinceMs ?? nowMs);
      if (status.type !== 'hard' || !states.includes(status.state) || lastedMs < shortestMs) continue;
      const routes = routesOf(host, ladder).filter(
        ({ pageAfterMs }) => pageAfterMs !== undefined && lastedMs >= pageAfterMs,
      );
      const episode = episodeOf(ladder, status, state.runs);
      if (routes.length > 0) found.push({ host, ladder, episode, routes });
    }
  }
  return found;
}
