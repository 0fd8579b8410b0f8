/** What the results of a check come to in each step of time, for `mendd history --sums`. */
import type { CheckState } from '../core/types.ts';
import type { ApiClient } from './client.ts';
import type { Column } from './output.ts';
import { showDuration, showInstant } from './times.ts';

export interface RollupRow {
  at: string;
  stepMs: number;
  count: number;
  states: Record<Exclude<CheckState, 'pending'>, number>;
  durationAvgMs: number;
  durationMaxMs: number;
  perfdata: { label: string; uom: string; min: number | null; avg: number | null; max: number | null }[];
}

/** Newest first. */
export async function readRollups(
  client: ApiClient,
  path: string,
  query: { since: string | undefined; step: string },
  limit: number,
): Promise<RollupRow[]> {
  const rows = await client.list<RollupRow>(path, query);
  return rows.slice(-limit).toReversed();
}

export const rollupColumns: readonly Column<RollupRow>[] = [
  { title: 'FROM', cell: ({ at }) => showInstant(at) },
  { title: 'RESULTS', cell: ({ count }) => String(count) },
  {
    title: 'NOT OK',
    cell: ({ count, states }) => (states.ok === count ? '' : String(count - states.ok)),
    hue: ({ count, states }) => (states.ok === count ? undefined : 'bad'),
  },
  {
    title: 'TOOK',
    cell: ({ durationAvgMs, durationMaxMs }) =>
      `${showDuration(durationAvgMs)}, ${showDuration(durationMaxMs)} at most`,
  },
  { title: 'FIGURES', cell: ({ perfdata }) => perfdata.map(figure).join('  ') },
];

function figure({ label, uom, min, avg, max }: RollupRow['perfdata'][number]): string {
  const [least, mean, most] = [min, avg, max].map((value) =>
    value === null ? '?' : String(Number(value.toPrecision(4))),
  );
  return least === most ? `${label}=${mean}${uom}` : `${label}=${mean}${uom} (${least} to ${most})`;
}
