/**
 * Plays what was recorded to the deciding half of a daemon, under whatever definitions, and says what it would have done. The world is as
 * it was: every result comes as it was recorded, whatever the replay does. Sends nothing and writes nothing.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Definitions } from '../core/definitions.ts';
import { actionOf, summaryOf } from '../core/runs.ts';
import { isOpen, type Run, type RunSummary } from '../core/types.ts';
import type { Recorded, RecordedResult, Span } from '../store/recorded.ts';
import { type Comparison, compareRuns, DecisionLog } from './replay-compare.ts';
import { createReplayDaemon, type ReplayDaemon } from './replay-daemon.ts';
import { isByPerson, type Mark, marksOf, playedMarks, restoreRestraints, viaHostOf } from './replay-marks.ts';
import type { RecordedRuns } from './replay-ports.ts';

/** So long before the span the replay begins, to know states, cooldowns and budgets when the span does. Milliseconds. */
const warmUpMs = 86_400_000;
/** Some minutes of work. */
export const mostResults = 10_000_000;
/** Results between two moments at which others have their turn. */
const turnEvery = 500;

export interface ReplayOptions extends Span {
  recorded: Recorded;
  definitions: Definitions;
  /** Results that are played at most. */
  limit?: number;
}

/** Why something recorded has no part in a replay, or something in a replay has no record. */
export type ReplayGap =
  | 'runs_without_results'
  | 'runs_of_unknown_hosts'
  | 'runs_about_older_problems'
  | 'runs_by_persons'
  | 'results_of_unknown_hosts'
  | 'results_of_unknown_checks'
  | 'checks_without_results'
  | 'facts_not_asked_then';

export interface ReplayReport extends Comparison {
  /** From when to when runs are compared. Wall times. */
  sinceMs: number;
  untilMs: number;
  /** From when results were played. */
  beganAtMs: number;
  /** False: results are not kept for long enough, and states were not known when the span began. */
  isWarm: boolean;
  /** False: there were more results than are played, and `untilMs` is where it stopped. */
  isComplete: boolean;
  results: number;
  revision: string;
  messages: { target: string; kind: string; recorded: number; replayed: number }[];
  /** What could not be played or compared, by why. */
  left: { why: ReplayGap; count: number }[];
}

/** Errors: those of `Recorded`. Limits: `mostResults` results; the memory of a daemon of that fleet, and the runs of the span. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const { recorded, definitions } = options;
  const oldestMs = recorded.oldestResultMs() ?? options.sinceMs;
  const beganAtMs = Math.min(options.untilMs, Math.max(options.sinceMs - warmUpMs, oldestMs));
  const whole = { sinceMs: beganAtMs, untilMs: options.untilMs };
  const past = recorded.runs(whole);
  const log = new DecisionLog(new Set(past.map(({ host, ladder }) => `${host}\n${ladder}`)));
  const daemon = createReplayDaemon({
    definitions,
    beginsAtMs: beganAtMs,
    runs: byHost(past),
    signs: recorded.signs(whole),
    restore: (ledger) => restoreRestraints(ledger, recorded, beganAtMs),
    onDecision: (decision) => log.add(decision),
  });
  try {
    const earlier = { sinceMs: beganAtMs - daemon.healing.fleet.memoryMs(), untilMs: beganAtMs - 1 };
    for (const { play } of recorded.runs(earlier).flatMap(playedMarks)) play(daemon);
    const player = new Player(options, daemon, marksOf(recorded, past, definitions, whole));
    await player.play(whole);
    const span = { sinceMs: Math.max(options.sinceMs, beganAtMs), untilMs: player.untilMs };
    daemon.healing.history.flush();
    const parts = { options, daemon, past, log, player, span };
    const isWarm = span.sinceMs - beganAtMs >= warmUpMs;
    return { ...span, beganAtMs, isWarm, revision: definitions.revision, ...reported(parts) };
  } finally {
    await daemon.close();
  }
}

function byHost(runs: readonly Run[]): RecordedRuns {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const group = groups.get(run.host);
    if (group === undefined) groups.set(run.host, [run]);
    else group.push(run);
  }
  return groups;
}

class Player {
  results = 0;
  /** Wall time up to which all was played. */
  untilMs: number;
  isComplete = true;
  /** By host and check: what came first was a problem, of which nobody knows when it began; the end of it, if it ended. */
  readonly inherited = new Map<string, number>();
  readonly heard = new Set<string>();
  /** Results of hosts and checks that are not defined, by that. */
  readonly strange = { hosts: 0, checks: 0 };
  readonly #options: ReplayOptions;
  readonly #daemon: ReplayDaemon;
  readonly #marks: readonly Mark[];
  readonly #viaHost: (host: string, check: string) => boolean;
  #nextMark = 0;

  constructor(options: ReplayOptions, daemon: ReplayDaemon, marks: readonly Mark[]) {
    this.#options = options;
    this.#daemon = daemon;
    this.#marks = marks;
    this.#viaHost = viaHostOf(options.definitions);
    this.untilMs = options.untilMs;
  }

  async play(span: Span): Promise<void> {
    const { recorded, limit = mostResults } = this.#options;
    const { clock } = this.#daemon;
    for (const result of recorded.results(span)) {
      if (this.results >= limit) {
        this.isComplete = false;
        this.untilMs = clock.nowMs();
        return;
      }
      this.results += 1;
      const atMs = result.startedAtMs + result.durationMs;
      await this.#playMarks(atMs);
      if (atMs > clock.nowMs()) await clock.passTo(atMs);
      await this.#take(result);
    }
    await this.#playMarks(span.untilMs);
    await clock.passTo(span.untilMs);
  }

  async #playMarks(untilMs: number): Promise<void> {
    const { clock } = this.#daemon;
    for (;;) {
      const mark = this.#marks[this.#nextMark];
      if (mark === undefined || mark.atMs > untilMs) return;
      this.#nextMark += 1;
      if (mark.isStart === true) clock.sleepTo(mark.atMs);
      else await clock.passTo(mark.atMs);
      mark.play(this.#daemon);
      await nextTurn();
    }
  }

  async #take({ host, check, ...told }: RecordedResult): Promise<void> {
    const { fleet } = this.#daemon.healing;
    const plan = fleet.plan(host);
    if (plan === undefined) this.strange.hosts += 1;
    else if (fleet.state(host)?.checks[check] === undefined) this.strange.checks += 1;
    else {
      this.#know(`${host}\n${check}`, told);
      const result = { ...told, text: '', longText: '', perfdata: [] };
      fleet.apply(host, { kind: 'result', check, result, viaHost: this.#viaHost(host, check) });
      const isMoving = fleet.state(host)?.runs.some(isOpen) === true;
      if (isMoving || told.state !== 'ok' || this.results % turnEvery === 0) await nextTurn();
    }
  }

  #know(key: string, { state, startedAtMs }: Pick<RecordedResult, 'state' | 'startedAtMs'>): void {
    if (!this.heard.has(key)) {
      this.heard.add(key);
      if (state !== 'ok') this.inherited.set(key, Infinity);
    } else if (state === 'ok' && this.inherited.get(key) === Infinity) this.inherited.set(key, startedAtMs);
  }
}

interface Parts {
  options: ReplayOptions;
  daemon: ReplayDaemon;
  past: readonly Run[];
  log: DecisionLog;
  player: Player;
  span: Span;
}

function reported(
  parts: Parts,
): Omit<ReplayReport, 'sinceMs' | 'untilMs' | 'beganAtMs' | 'isWarm' | 'revision'> {
  const { options, daemon, past, log, player, span } = parts;
  const { definitions, recorded } = options;
  const checkOf = (run: RunSummary): string | undefined => {
    const plan = definitions.byHost.get(run.host);
    return plan && actionOf(run, plan)?.ladder.trigger.check;
  };
  const left = new Map<ReplayGap, number>();
  const leave = (why: ReplayGap, count = 1): false => {
    if (count > 0) left.set(why, (left.get(why) ?? 0) + count);
    return false;
  };
  const isCompared = (run: RunSummary): boolean => {
    if (run.decidedAtMs < span.sinceMs || run.decidedAtMs > span.untilMs) return false;
    if (!definitions.byHost.has(run.host)) return leave('runs_of_unknown_hosts');
    const okAtMs = player.inherited.get(`${run.host}\n${checkOf(run) ?? ''}`) ?? -Infinity;
    if (run.decidedAtMs > okAtMs) return true;
    return leave('runs_about_older_problems');
  };
  const sent = past.filter((run) => {
    if (run.dispatchedAtMs === undefined) return false;
    return !isByPerson(run) || leave('runs_by_persons');
  });
  const compared = compareRuns({
    recorded: sent.map(summaryOf).filter(isCompared),
    replayed: daemon.sent.filter(isCompared),
    decidedNow: (run) => log.at(run),
    checkOf,
    decidedThen({ host, action, decidedAtMs: atMs }) {
      return recorded.decisions({ host, action, atMs, limit: 1 }).items[0];
    },
  });
  const checks = [...definitions.byHost.values()].flatMap(({ host, checks: own }) =>
    own.map(({ id }) => `${host.name}\n${id}`),
  );
  const unplayed = { sinceMs: options.sinceMs, untilMs: span.sinceMs - 1 };
  if (unplayed.untilMs > unplayed.sinceMs) leave('runs_without_results', recorded.runs(unplayed).length);
  leave('results_of_unknown_hosts', player.strange.hosts);
  leave('results_of_unknown_checks', player.strange.checks);
  leave('checks_without_results', checks.filter((key) => !player.heard.has(key)).length);
  leave('facts_not_asked_then', daemon.guard.unknownFacts);
  return {
    ...compared,
    isComplete: player.isComplete,
    results: player.results,
    messages: messagesOf(recorded, daemon, span),
    left: [...left].map(([why, count]) => ({ why, count })),
  };
}

function messagesOf(recorded: Recorded, { coordinator }: ReplayDaemon, span: Span): ReplayReport['messages'] {
  const sums = new Map<string, ReplayReport['messages'][number]>();
  const add = (target: string, kind: string, of: 'recorded' | 'replayed', count: number): void => {
    const key = `${target}\n${kind}`;
    const sum = sums.get(key) ?? { target, kind, recorded: 0, replayed: 0 };
    sum[of] += count;
    sums.set(key, sum);
  };
  for (const { target, kind, count } of recorded.messages(span)) add(target, kind, 'recorded', count);
  let cursor: string | undefined;
  do {
    const page = coordinator.messages({ ...span, limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    for (const { target, kind } of page.items) add(target, kind, 'replayed', 1);
    cursor = page.next;
  } while (cursor !== undefined);
  return [...sums.values()].toSorted((a, b) =>
    `${a.target} ${a.kind}`.localeCompare(`${b.target} ${b.kind}`),
  );
}
