/** Lays the runs of a replay beside those that were recorded and says in what they differ, and why. Pure; decides nothing. */
import type { Decision } from '../core/decisions.ts';
import type { RunSummary } from '../core/types.ts';
import { counterpartOf, sameMs } from './replay-ports.ts';

/** A decision older than this says nothing of a moment. Milliseconds. */
const freshMs = 600_000;

/** An action that ran only then, only now, or at another time about the same problem. */
export interface ReplayDifference {
  kind: 'only_then' | 'only_now' | 'moved';
  /** In the replay; of one that ran only then, as recorded. Wall time. */
  atMs: number;
  /** As recorded, of one that moved. */
  thenAtMs?: number;
  host: string;
  check: string;
  action: string;
  /** What held it where it did not run; `act` where nothing held it. */
  reason: Decision['reason'] | 'not_defined' | 'nothing_decided';
  /** The gate that said so. */
  gate?: string;
  /** Whether history knows what the command of the replay came to. */
  outcome: 'recorded' | 'unknown' | 'none';
  /** An earlier run about the same problem had an outcome that history does not know. */
  isFollowing: boolean;
}

export interface ReplayedAction {
  action: string;
  recorded: number;
  replayed: number;
  same: number;
  moved: number;
  onlyThen: number;
  onlyNow: number;
}

export interface Comparison {
  actions: ReplayedAction[];
  differences: ReplayDifference[];
}

/** An answer, and the last time at which it was the same. */
type Decided = Pick<Decision, 'reason' | 'gates'> & { lastAtMs: number };

export interface CompareOptions {
  recorded: readonly RunSummary[];
  replayed: readonly RunSummary[];
  /** What was decided about an action of a host by that time. */
  decidedThen: (run: RunSummary) => Decided | undefined;
  decidedNow: (run: RunSummary) => Decided | undefined;
  /** Undefined when the action is not defined. */
  checkOf: (run: RunSummary) => string | undefined;
}

/** The answers of a replay about the ladders that somebody will ask about, repeats folded. */
export class DecisionLog {
  readonly #wanted: ReadonlySet<string>;
  readonly #told = new Map<string, (Decision & Decided)[]>();

  /** `wanted`: `host\nladder`. */
  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  add(decision: Decision): void {
    const key = `${decision.host}\n${decision.ladder}`;
    if (!this.#wanted.has(key)) return;
    const list = this.#told.get(key) ?? [];
    const last = list.at(-1);
    const { action, verdict, reason, atMs } = decision;
    const isSame = last?.action === action && last.verdict === verdict && last.reason === reason;
    if (isSame && verdict !== 'act') last.lastAtMs = atMs;
    else list.push({ ...decision, lastAtMs: atMs });
    this.#told.set(key, list);
  }

  at({ host, ladder, decidedAtMs }: RunSummary): Decided | undefined {
    return this.#told.get(`${host}\n${ladder}`)?.findLast(({ atMs }) => atMs <= decidedAtMs + sameMs);
  }
}

export function compareRuns(options: CompareOptions): Comparison {
  const { recorded, replayed } = options;
  const left = new Map<string, RunSummary[]>();
  for (const run of recorded) left.set(placeOf(run), [...(left.get(placeOf(run)) ?? []), run]);
  const actions = new Map<string, ReplayedAction>();
  const count = (action: string, of: Exclude<keyof ReplayedAction, 'action'>): void => {
    const sums = actions.get(action) ?? {
      action,
      recorded: 0,
      replayed: 0,
      same: 0,
      moved: 0,
      onlyThen: 0,
      onlyNow: 0,
    };
    sums[of] += 1;
    actions.set(action, sums);
  };
  const unknown = new Set<string>();
  const differences: ReplayDifference[] = [];
  for (const run of recorded) count(run.action, 'recorded');
  for (const run of replayed) {
    count(run.action, 'replayed');
    const others = left.get(placeOf(run)) ?? [];
    const past = counterpartOf(run, others);
    const isFollowing = unknown.has(problemOf(run));
    const isSent = run.kind !== 'notify';
    if (past === undefined) {
      count(run.action, 'onlyNow');
      const outcome = isSent ? 'unknown' : 'none';
      differences.push({ kind: 'only_now', ...heldAt(run, past, options), outcome, isFollowing });
      if (isSent) unknown.add(problemOf(run));
      continue;
    }
    left.set(
      placeOf(run),
      others.filter((other) => other !== past),
    );
    const isSame = Math.abs(past.decidedAtMs - run.decidedAtMs) <= sameMs;
    count(run.action, isSame ? 'same' : 'moved');
    if (isSame) continue;
    const outcome = isSent ? 'recorded' : 'none';
    const moved = { kind: 'moved', thenAtMs: past.decidedAtMs } as const;
    differences.push({ ...moved, ...heldAt(run, past, options), outcome, isFollowing });
  }
  for (const run of [...left.values()].flat()) {
    count(run.action, 'onlyThen');
    const then = { outcome: 'none', isFollowing: false } as const;
    differences.push({ kind: 'only_then', ...heldAt(run, run, options), ...then });
  }
  return {
    actions: [...actions.values()].toSorted((a, b) => a.action.localeCompare(b.action)),
    differences: differences.toSorted((a, b) => a.atMs - b.atMs),
  };
}

function placeOf({ host, action }: RunSummary): string {
  return `${host}\n${action}`;
}

function problemOf({ host, ladder, episode }: RunSummary): string {
  return `${host}\n${ladder}\n${episode}`;
}

type Held = Pick<ReplayDifference, 'atMs' | 'host' | 'check' | 'action' | 'reason' | 'gate'>;

/** What held a run on the side where it did not run, or not yet; `past`: the recorded one, if there is one. */
function heldAt(run: RunSummary, past: RunSummary | undefined, options: CompareOptions): Held {
  const { decidedAtMs: atMs, host, action } = run;
  const check = options.checkOf(run);
  const place = { atMs, host, check: check ?? '', action };
  if (check === undefined) return { ...place, reason: 'not_defined' };
  const isThen = past === undefined || atMs < past.decidedAtMs;
  const decided = isThen ? options.decidedThen(run) : options.decidedNow(past);
  const momentMs = isThen ? atMs : past.decidedAtMs;
  if (decided === undefined || decided.lastAtMs < momentMs - freshMs)
    return { ...place, reason: 'nothing_decided' };
  const { reason, gates } = decided;
  const gate = gates.find((each) => !each.passed && each.reason === reason)?.gate;
  return { ...place, reason, ...(gate === undefined ? {} : { gate }) };
}
