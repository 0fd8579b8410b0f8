/** Owns the ledger file: joins its tables into the `Coordinator` port of one box. Changes no run by itself. */
import type { Coordinator } from '../core/ports.ts';
import type { Connection } from './connection.ts';
import { fenceRow, pauseRow } from './controls.ts';
import { guarded } from './failure.ts';
import { outboxTable } from './outbox.ts';
import { runTable } from './runs.ts';
import { tokenTable } from './tokens.ts';

const shards = 256;
/** Rows of one table that one call of `prune` deletes. */
const pruneBatch = 500;

/**
 * Verifies every row, then takes the next fence token: from here on every older member is fenced out.
 * Errors: STORE_CORRUPT, STORE_UNUSABLE.
 */
export function createLedger(
  db: Connection,
  file: string,
  options: { member: string; nowMs: number },
): Coordinator {
  const fenceTable = fenceRow(db, file);
  const pauses = pauseRow(db, file);
  const {
    verify,
    prune: pruneRuns,
    ...runs
  } = runTable(db, file, {
    fence: fenceTable.read,
    paused: (nowMs) => pauses.paused(nowMs) !== undefined,
  });
  const { prune: pruneMessages, ...outbox } = outboxTable(db);
  const tokens = tokenTable(db, file);
  verify();
  tokens.tokens();
  pauses.paused(options.nowMs);
  const fence = fenceTable.raise(options.member, options.nowMs);
  const stillValid = (): boolean => fenceTable.read() === fence;

  return guarded<Coordinator>(file, {
    ...runs,
    ...pauses,
    ...outbox,
    ...tokens,
    member: options.member,
    fence,
    members: () => [options.member],
    stillValid,
    acquire(shard) {
      assertShard(shard);
      return stillValid() ? fence : undefined;
    },
    // On one box nobody else could take it.
    release: assertShard,
    prune: (beforeMs) =>
      [pruneRuns(beforeMs, pruneBatch), pruneMessages(beforeMs, pruneBatch)].includes(pruneBatch),
    close: () => void db.close(),
  });
}

function assertShard(shard: number): void {
  if (!Number.isInteger(shard) || shard < 0 || shard >= shards)
    throw new RangeError(`there is no shard ${shard}`);
}
