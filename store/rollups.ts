/**
 * Owns what graphs are drawn from: of each series the sums of five minutes, made in memory as results come and written once those
 * are over. What is not written yet is lost by a kill; the results themselves are not.
 */
import { maxPerfdata } from '../core/plugin-output.ts';
import type { Rollup, RollupQuery } from '../core/rollups.ts';
import type { CheckResult, CheckState } from '../core/types.ts';
import type { Connection } from './connection.ts';

/** Milliseconds. */
const slotMs = 300_000;
/** Rows are found by their id: the number of the five minutes since the epoch, times this, and the number of the series. */
const seriesPerSlot = 2 ** 24;
/** A query reads so many of five minutes at most: 35 days; about 15 ms. */
const slotsAtOnce = 10_080;
/** Rows that one call of `prune` deletes; about 3 ms. */
const pruneBatch = 5_000;

/** unit, number of values, least, sum, greatest */
type Values = [uom: string, count: number, min: number, sum: number, max: number];

interface Sums {
  counts: Record<CheckState, number>;
  durationSumMs: number;
  durationMaxMs: number;
  /** Absent while there is none: most checks print no numbers. */
  perfdata?: Map<string, Values>;
}

interface Row {
  id: number;
  ok: number;
  warning: number;
  critical: number;
  unknown: number;
  duration_sum_ms: number;
  duration_max_ms: number;
  perfdata: string | null;
}

export interface Rollups {
  /** A result that is committed. */
  take(seriesId: number, result: CheckResult): void;
  /** Ends the five minutes of series that get no results any more, or of all. */
  end(which: 'left' | 'all'): void;
  /** Writes those that are over, in the caller's transaction. */
  write(): void;
  /** That transaction is committed. */
  written(): void;
  read(seriesIds: readonly number[], query: RollupQuery): Rollup[];
  /** True while more is left. */
  prune(beforeMs: number): boolean;
}

export function rollupTable(db: Connection): Rollups {
  const insert = db.prepare<[Row]>(
    `INSERT OR REPLACE INTO rollups VALUES
       (:id, :ok, :warning, :critical, :unknown, :duration_sum_ms, :duration_max_ms, :perfdata)`,
  );
  const select = db.prepare<[number], Row>('SELECT * FROM rollups WHERE id = ?');
  const oldest = db.prepare<[], number | null>('SELECT min(id) FROM rollups').pluck();
  const remove = db.prepare<[number, number]>(
    'DELETE FROM rollups WHERE id IN (SELECT id FROM rollups WHERE id < ? ORDER BY id LIMIT ?)',
  );
  const open = new Map<number, { slot: number; sums: Sums }>();
  /** By id of the row. */
  const over = new Map<number, Sums>();
  let newestSlot = 0;
  const close = (seriesId: number, { slot, sums }: { slot: number; sums: Sums }): void => {
    const id = slot * seriesPerSlot + seriesId;
    over.set(id, joined(over.get(id), sums));
    open.delete(seriesId);
  };
  const sumsOf = (slot: number, seriesId: number): Sums | undefined => {
    const id = slot * seriesPerSlot + seriesId;
    const row = select.get(id);
    const parts = [
      row && decode(row),
      over.get(id),
      open.get(seriesId)?.slot === slot && open.get(seriesId)?.sums,
    ];
    return parts.reduce<Sums | undefined>((sum, part) => (part ? joined(sum, part) : sum), undefined);
  };
  return {
    take(seriesId, result) {
      const slot = Math.floor(result.startedAtMs / slotMs);
      const before = open.get(seriesId);
      if (before?.slot === slot) return add(before.sums, result);
      if (before !== undefined) close(seriesId, before);
      const sums = nothing();
      add(sums, result);
      open.set(seriesId, { slot, sums });
      newestSlot = slot;
    },
    end(which) {
      for (const [seriesId, each] of open)
        if (which === 'all' || each.slot < newestSlot - 1) close(seriesId, each);
    },
    write() {
      for (const [id, sums] of over) {
        const row = select.get(id);
        insert.run(encode(id, row === undefined ? sums : joined(decode(row), sums)));
      }
    },
    written: () => over.clear(),
    read(seriesIds, { sinceMs, untilMs, stepMs }) {
      const slots = Math.max(1, Math.round(stepMs / slotMs));
      const last = Math.floor(untilMs / slotMs);
      const first = Math.max(Math.floor(sinceMs / slotMs / slots) * slots, last - slotsAtOnce + 1);
      const points = new Map<number, Sums>();
      for (let slot = first; slot <= last; slot += 1) {
        for (const seriesId of seriesIds) {
          const sums = sumsOf(slot, seriesId);
          const start = Math.floor(slot / slots) * slots;
          if (sums !== undefined) points.set(start, joined(points.get(start), sums));
        }
      }
      return [...points].map(([slot, sums]) => rollupOf(slot * slotMs, slots * slotMs, sums));
    },
    prune(beforeMs) {
      const before = Math.floor(beforeMs / slotMs) * seriesPerSlot;
      const first = oldest.get() ?? before;
      return first < before && remove.run(before, pruneBatch).changes === pruneBatch;
    },
  };
}

function nothing(): Sums {
  const counts = { ok: 0, warning: 0, critical: 0, unknown: 0 };
  return { counts, durationSumMs: 0, durationMaxMs: 0 };
}

function add(sums: Sums, { state, durationMs, perfdata }: CheckResult): void {
  sums.counts[state] += 1;
  sums.durationSumMs += Math.round(durationMs);
  sums.durationMaxMs = Math.max(sums.durationMaxMs, Math.round(durationMs));
  for (const { label, uom, value } of perfdata)
    if (value !== null) put((sums.perfdata ??= new Map()), label, uom, value);
}

function put(perfdata: Map<string, Values>, label: string, uom: string, value: number): void {
  const sum = perfdata.get(label);
  if (sum === undefined) {
    if (perfdata.size < maxPerfdata) perfdata.set(label, [uom, 1, value, value, value]);
    return;
  }
  sum[1] += 1;
  sum[2] = Math.min(sum[2], value);
  sum[3] = plus(sum[3], value);
  sum[4] = Math.max(sum[4], value);
}

/** Of the greatest numbers there are, too. */
function plus(a: number, b: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, a + b));
}

/** Neither is changed. Of labels that are new each time only the first are kept. */
function joined(a: Sums | undefined, b: Sums): Sums {
  if (a === undefined) return b;
  const perfdata = new Map(a.perfdata);
  for (const [label, values] of b.perfdata ?? []) {
    const [uom, count, min, sum, max] = values;
    if (perfdata.size >= maxPerfdata && !perfdata.has(label)) continue;
    const other = perfdata.get(label) ?? [uom, 0, Infinity, 0, -Infinity];
    perfdata.set(label, [
      uom,
      other[1] + count,
      Math.min(other[2], min),
      plus(other[3], sum),
      Math.max(other[4], max),
    ]);
  }
  return {
    counts: {
      ok: a.counts.ok + b.counts.ok,
      warning: a.counts.warning + b.counts.warning,
      critical: a.counts.critical + b.counts.critical,
      unknown: a.counts.unknown + b.counts.unknown,
    },
    durationSumMs: a.durationSumMs + b.durationSumMs,
    durationMaxMs: Math.max(a.durationMaxMs, b.durationMaxMs),
    ...(perfdata.size === 0 ? {} : { perfdata }),
  };
}

function encode(id: number, { counts, durationSumMs, durationMaxMs, perfdata }: Sums): Row {
  return {
    id,
    ...counts,
    duration_sum_ms: durationSumMs,
    duration_max_ms: durationMaxMs,
    perfdata: perfdata === undefined ? null : JSON.stringify(Object.fromEntries(perfdata), short),
  };
}

/** Nine digits are more than a graph shows. */
function short(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(9)) : value;
}

function decode(row: Row): Sums {
  const { ok, warning, critical, unknown } = row;
  return {
    counts: { ok, warning, critical, unknown },
    durationSumMs: row.duration_sum_ms,
    durationMaxMs: row.duration_max_ms,
    ...(row.perfdata === null
      ? {}
      : { perfdata: new Map(Object.entries(JSON.parse(row.perfdata) as Record<string, Values>)) }),
  };
}

function rollupOf(
  atMs: number,
  stepMs: number,
  { counts, durationSumMs, durationMaxMs, perfdata }: Sums,
): Rollup {
  const count = counts.ok + counts.warning + counts.critical + counts.unknown;
  return {
    atMs,
    stepMs,
    count,
    states: counts,
    durationAvgMs: durationSumMs / count,
    durationMaxMs,
    perfdata: [...(perfdata ?? [])].map(([label, [uom, values, min, sum, max]]) => ({
      label,
      uom,
      min,
      avg: sum / values,
      max,
    })),
  };
}
