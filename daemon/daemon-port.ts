/**
 * What the API may ask of the daemon. People's commands are checked here, recorded with their author, and carried out by the
 * parts that own them.
 */
import type { GateVerdict } from '../core/decisions.ts';
import type { ActionDefinition, Definitions, HostDefinition } from '../core/definitions.ts';
import type { LadderContext } from '../core/fleet-view.ts';
import { askGates, stopsPerson } from '../core/gates.ts';
import { episodeOf } from '../core/ladder.ts';
import { contextOf } from '../core/ladder-context.ts';
import { actionOf, plannedRun, runIdOf } from '../core/runs.ts';
import type { ToldPort } from '../core/told-port.ts';
import type { Run, RunStatus } from '../core/types.ts';
import type { ActPlan, CheckView, DaemonPort, Health, Rejected, Stats } from '../core/views.ts';
import type { ActionRuns } from './action-run.ts';
import { createCoveragePort } from './coverage.ts';
import type { Facts } from './facts.ts';
import type { Messages } from './messages.ts';
import { createNotifyPort } from './notify-test.ts';
import { NowPage } from './now.ts';
import type { Outside } from './outside.ts';
import {
  createPersonControls,
  type PersonControlSources,
  recordCommand,
  recordRefusal,
} from './person-controls.ts';
import type { Reloader } from './reload.ts';
import type { RunJournal } from './run-journal.ts';
import type { Scheduler } from './scheduler.ts';
import { createTokensPort } from './tokens.ts';
import type { Views } from './views.ts';

export interface DaemonPortSources extends PersonControlSources {
  version: string;
  scheduler: Scheduler;
  runs: ActionRuns;
  journal: RunJournal;
  reloader: Reloader;
  outside: Outside;
  facts: Facts;
  views: Views;
  messages: Messages;
  told: ToldPort;
  describe: (action: ActionDefinition, host: HostDefinition) => string;
  stats: () => Stats;
  health: () => Health;
}

function notFound(what: string): Rejected {
  return { kind: 'rejected', status: 404, code: 'not_found', message: `There is no ${what}.` };
}

function conflict(code: string, message: string): Rejected {
  return { kind: 'rejected', status: 409, code, message };
}

/** A person's command does not wait for facts about the target. Milliseconds. */
const factsKeepMs = 60_000;

/** What a person makes of an open run by closing it. What is being sent can only be waited for. */
const closes: Partial<Record<RunStatus, RunStatus>> = {
  intended: 'cancelled',
  unknown: 'inconclusive',
  verifying: 'inconclusive',
};

/** The run a person's command would make, and every gate's answer to it. */
function personally(
  context: LadderContext,
  rung: ActionDefinition,
): { episode: string; attempt: number; gates: GateVerdict[] } {
  const { ladder, check, hostRuns, nowMs, host } = context;
  const episode =
    check.problemSinceMs === undefined ? nowMs.toString(36) : episodeOf(ladder, check, hostRuns);
  const attempt = hostRuns.filter((run) => run.action === rung.id && run.episode === episode).length + 1;
  const runId = runIdOf(host, rung.id, episode, attempt);
  return { episode, attempt, gates: askGates({ ...context, rung, runId, factsKeepMs }) };
}

export function createDaemonPort(sources: DaemonPortSources): DaemonPort {
  const { clock, fleet, coordinator, history, scheduler, reloader, views } = sources;
  const nowPage = new NowPage({ ...sources, config: () => reloader.view() });

  function find(
    host: string,
    action: string,
  ): { context: LadderContext; rung: ActionDefinition; host: HostDefinition } | Rejected {
    const plan = fleet.plan(host);
    const state = fleet.state(host);
    if (plan === undefined || state === undefined) return notFound(`host ${host}`);
    const ladder = plan.ladders.find((each) => each.rungs.some((rung) => rung.id === action));
    const found = ladder === undefined ? undefined : actionOf({ ladder: ladder.id, action }, plan);
    const context = found && contextOf(state, plan, found.ladder, fleet.view(), clock.nowMs());
    if (found === undefined || context === undefined) return notFound(`action ${action} on host ${host}`);
    return { context, rung: found.action, host: plan.host };
  }

  function planAction(host: string, action: string): ActPlan | Rejected {
    const found = find(host, action);
    if ('kind' in found) return found;
    const { rung } = found;
    const { gates } = personally(found.context, rung);
    const allowed = !gates.some(stopsPerson);
    return {
      host,
      action,
      kind: rung.effect.kind,
      command: sources.describe(rung, found.host),
      gates,
      allowed,
    };
  }

  function act(host: string, action: string, by: string, reason: string): Run | Rejected {
    const found = find(host, action);
    if ('kind' in found) return found;
    const { rung } = found;
    const { ladder, nowMs } = found.context;
    const { episode, attempt, gates } = personally(found.context, rung);
    const stop = gates.find(stopsPerson);
    if (stop !== undefined) {
      const message = `The gate \`${stop.gate}\` is closed (${stop.reason ?? ''}); it opens with ${stop.opens ?? 'time'}.`;
      return conflict(stop.reason ?? 'held', message);
    }
    const run = plannedRun(host, ladder, rung, episode, attempt, nowMs);
    recordCommand(sources, by, 'action.commanded', { run: run.id, host, action, reason });
    const place = { atMs: nowMs, host, ladder: ladder.id, action, check: ladder.trigger.check };
    const decision = { ...place, verdict: 'act' as const, reason: 'act' as const, gates, runId: run.id };
    fleet.moved(run);
    history.saveDecision(decision);
    const decidedBy = `person:${by}`;
    sources.runs.start({ host: found.host, ladder, action: rung, run, decision, decidedBy, reason });
    return sources.runs.proposed(run.id) ?? conflict('stopping', 'The daemon is stopping.');
  }

  function cancelRun(runId: string, by: string, reason?: string, isDry = false): Run | Rejected {
    const run = coordinator.get(runId) ?? sources.runs.proposed(runId);
    if (run === undefined) return notFound(`run ${runId}`);
    const status = closes[run.status];
    if (status === undefined)
      return conflict('not_cancellable', `Run ${runId} is ${run.status}: it cannot be taken back.`);
    if (isDry) return { ...run, status };
    const [why, told] = reason === undefined ? [{}, by] : [{ reason }, `${by}: ${reason}`];
    recordCommand(sources, by, 'run.cancelled', { run: runId, status: run.status, ...why });
    if (run.status === 'intended' && sources.runs.cancel(runId, `cancelled by ${told}`)) return run;
    sources.journal.conclude(runId, status, `closed by ${told}`);
    return coordinator.get(runId) ?? run;
  }

  return {
    startedAtMs: fleet.startedAtMs,
    version: sources.version,
    hosts: () => views.hosts(),
    checks: () => views.checks(),
    eachCheck: (fromHost) => views.eachCheck(fromHost),
    now: () => nowPage.view(),
    explain: (host, check, action) => views.explain(host, check, action),
    health: sources.health,
    stats: sources.stats,
    definitions: (): Definitions => fleet.definitions,
    loadProblems: () => reloader.view().problems,
    ...createPersonControls(sources),
    async checkNow(host, check): Promise<CheckView | Rejected> {
      if (views.check(host, check) === undefined) return notFound(`check ${check} on host ${host}`);
      if (!(await scheduler.runNow(host, check))) {
        const message = 'As many checks as allowed are running; this one is queued.';
        return { kind: 'rejected', status: 503, code: 'busy', message };
      }
      return views.check(host, check) ?? notFound(`check ${check} on host ${host}`);
    },
    cancelRun,
    planAction,
    act: (host, action, by, reason) =>
      recordRefusal(sources, by, { command: 'act', host, action }, act(host, action, by, reason)),
    reload(request) {
      if (request.isDry !== true) sources.outside.refreshFiles();
      return reloader.reload(request);
    },
    outside: sources.outside.port,
    facts: {
      of: (host) => sources.facts.of(host),
      origin: (host) => reloader.resolved.explainHost?.(host) ?? [],
      counts: () => sources.facts.counts(),
    },
    notify: createNotifyPort(sources),
    tokens: createTokensPort(sources),
    coverage: createCoveragePort(
      () => fleet.definitions,
      () => sources.suppressions.known,
      sources.clock,
    ),
    told: sources.told,
    rollback: async (request) => {
      const answer = await reloader.rollback(request);
      if (request.isDry === true) return answer;
      return recordRefusal(sources, request.by, { command: 'rollback' }, answer);
    },
    plan: (request) => reloader.plan(request),
    config: () => reloader.view(),
    onEvent: (listener) => history.onEvent(listener),
  };
}
