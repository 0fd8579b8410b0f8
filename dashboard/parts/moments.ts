/** Puts what the API tells of one check into one story. Pure. */
import type { DecisionAnswer, MessageAnswer, RunItemAnswer, TransitionAnswer } from '../http/wire-types.ts';

export type Moment =
  | { kind: 'change'; at: string; key: string; change: TransitionAnswer }
  | { kind: 'decision'; at: string; key: string; decision: DecisionAnswer }
  | { kind: 'run'; at: string; key: string; run: RunItemAnswer }
  | { kind: 'message'; at: string; key: string; message: MessageAnswer };

export interface StorySources {
  check: string;
  changes: readonly TransitionAnswer[];
  decisions: readonly DecisionAnswer[];
  /** Of the host; those of other checks are left out. */
  runs: readonly RunItemAnswer[];
  messages: readonly MessageAnswer[];
}

/** A decision that led to a run is told by the run. */
export function storyOf({ check, changes, decisions, runs, messages }: StorySources): Moment[] {
  // `check:...` stands for the ladder of a check that no action watches.
  const ladders = new Set([...decisions.map(({ ladder }) => ladder), `check:${check}`]);
  const moments: Moment[] = [
    ...changes.map((change) => ({
      kind: 'change' as const,
      at: change.at,
      key: `change ${change.id}`,
      change,
    })),
    ...decisions
      .filter(({ verdict }) => verdict !== 'act')
      .map((decision) => ({
        kind: 'decision' as const,
        at: decision.at,
        key: `decision ${decision.id}`,
        decision,
      })),
    ...runs
      .filter(({ ladder }) => ladders.has(ladder))
      .map((run) => ({ kind: 'run' as const, at: run.decidedAt, key: run.id, run })),
    ...messages
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
