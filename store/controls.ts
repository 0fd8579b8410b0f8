/** Owns the fence and the off switch: one row each, with a checksum. Decides nothing. */
import type { Pause } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { present, sealOf } from './rows.ts';
import { damaged } from './run-rows.ts';

interface FenceRow {
  value: number;
  member: string;
  at_ms: number;
  checksum: string;
}

interface PauseRow {
  since_ms: number;
  paused_by: string;
  reason: string;
  until_ms: number | null;
  checksum: string;
}

export interface Fence {
  /** The newest token; 0 before the first start. Errors: STORE_CORRUPT. */
  read: () => number;
  /**
   * Takes the next token, durably: all older ones are void from now on. Hosts remember the newest token they saw, so it also
   * follows the wall clock (seconds): a new database, or one restored from a copy, must not look old to them.
   */
  raise: (member: string, nowMs: number) => number;
}

export function fenceRow(db: Connection, file: string): Fence {
  const select = db.prepare<[], FenceRow>('SELECT value, member, at_ms, checksum FROM fence');
  const replace = db.prepare<[FenceRow]>(
    `INSERT OR REPLACE INTO fence (id, value, member, at_ms, checksum) VALUES (1, :value, :member, :at_ms, :checksum)`,
  );
  const read = (): number => {
    const row = select.get();
    if (row === undefined) return 0;
    const { checksum, ...content } = row;
    if (sealOf(content) !== checksum) throw damaged(file, 'the fence');
    return row.value;
  };
  const raise = db.transaction((member: string, nowMs: number): number => {
    const value = Math.max(read() + 1, Math.floor(nowMs / 1000));
    const content = { value, member, at_ms: nowMs };
    replace.run({ ...content, checksum: sealOf(content) });
    return content.value;
  });
  return { read, raise: (member, nowMs) => raise.immediate(member, nowMs) };
}

export interface PauseSwitch {
  pause(pause: Pause): void;
  resume(): void;
  /** Undefined also when the pause has expired. Errors: STORE_CORRUPT. */
  paused(nowMs: number): Pause | undefined;
}

export function pauseRow(db: Connection, file: string): PauseSwitch {
  const select = db.prepare<[], PauseRow>(
    'SELECT since_ms, paused_by, reason, until_ms, checksum FROM pause',
  );
  const replace = db.prepare<[PauseRow]>(
    `INSERT OR REPLACE INTO pause (id, since_ms, paused_by, reason, until_ms, checksum)
     VALUES (1, :since_ms, :paused_by, :reason, :until_ms, :checksum)`,
  );
  const clear = db.prepare('DELETE FROM pause');
  return {
    pause({ sinceMs, by, reason, untilMs }) {
      const content = { since_ms: sinceMs, paused_by: by, reason, until_ms: untilMs ?? null };
      replace.run({ ...content, checksum: sealOf(content) });
    },
    resume: () => void clear.run(),
    paused(nowMs) {
      const row = select.get();
      if (row === undefined) return undefined;
      const { checksum, ...content } = row;
      if (sealOf(content) !== checksum) throw damaged(file, 'the pause');
      if (row.until_ms !== null && row.until_ms <= nowMs) return undefined;
      const { since_ms: sinceMs, paused_by: by, reason } = row;
      return { sinceMs, by, reason, ...present({ untilMs: row.until_ms }) };
    },
  };
}
