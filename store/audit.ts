/**
 * Owns the audit chain: each row's hash is taken over the hash before it and its own content, so that no row can be altered,
 * left out or put in between unnoticed. The head has a row of its own: cutting off the end is noticed too. What it cannot
 * show is a chain rewritten from some row to its head; that is why the head is exported.
 */
import type { AuditTrail } from '../core/ledger-ports.ts';
import type { AuditEntry, AuditKind } from '../core/safety.ts';
import { chainEnds, genesis, hashOf, isWhole, type Link, problemOf, type Row } from './audit-chain.ts';
import { auditWalks } from './audit-walk.ts';
import type { Connection } from './connection.ts';
import { pageOf, pageReader } from './rows.ts';
import { damaged } from './seal.ts';

type NewEntry = Parameters<AuditTrail['audit']>[0];

export type Audit = Pick<AuditTrail, keyof AuditTrail> & {
  /** The same as `audit` for use inside a transaction of the caller. */
  append: (entry: NewEntry) => AuditEntry;
  /** Of the ends alone: a damaged row says so when it is read. Errors: STORE_CORRUPT. */
  verify: () => void;
  /** Takes rows from the old end as long as they are whole: evidence of an alteration stays. */
  prune: (beforeMs: number, batch: number) => number;
};

export function auditTable(db: Connection, file: string): Audit {
  const insert = db.prepare<[Row]>(
    `INSERT INTO audit (seq, at_ms, kind, actor, event, body, previous, hash)
     VALUES (:seq, :at_ms, :kind, :actor, :event, :body, :previous, :hash)`,
  );
  const newest = db.prepare<[], number | null>('SELECT max(seq) FROM audit').pluck();
  const oldest = db.prepare<[number], Row>('SELECT * FROM audit ORDER BY seq LIMIT ?');
  const readPage = pageReader<Row>(db, { select: 'SELECT * FROM audit', key: 'seq' });
  const drop = db.prepare<[number]>('DELETE FROM audit WHERE seq <= ?');
  const ends = chainEnds(db, file);

  const append = (entry: NewEntry): AuditEntry => {
    const head = ends.read('head') ?? genesis;
    const last = newest.get() ?? 0;
    if (head.seq === 0 && last > 0) throw damaged(file, 'the head of the audit chain');
    const { atMs, kind, actor, event } = entry;
    const body = JSON.stringify(entry.body);
    // A row put in behind the head must not keep the chain from going on; it is found by a walk.
    const content = { seq: Math.max(head.seq, last) + 1, at_ms: atMs, kind, actor, event, body };
    const row = { ...content, previous: head.hash, hash: hashOf(head.hash, content) };
    insert.run(row);
    ends.write({ name: 'head', seq: row.seq, hash: row.hash });
    return decode(row);
  };
  const audit = db.transaction(append);

  const readWhole = (row: Row): AuditEntry => {
    if (!isWhole(row)) throw damaged(file, `entry ${row.seq} of the audit`);
    return decode(row);
  };

  const prune = db.transaction((beforeMs: number, batch: number): number => {
    let last: Link = ends.read('anchor') ?? genesis;
    let count = 0;
    for (const row of oldest.all(batch)) {
      if (row.at_ms >= beforeMs || problemOf(row, last) !== undefined) break;
      last = row;
      count += 1;
    }
    if (count === 0) return 0;
    drop.run(last.seq);
    ends.write({ name: 'anchor', seq: last.seq, hash: last.hash });
    return count;
  });

  return {
    append,
    audit: (entry) => audit.immediate(entry),
    auditHead() {
      const head = ends.read('head');
      return head && { seq: head.seq, hash: head.hash };
    },
    auditEntries(query) {
      const filters = [
        ['at_ms >= ?', query.sinceMs],
        ['at_ms <= ?', query.untilMs],
      ] as const;
      return pageOf(readPage(filters, query), query, (row) => row.seq, readWhole);
    },
    ...auditWalks(db, file, ends),
    verify() {
      if (ends.read('head') === undefined && newest.get() !== null)
        throw damaged(file, 'the head of the audit chain');
      ends.read('anchor');
    },
    prune: (beforeMs, batch) => prune.immediate(beforeMs, batch),
  };
}

function decode(row: Row): AuditEntry {
  return {
    seq: row.seq,
    atMs: row.at_ms,
    kind: row.kind as AuditKind,
    actor: row.actor,
    event: row.event,
    body: JSON.parse(row.body) as Record<string, unknown>,
    previous: row.previous,
    hash: row.hash,
  };
}
