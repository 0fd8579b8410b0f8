/** Finds the troubles that wait for a person: given up, or held by something that only a person can change. Reads only. */
import type { Reason } from '../core/decisions.ts';
import { explainLadder } from '../core/explain.ts';
import { reasonWords } from '../core/gate-words.ts';
import { episodeOf, unsentUntilTold } from '../core/ladder.ts';
import { contextOf } from '../core/ladder-context.ts';
import { type Need, type NextStep, nowLimits } from '../core/now-view.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';
import { troubleOf } from '../core/trouble.ts';
import type { RunSummary } from '../core/types.ts';
import type { Explanation } from '../core/views.ts';
import type { Fleet } from './fleet.ts';
import type { Views } from './views.ts';

/** What holds a repair until a person changes something. */
const personReasons: readonly Reason[] = [
  'gave_up',
  'paused',
  'flapping',
  'chronic',
  'ledger_not_trusted',
  'observe_mode',
  'propose_mode',
  'disabled',
  'host_unreachable',
  'host_key_changed',
];
/** Told of one trouble. */
const shownRuns = 12;
const severity: readonly string[] = ['critical', 'unknown', 'warning'];

interface Sources {
  clock: Clock;
  fleet: Fleet;
  coordinator: Coordinator;
  views: Views;
}

type Found = Omit<Need, 'runs'> & { summaries: RunSummary[] };

/** `count`: all of them; `rows`: the worst, and of alike ones the oldest. Errors: MenddError when the ledger cannot be read. */
export function findNeeds(sources: Sources, sinceMs: number): { count: number; rows: Need[] } {
  const { fleet, clock, views, coordinator } = sources;
  const [nowMs, view] = [clock.nowMs(), fleet.view()];
  const found = views.each((plan, state, { isWell }): Found[] =>
    (isWell ? [] : plan.ladders).flatMap((ladder) => {
      const status = troubleOf(state, ladder.trigger.check);
      if (status === undefined || status.state === 'ok' || status.type !== 'hard') return [];
      const context = contextOf(state, plan, ladder, view, nowMs);
      if (context === undefined) return [];
      const explanation = explainLadder(context);
      const episode = episodeOf(ladder, status, state.runs);
      const summaries = runsOf(state, ladder.id, episode, sinceMs);
      const next = nextOf(explanation, summaries);
      return next === undefined ? [] : [{ explanation, status, next, summaries }];
    }),
  );
  const rows = found
    .sort((a, b) => rank(a) - rank(b) || since(a) - since(b))
    .slice(0, nowLimits.needs)
    .map(({ summaries, ...need }) => ({
      ...need,
      runs: summaries.map(({ id }) => coordinator.get(id)).filter((run) => run !== undefined),
    }));
  return { count: found.length, rows };
}

function rank({ status }: Found): number {
  return severity.indexOf(status.state);
}

function since({ status }: Found): number {
  return status.problemSinceMs ?? status.sinceMs;
}

/** Newest first. */
function runsOf(state: HostEngineState, ladder: string, episode: string, sinceMs: number): RunSummary[] {
  return state.runs
    .filter((run) => run.ladder === ladder && run.episode === episode && run.decidedAtMs >= sinceMs)
    .slice(-shownRuns)
    .toReversed();
}

/** Undefined while no person is needed. */
function nextOf(explanation: Explanation, runs: readonly RunSummary[]): NextStep | undefined {
  const { reason, gates, rungs, earliestMs } = explanation;
  const stuck = runs.find((run) => run.status === 'unknown');
  const isFruitless = gates.some(({ values }) => Number(values['notSent'] ?? 0) >= unsentUntilTold);
  if (!personReasons.includes(reason) && stuck === undefined && !isFruitless) return undefined;
  const action = rungs.find((rung) => rung.status === 'next' || rung.status === 'running')?.action;
  const step = {
    ...(action === undefined ? {} : { action }),
    ...(earliestMs === undefined ? {} : { earliestMs }),
  };
  if (stuck !== undefined) {
    const why = `What became of ${stuck.action} is not known; it is not sent again by itself`;
    return { why, opens: 'a person who looks and closes the run', ...step };
  }
  const words = reasonWords[reason];
  const opens = gates.find((gate) => !gate.passed)?.opens ?? words.opens;
  const why = isFruitless && reason === 'cooldown' ? 'It could not be sent, again and again' : words.means;
  return { why, ...(opens === '' ? {} : { opens }), ...step };
}
