/** Gathers what a message about one ladder tells: its check as it stands and what was tried. Reads only. */
import type { Severity } from '../core/daemon-config.ts';
import type { LadderDefinition } from '../core/definitions.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import { troubleOf } from '../core/trouble.ts';
import type { CheckState, CheckStatus, Run } from '../core/types.ts';
import { unwatchedLadder } from '../core/unwatched.ts';
import type { Fleet } from './fleet.ts';

export interface StoryParts {
  clock: Clock;
  coordinator: Coordinator;
  fleet: Fleet;
}

const transcriptRuns = 20;

export const severityOf: Readonly<Record<CheckState | 'pending', Severity>> = {
  critical: 'critical',
  unknown: 'error',
  warning: 'warning',
  ok: 'info',
  pending: 'info',
};

export function ladderOf(fleet: Fleet, host: string, id: string): LadderDefinition | undefined {
  return fleet.plan(host)?.ladders.find((each) => each.id === id);
}

/** The ladder, or what stands for it when it is no action's, or was taken out while its check stays. */
export function toldLadderOf(
  fleet: Fleet,
  { host, ladder, check }: { host: string; ladder: string; check: string },
): LadderDefinition | undefined {
  const plan = fleet.plan(host);
  return ladderOf(fleet, host, ladder) ?? (plan && unwatchedLadder(plan, check));
}

export function statusOf(fleet: Fleet, host: string, check: string): CheckStatus | undefined {
  const state = fleet.state(host);
  return state && troubleOf(state, check);
}

export function storyOf(
  { clock, coordinator, fleet }: StoryParts,
  host: string,
  ladder: LadderDefinition,
  episode: string,
  except?: string,
): { host: string; ladder: LadderDefinition; nowMs: number; tried: Run[]; status?: CheckStatus } {
  const runs = coordinator.list({ host, limit: transcriptRuns }).items;
  const isTried = (run: Run): boolean =>
    run.ladder === ladder.id && run.episode === episode && run.id !== except;
  const status = statusOf(fleet, host, ladder.trigger.check);
  const tried = runs.filter(isTried).toReversed();
  return { host, ladder, nowMs: clock.nowMs(), tried, ...(status === undefined ? {} : { status }) };
}
