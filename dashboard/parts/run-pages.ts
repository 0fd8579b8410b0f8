/** Puts runs and what was not done into one list, page by page. Pure. */
import type { DecisionAnswer, PageOf, RunItemAnswer } from '../http/wire-types.ts';

export type Entry =
  | { kind: 'run'; at: string; run: RunItemAnswer }
  | { kind: 'held'; at: string; decision: DecisionAnswer };

/** Both lists end somewhere; what is older than the nearer end belongs to the next page. */
export function merged(
  runs: PageOf<RunItemAnswer>,
  decisions: PageOf<DecisionAnswer> | undefined,
): { rows: Entry[]; older?: string } {
  const rows: Entry[] = runs.items.map((run) => ({ kind: 'run', at: run.decidedAt, run }));
  for (const decision of decisions?.items ?? [])
    if (decision.verdict !== 'act') rows.push({ kind: 'held', at: decision.at, decision });
  const ends = [
    runs.next === undefined ? undefined : runs.items.at(-1)?.decidedAt,
    decisions?.next === undefined ? undefined : decisions.items.at(-1)?.at,
  ].filter((each) => each !== undefined);
  const older = ends.toSorted().at(-1);
  const shown = rows
    .filter(({ at }) => older === undefined || at >= older)
    .toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  return older === undefined ? { rows: shown } : { rows: shown, older };
}
