/** Puts what the API tells of one check into one story. Pure. */
import type {
  DecisionAnswer,
  MessageAnswer,
  PageOf,
  RunItemAnswer,
  TransitionAnswer,
} from '../http/wire-types.ts';

export type Moment =
  | { kind: 'change'; at: string; key: string; change: TransitionAnswer }
  | { kind: 'decision'; at: string; key: string; decision: DecisionAnswer }
  | { kind: 'run'; at: string; key: string; run: RunItemAnswer }
  | { kind: 'message'; at: string; key: string; message: MessageAnswer };

export interface StorySources {
  /** `host` for the host itself. */
  check: string;
  /** In force, of the check; those of decisions are known without. */
  ladders: readonly string[];
  /** Of the host, like runs and messages; what is of other checks is left out. */
  changes: PageOf<TransitionAnswer>;
  decisions: PageOf<DecisionAnswer>;
  runs: PageOf<RunItemAnswer>;
  messages: PageOf<MessageAnswer>;
}

/**
 * Newest first. A decision that led to a run is told by the run. What is older than the nearest end of a list belongs to the next page,
 * which begins at `older`.
 */
export function storyOf(sources: StorySources): { moments: Moment[]; older?: string } {
  const { changes, decisions, runs, messages } = sources;
  const older = [
    endOf(changes, ({ at }) => at),
    endOf(decisions, ({ at }) => at),
    endOf(runs, ({ decidedAt }) => decidedAt),
    endOf(messages, ({ createdAt }) => createdAt),
  ]
    .filter((each) => each !== undefined)
    .toSorted()
    .at(-1);
  const moments = momentsOf(sources);
  return older === undefined ? { moments } : { moments: moments.filter(({ at }) => at >= older), older };
}

function endOf<T>({ items, next }: PageOf<T>, atOf: (item: T) => string): string | undefined {
  const last = items.at(-1);
  return next === undefined || last === undefined ? undefined : atOf(last);
}

function momentsOf({ check, changes, decisions, runs, messages, ...known }: StorySources): Moment[] {
  // `check:...` stands for the ladder of a check that no action watches.
  const ladders = new Set([
    ...known.ladders,
    ...decisions.items.map(({ ladder }) => ladder),
    `check:${check}`,
  ]);
  const moments: Moment[] = [
    ...changes.items
      .filter((change) => (change.check ?? 'host') === check)
      .map((change) => ({
        kind: 'change' as const,
        at: change.at,
        key: `change ${change.id}`,
        change,
      })),
    ...decisions.items
      .filter(({ verdict }) => verdict !== 'act')
      .map((decision) => ({
        kind: 'decision' as const,
        at: decision.at,
        key: `decision ${decision.id}`,
        decision,
      })),
    ...runs.items
      .filter(({ ladder }) => ladders.has(ladder))
      .map((run) => ({ kind: 'run' as const, at: run.decidedAt, key: run.id, run })),
    ...messages.items
      .filter(({ ladder }) => ladders.has(ladder))
      .map((message) => ({
        kind: 'message' as const,
        at: message.createdAt,
        key: `message ${message.id}`,
        message,
      })),
  ];
  return moments.toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}
