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

export interface CompareOptions {
  recorded: readonly RunSummary[];
  replayed: readonly RunSummary[];
  /** What was decided about an action of a host by that time. */
  decidedThen: (run: RunSummary) => (Pick<Decision, 'reason' | 'gates'> & { lastAtMs: number }) | undefined;
  decidedNow: DecisionLog;
  checkOf: (run: RunSummary) => string | undefined;
}

/** The answers of a replay about the ladders that somebody will ask about, repeats folded. */
export class DecisionLog {
  readonly #wanted: ReadonlySet<string>;
  readonly #told = new Map<string, { fromMs: number; lastAtMs: number; decision: Decision }[]>();

  /** `wanted`: `host\nladder`. */
  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  add(decision: Decision): void {
    const key = `${decision.host}\n${decision.ladder}`;
    if (!this.#wanted.has(key)) return;
    const list = this.#told.get(key) ?? [];
    const last = list.at(-1);
    const { action, verdict, reason } = decision;
    const isSame =
      last?.decision.action === action &&
      last.decision.verdict === verdict &&
      last.decision.reason === reason;
    if (last !== undefined && isSame && verdict !== 'act') last.lastAtMs = decision.atMs;
    else list.push({ fromMs: decision.atMs, lastAtMs: decision.atMs, decision });
    this.#told.set(key, list);
  }

  at({ host, ladder, decidedAtMs }: RunSummary): { lastAtMs: number; decision: Decision } | undefined {
    return this.#told.get(`${host}\n${ladder}`)?.findLast(({ fromMs }) => fromMs <= decidedAtMs + sameMs);
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
    if (past === undefined) {
      count(run.action, 'onlyNow');
      if (run.kind !== 'notify') unknown.add(problemOf(run));
      differences.push(onlyNow(run, isFollowing, options));
      continue;
    }
    left.set(
      placeOf(run),
      others.filter((other) => other !== past),
    );
    const isSame = Math.abs(past.decidedAtMs - run.decidedAtMs) <= sameMs;
    count(run.action, isSame ? 'same' : 'moved');
    if (!isSame) differences.push(moved(run, past, isFollowing, options));
  }
  for (const run of [...left.values()].flat()) {
    count(run.action, 'onlyThen');
    differences.push(onlyThen(run, options));
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

type Why = Pick<ReplayDifference, 'reason' | 'gate'>;

function whyOf(
  decided: { decision: Pick<Decision, 'reason' | 'gates'>; lastAtMs: number } | undefined,
  atMs: number,
): Why {
  if (decided === undefined || decided.lastAtMs < atMs - freshMs) return { reason: 'nothing_decided' };
  const { reason, gates } = decided.decision;
  const gate = gates.find((each) => !each.passed && each.reason === reason)?.gate;
  return { reason, ...(gate === undefined ? {} : { gate }) };
}

function onlyNow(
  run: RunSummary,
  isFollowing: boolean,
  { decidedThen, checkOf }: CompareOptions,
): ReplayDifference {
  const { decidedAtMs: atMs, host, action } = run;
  const then = decidedThen(run);
  const why = whyOf(then && { decision: then, lastAtMs: then.lastAtMs }, atMs);
  const outcome = run.kind === 'notify' ? 'none' : 'unknown';
  return { kind: 'only_now', atMs, host, check: checkOf(run) ?? '', action, ...why, outcome, isFollowing };
}

function moved(
  run: RunSummary,
  past: RunSummary,
  isFollowing: boolean,
  options: CompareOptions,
): ReplayDifference {
  const { decidedAtMs: atMs, host, action } = run;
  const isSooner = atMs < past.decidedAtMs;
  const then = isSooner ? options.decidedThen(run) : undefined;
  const held = isSooner ? then && { decision: then, lastAtMs: then.lastAtMs } : options.decidedNow.at(past);
  const place = { host, check: options.checkOf(run) ?? '', action };
  const why = whyOf(held, isSooner ? atMs : past.decidedAtMs);
  const outcome = run.kind === 'notify' ? 'none' : 'recorded';
  return { kind: 'moved', atMs, thenAtMs: past.decidedAtMs, ...place, ...why, outcome, isFollowing };
}

function onlyThen(run: RunSummary, { decidedNow, checkOf }: CompareOptions): ReplayDifference {
  const { decidedAtMs: atMs, host, action } = run;
  const check = checkOf(run);
  const why: Why = check === undefined ? { reason: 'not_defined' } : whyOf(decidedNow.at(run), atMs);
  return {
    kind: 'only_then',
    atMs,
    host,
    check: check ?? '',
    action,
    ...why,
    outcome: 'none',
    isFollowing: false,
  };
}
