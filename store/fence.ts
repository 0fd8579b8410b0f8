/** Owns the fence: the newest token, and which tokens this ledger ever raised. Decides nothing. */
import type { Connection } from './connection.ts';
import { type Sealed, sealed, unsealed } from './seal.ts';

interface FenceContent {
  value: number;
  member: string;
  at_ms: number;
}

/** One is raised at each start; older ones than these are taken as known. */
const keptFences = 10_000;

export interface Fence {
  /** The newest token; 0 before the first start. Errors: STORE_CORRUPT. */
  read: () => number;
  /**
   * Takes the next token, durably: all older ones are void from now on. Hosts remember the newest token they saw, so it also
   * follows the wall clock (seconds): a new database, or one restored from a copy, must not look old to them. `above`: the greatest
   * one that is known to have been raised, whatever the clock says.
   */
  raise: (member: string, nowMs: number, above: number) => number;
  /** Whether this ledger raised that token, or takes it as known. */
  knows: (value: number) => boolean;
  /** From now on each token up to this one is known. */
  trust: (value: number) => void;
  verify: () => void;
}

export function fenceTable(db: Connection, file: string): Fence {
  const columns = 'value, member, at_ms, checksum';
  const select = db.prepare<[], Sealed<FenceContent>>(`SELECT ${columns} FROM fence`);
  const replace = db.prepare<[Sealed<FenceContent>]>(
    `INSERT OR REPLACE INTO fence (id, ${columns}) VALUES (1, :value, :member, :at_ms, :checksum)`,
  );
  const keep = db.prepare<[Sealed<FenceContent>]>(
    `INSERT INTO fences (${columns}) VALUES (:value, :member, :at_ms, :checksum)`,
  );
  const kept = db.prepare<[number], Sealed<FenceContent>>(`SELECT ${columns} FROM fences WHERE value = ?`);
  const all = db.prepare<[], Sealed<FenceContent>>(`SELECT ${columns} FROM fences`);
  const tooOld = db.prepare<[], { value: number }>(
    `SELECT value FROM fences ORDER BY value DESC LIMIT 1 OFFSET ${keptFences}`,
  );
  const drop = db.prepare<[number]>('DELETE FROM fences WHERE value <= ?');
  const selectFloor = db.prepare<[], Sealed<{ value: number }>>('SELECT value, checksum FROM fence_floor');
  const replaceFloor = db.prepare<[Sealed<{ value: number }>]>(
    'INSERT OR REPLACE INTO fence_floor (id, value, checksum) VALUES (1, :value, :checksum)',
  );

  const read = (): number => {
    const row = select.get();
    return row === undefined ? 0 : unsealed(row, file, 'the fence').value;
  };
  const floor = (): number => {
    const row = selectFloor.get();
    return row === undefined ? 0 : unsealed(row, file, 'the floor of the known fences').value;
  };
  const trust = (value: number): void => {
    if (value > floor()) replaceFloor.run(sealed({ value }));
  };
  const find = (value: number): boolean => {
    const row = kept.get(value);
    return row !== undefined && unsealed(row, file, `fence ${value}`).value === value;
  };
  const raise = db.transaction((member: string, nowMs: number, above: number): number => {
    const before = read();
    // Written before each fence was kept: what it raised until then cannot be told apart from what it did not.
    if (!find(before)) trust(before);
    const value = Math.max(before + 1, above + 1, Math.floor(nowMs / 1000));
    const row = sealed({ value, member, at_ms: nowMs });
    replace.run(row);
    keep.run(row);
    // A ledger that begins now knows that there may have been others before it.
    if (before === 0) trust(row.value);
    const oldest = tooOld.get()?.value;
    if (oldest !== undefined) {
      trust(oldest);
      drop.run(oldest);
    }
    return row.value;
  });
  return {
    read,
    raise: (member, nowMs, above) => raise.immediate(member, nowMs, above),
    knows: (value) => value <= floor() || find(value),
    trust,
    verify() {
      read();
      floor();
      for (const row of all.iterate()) unsealed(row, file, `fence ${row.value}`);
    },
  };
}
