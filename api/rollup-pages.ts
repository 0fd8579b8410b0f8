/**
 * Pages of what the results of a check come to, oldest first. A page reads a bounded stretch of time, so it may be shorter than asked
 * for, or empty, and still have a next one.
 */
import type { Page } from '../core/ports.ts';
import type { Rollup, RollupQuery } from '../core/rollups.ts';
import { cursorOf, cursorUnknown, keyOfCursor } from './paging.ts';

/** What sums are kept of; a step is a multiple of it. Milliseconds. */
export const slotMs = 300_000;
/** What one look into the store tells at most. */
const slotsAtOnce = 10_080;

type Span = Pick<RollupQuery, 'sinceMs' | 'untilMs' | 'stepMs'>;

interface PageQuery extends Span {
  cursor?: string | undefined;
  limit: number;
}

/** Errors: RequestProblem 400 for a cursor that is none. */
export function rollupPage(read: (span: Span) => Rollup[], query: PageQuery): Page<Rollup> {
  const slots = Math.max(1, Math.round(query.stepMs / slotMs));
  const stepMs = slots * slotMs;
  const wantedMs = query.cursor === undefined ? query.sinceMs : timeOf(query.cursor);
  const sinceMs = Math.max(0, Math.floor(wantedMs / stepMs) * stepMs);
  const steps = Math.min(query.limit, Math.max(1, Math.floor(slotsAtOnce / slots)));
  const endMs = sinceMs + steps * stepMs;
  const items = read({ sinceMs, untilMs: Math.min(query.untilMs, endMs - 1), stepMs });
  return endMs > query.untilMs ? { items } : { items, next: cursorOf(String(endMs)) };
}

function timeOf(cursor: string): number {
  const key = keyOfCursor(cursor);
  if (!/^\d{1,15}$/.test(key)) throw cursorUnknown();
  return Number(key);
}
