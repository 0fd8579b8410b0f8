/** Owns what stops all repairs at once: the off switch and the quarantine, one row each, with a checksum. Decides nothing. */
import type { Restraints } from '../core/ledger-ports.ts';
import type { Quarantine } from '../core/safety.ts';
import type { Pause } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { present } from './rows.ts';
import { type Sealed, sealed, unsealed } from './seal.ts';

interface PauseContent {
  since_ms: number;
  paused_by: string;
  reason: string;
  until_ms: number | null;
}

export interface PauseSwitch {
  pause(pause: Pause): void;
  resume(): void;
  /** Undefined also when the pause has expired. Errors: STORE_CORRUPT. */
  paused(nowMs: number): Pause | undefined;
}

export function pauseRow(db: Connection, file: string): PauseSwitch {
  const select = db.prepare<[], Sealed<PauseContent>>(
    'SELECT since_ms, paused_by, reason, until_ms, checksum FROM pause',
  );
  const replace = db.prepare<[Sealed<PauseContent>]>(
    `INSERT OR REPLACE INTO pause (id, since_ms, paused_by, reason, until_ms, checksum)
     VALUES (1, :since_ms, :paused_by, :reason, :until_ms, :checksum)`,
  );
  const clear = db.prepare('DELETE FROM pause');
  return {
    pause({ sinceMs, by, reason, untilMs }) {
      replace.run(sealed({ since_ms: sinceMs, paused_by: by, reason, until_ms: untilMs ?? null }));
    },
    resume: () => void clear.run(),
    paused(nowMs) {
      const row = select.get();
      if (row === undefined) return undefined;
      const {
        since_ms: sinceMs,
        paused_by: by,
        reason,
        until_ms: untilMs,
      } = unsealed(row, file, 'the pause');
      if (untilMs !== null && untilMs <= nowMs) return undefined;
      return { sinceMs, by, reason, ...present({ untilMs }) };
    },
  };
}

interface QuarantineContent {
  cause: Quarantine['cause'];
  since_ms: number;
  text: string;
}

export function quarantineRow(
  db: Connection,
  file: string,
): Pick<Restraints, 'quarantine' | 'setQuarantine' | 'rearm'> {
  const select = db.prepare<[], Sealed<QuarantineContent>>(
    'SELECT cause, since_ms, text, checksum FROM quarantine',
  );
  const insert = db.prepare<[Sealed<QuarantineContent>]>(
    `INSERT INTO quarantine (id, cause, since_ms, text, checksum) VALUES (1, :cause, :since_ms, :text, :checksum)
     ON CONFLICT (id) DO NOTHING`,
  );
  const clear = db.prepare('DELETE FROM quarantine');
  return {
    quarantine() {
      const row = select.get();
      if (row === undefined) return undefined;
      const { cause, since_ms: sinceMs, text } = unsealed(row, file, 'the quarantine');
      return { cause, sinceMs, text };
    },
    setQuarantine: ({ cause, sinceMs, text }) => void insert.run(sealed({ cause, since_ms: sinceMs, text })),
    rearm: () => clear.run().changes === 1,
  };
}
