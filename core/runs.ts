/**
 * Makes runs, names them, and finds what they were made from. Keeps none.
 */
import type { ActionDefinition, HostPlan, LadderDefinition } from './definitions.ts';
import type { Run, RunSummary } from './types.ts';

/** Of `decidedBy`, before the name of who commanded a run. */
const personPrefix = 'person:';

/** Deterministic: the same trouble, rung and attempt always have the same id, on every box and after every crash. */
export function runIdOf(host: string, action: string, episode: string, attempt: number): string {
  return `${host}~${action}~${episode}~${attempt}`;
}

export function plannedRun(
  host: string,
  ladder: LadderDefinition,
  action: ActionDefinition,
  episode: string,
  attempt: number,
  nowMs: number,
): RunSummary {
  return {
    id: runIdOf(host, action.id, episode, attempt),
    host,
    ladder: ladder.id,
    action: action.id,
    kind: action.effect.kind,
    episode,
    attempt,
    status: 'intended',
    decidedAtMs: nowMs,
  };
}

/** Replaces the run of the same id, or adds it at its place in time. */
export function putRun(runs: readonly RunSummary[], run: RunSummary): RunSummary[] {
  const others = runs.filter((other) => other.id !== run.id);
  const index = others.findIndex((other) => other.decidedAtMs > run.decidedAtMs);
  return others.toSpliced(index < 0 ? others.length : index, 0, run);
}

/** The definitions a run was made from, as they are now. */
export function actionOf(
  run: Pick<RunSummary, 'ladder' | 'action'>,
  plan: HostPlan,
): { ladder: LadderDefinition; action: ActionDefinition } | undefined {
  const ladder = plan.ladders.find((each) => each.id === run.ladder);
  const action = ladder?.rungs.find((rung) => rung.id === run.action);
  return ladder === undefined || action === undefined ? undefined : { ladder, action };
}

/** The part of a run that decisions need. */
export function summaryOf(run: Run | RunSummary): RunSummary {
  const { id, host, ladder, action, kind, episode, attempt, status, decidedAtMs } = run;
  const byPerson = 'decidedBy' in run ? run.decidedBy.startsWith(personPrefix) : run.byPerson === true;
  return {
    id,
    host,
    ladder,
    action,
    kind,
    episode,
    attempt,
    status,
    decidedAtMs,
    ...(run.dispatchedAtMs === undefined ? {} : { dispatchedAtMs: run.dispatchedAtMs }),
    ...(run.endedAtMs === undefined ? {} : { endedAtMs: run.endedAtMs }),
    ...(run.verifyByMs === undefined ? {} : { verifyByMs: run.verifyByMs }),
    ...(run.verifyOkSinceMs === undefined ? {} : { verifyOkSinceMs: run.verifyOkSinceMs }),
    ...(run.outcome === undefined ? {} : { outcome: run.outcome }),
    ...(byPerson ? { byPerson } : {}),
  };
}

/** A clock that was set back leaves times in the future; a cooldown or an episode must not wait for them. */
export function notAfter(run: RunSummary, nowMs: number): RunSummary {
  const { dispatchedAtMs, endedAtMs } = run;
  return {
    ...run,
    decidedAtMs: Math.min(run.decidedAtMs, nowMs),
    ...(dispatchedAtMs === undefined ? {} : { dispatchedAtMs: Math.min(dispatchedAtMs, nowMs) }),
    ...(endedAtMs === undefined ? {} : { endedAtMs: Math.min(endedAtMs, nowMs) }),
  };
}
