/** Finds the troubles that wait for a person: given up, or held by something that only a person can change. Reads only. */
import type { Reason } from '../core/decisions.ts';
import type { HostPlan, LadderDefinition } from '../core/definitions.ts';
import { explainLadder } from '../core/explain.ts';
import type { FleetView } from '../core/fleet-view.ts';
import { reasonWords } from '../core/gate-words.ts';
import { episodeOf, unsentUntilTold } from '../core/ladder.ts';
import { contextOf } from '../core/ladder-context.ts';
import { type AskedApproval, type Need, type NextStep, nowLimits } from '../core/now-view.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { HostEngineState } from '../core/reduction.ts';
import type { Approval } from '../core/safety.ts';
import { troubleOf } from '../core/trouble.ts';
import type { CheckStatus, RunSummary } from '../core/types.ts';
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

/** Ladders explained for one answer; when more are in trouble, the others are told as they were judged last. About 20 ms. */
const explainedAtOnce = 250;

interface Sources {
  clock: Clock;
  fleet: Fleet;
  coordinator: Coordinator;
  views: Views;
}

/** A ladder whose check is in hard trouble. */
interface Candidate {
  key: string;
  plan: HostPlan;
  state: HostEngineState;
  ladder: LadderDefinition;
  status: CheckStatus;
}

interface Judged {
  isNeed: boolean;
  /** In which round. */
  round: number;
}

type Found = Omit<Need, 'runs'> & { summaries: RunSummary[] };

export class Needs {
  readonly #sources: Sources;
  #judged = new Map<string, Judged>();
  #round = 0;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /**
   * `count`: all of them; `rows`: the worst, and of alike ones the oldest. Those that a question is about are told with it. Errors:
   * MenddError when the ledger cannot be read.
   */
  find(sinceMs: number, asked: readonly Approval[]): { count: number; rows: Need[] } {
    const { fleet, clock, coordinator } = this.#sources;
    const candidates = this.#candidates(new Set(asked.map(({ host, ladder }) => `${host} ${ladder}`)));
    const [nowMs, view] = [clock.nowMs(), fleet.view()];
    this.#round += 1;
    const judged = new Map<string, Judged>();
    for (const { key } of candidates) {
      const known = this.#judged.get(key);
      if (known !== undefined) judged.set(key, known);
    }
    const found: Found[] = [];
    for (const candidate of this.#chosen(candidates)) {
      const need = judge(candidate, view, nowMs, sinceMs);
      judged.set(candidate.key, { isNeed: need !== undefined, round: this.#round });
      if (need !== undefined) found.push(need);
    }
    this.#judged = judged;
    const rows = found
      .sort((a, b) => rank(a) - rank(b) || since(a) - since(b))
      .slice(0, nowLimits.needs)
      .map(({ summaries, ...need }) => ({
        ...need,
        runs: summaries.map(({ id }) => coordinator.get(id)).filter((run) => run !== undefined),
      }));
    let count = 0;
    for (const { isNeed } of judged.values()) if (isNeed) count += 1;
    return { count, rows };
  }

  #candidates(asked: ReadonlySet<string>): Candidate[] {
    return this.#sources.views.each((plan, state, { isWell }) =>
      (isWell ? [] : plan.ladders).flatMap((ladder) => {
        const status = troubleOf(state, ladder.trigger.check);
        if (status === undefined || status.state === 'ok' || status.type !== 'hard') return [];
        const key = `${plan.host.name} ${ladder.id}`;
        return asked.has(key) ? [] : [{ key, plan, state, ladder, status }];
      }),
    );
  }

  /** All of a few; of many the worst that are known to wait for a person, and of the rest those judged longest ago. */
  #chosen(candidates: Candidate[]): Candidate[] {
    if (candidates.length <= explainedAtOnce) return candidates;
    const known = candidates
      .filter(({ key }) => this.#judged.get(key)?.isNeed === true)
      .sort((a, b) => rank(a) - rank(b) || since(a) - since(b))
      .slice(0, nowLimits.needs);
    const chosen = new Set(known);
    const roundOf = ({ key }: Candidate): number => this.#judged.get(key)?.round ?? 0;
    const rest = candidates.filter((each) => !chosen.has(each)).sort((a, b) => roundOf(a) - roundOf(b));
    return [...known, ...rest.slice(0, explainedAtOnce - known.length)];
  }
}

function judge(
  { plan, state, ladder, status }: Candidate,
  view: FleetView,
  nowMs: number,
  sinceMs: number,
): Found | undefined {
  const context = contextOf(state, plan, ladder, view, nowMs);
  if (context === undefined) return undefined;
  const explanation = explainLadder(context);
  const episode = episodeOf(ladder, status, state.runs);
  const summaries = runsOf(state, ladder.id, episode, sinceMs);
  const next = nextOf(explanation, summaries);
  return next === undefined ? undefined : { explanation, status, next, summaries };
}

function rank({ status }: { status: CheckStatus }): number {
  return severity.indexOf(status.state);
}

function since({ status }: { status: CheckStatus }): number {
  return status.problemSinceMs ?? status.sinceMs;
}

/** The question with its trouble. Errors: MenddError when the ledger cannot be read. */
export function withTrouble(
  asked: Approval,
  { fleet, coordinator }: Pick<Sources, 'fleet' | 'coordinator'>,
  sinceMs: number,
): AskedApproval {
  const state = fleet.state(asked.host);
  const status = state && troubleOf(state, asked.check);
  const trouble = status === undefined || status.state === 'ok' ? {} : { trouble: status };
  const summaries = state === undefined ? [] : runsOf(state, asked.ladder, asked.episode, sinceMs);
  const tried = summaries.map(({ id }) => coordinator.get(id)).filter((run) => run !== undefined);
  return { ...asked, ...trouble, tried };
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
  const shut = gates.filter((gate) => !gate.passed);
  const opens = (shut.find((gate) => gate.reason === reason) ?? shut[0])?.opens ?? words.opens;
  const why = isFruitless && reason === 'cooldown' ? 'It could not be sent, again and again' : words.means;
  return { why, ...(opens === '' ? {} : { opens }), ...step };
}
