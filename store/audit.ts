/**
 * Owns the audit chain: each row's hash is taken over the hash before it and its own content, so that no row can be altered,
 * left out or put in between unnoticed. The head has a row of its own: cutting off the end is noticed too. What it cannot
 * show is a chain rewritten from some row to its head; that is why the head is exported.
 */
import { createHash } from 'node:crypto';
import type { AuditTrail } from '../core/ledger-ports.ts';
import type { AuditEntry, AuditKind, AuditVerdict } from '../core/safety.ts';
import type { Connection } from './connection.ts';
import { pageOf, pageReader } from './rows.ts';
import { canonicalJson, damaged, type Sealed, sealed, unsealed } from './seal.ts';

type NewEntry = Parameters<AuditTrail['audit']>[0];

interface Row {
  seq: number;
  at_ms: number;
  kind: string;
  actor: string;
  event: string;
  body: string;
  previous: string;
  hash: string;
}

interface End {
  name: 'anchor' | 'head';
  seq: number;
  hash: string;
}

/** What the first row follows. */
const genesis = { seq: 0, hash: '0'.repeat(64) };
/** Rows that one step of a walk holds in memory. */
const pageRows = 500;

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
  const after = db.prepare<[number, number], Row>('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?');
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

  /** Rows from the old end, each with what is wrong with it, until the first that is not right. */
  function* walk(from: { seq: number; hash: string }): Generator<{ row: Row; problem?: string }> {
    let before = from;
    for (
      let rows = after.all(-Number.MAX_SAFE_INTEGER, pageRows);
      rows.length > 0;
      rows = after.all(before.seq, pageRows)
    ) {
      for (const row of rows) {
        const problem = problemOf(row, before);
        yield problem === undefined ? { row } : { row, problem };
        if (problem !== undefined) return;
        before = row;
      }
    }
  }

  const verifyAudit = db.transaction((): AuditVerdict => {
    let entries = 0;
    const broken = (brokenAtSeq: number, problem: string): AuditVerdict => ({
      ok: false,
      entries,
      brokenAtSeq,
      problem,
    });
    const anchor = ends.peek('anchor') ?? genesis;
    const head = ends.peek('head') ?? genesis;
    if (anchor === 'damaged') return broken(0, 'the anchor that stands for the pruned entries was altered');
    let last: { seq: number; hash: string } = anchor;
    for (const { row, problem } of walk(anchor)) {
      if (problem !== undefined) return broken(Math.min(row.seq, last.seq + 1), problem);
      last = row;
      entries += 1;
    }
    if (head === 'damaged') return broken(last.seq, 'the head of the chain was altered');
    if (head.seq > last.seq)
      return broken(last.seq + 1, `entries ${last.seq + 1} to ${head.seq} are missing at the end`);
    if (head.seq < last.seq) return broken(head.seq + 1, `entry ${head.seq + 1} was put in behind the head`);
    if (head.hash !== last.hash) return broken(last.seq, `entry ${last.seq} is not the head of the chain`);
    return { ok: true, entries, firstSeq: anchor.seq + 1, head: { seq: head.seq, hash: head.hash } };
  });

  const prune = db.transaction((beforeMs: number, batch: number): number => {
    const anchor = ends.read('anchor') ?? genesis;
    let last: Row | undefined;
    let count = 0;
    for (const { row, problem } of walk(anchor)) {
      if (problem !== undefined || row.at_ms >= beforeMs || count === batch) break;
      last = row;
      count += 1;
    }
    if (last === undefined) return 0;
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
    verifyAudit: () => verifyAudit.deferred(),
    verify() {
      if (ends.read('head') === undefined && newest.get() !== null)
        throw damaged(file, 'the head of the audit chain');
      ends.read('anchor');
    },
    prune: (beforeMs, batch) => prune.immediate(beforeMs, batch),
  };
}

/** The two rows that say where the chain begins and ends. */
function chainEnds(
  db: Connection,
  file: string,
): {
  /** Errors: STORE_CORRUPT. */
  read: (name: End['name']) => End | undefined;
  peek: (name: End['name']) => End | undefined | 'damaged';
  write: (end: End) => void;
} {
  const select = db.prepare<[string], Sealed<End>>(
    'SELECT name, seq, hash, checksum FROM audit_ends WHERE name = ?',
  );
  const replace = db.prepare<[Sealed<End>]>(
    'INSERT OR REPLACE INTO audit_ends (name, seq, hash, checksum) VALUES (:name, :seq, :hash, :checksum)',
  );
  const read = (name: End['name']): End | undefined => {
    const row = select.get(name);
    return row && unsealed(row, file, `the ${name} of the audit chain`);
  };
  return {
    read,
    peek(name) {
      const row = select.get(name);
      return row !== undefined && sealed({ name, seq: row.seq, hash: row.hash }).checksum !== row.checksum
        ? 'damaged'
        : row;
    },
    write: (end) => void replace.run(sealed(end)),
  };
}

function problemOf(row: Row, before: { seq: number; hash: string }): string | undefined {
  const expected = before.seq + 1;
  if (row.seq < expected) return `entry ${row.seq} was put in before the beginning of the chain`;
  if (row.seq > expected) return `entry ${expected} is missing`;
  if (!isWhole(row)) return `entry ${row.seq} was altered`;
  if (row.previous !== before.hash) return `entry ${row.seq} does not follow the entry before it`;
  return undefined;
}

function isWhole(row: Row): boolean {
  try {
    return hashOf(row.previous, row) === row.hash;
  } catch (error) {
    // Its body is no JSON any more.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function hashOf(previous: string, row: Omit<Row, 'previous' | 'hash'>): string {
  const { seq, at_ms: atMs, kind, actor, event } = row;
  const content = { seq, atMs, kind, actor, event, body: JSON.parse(row.body) as unknown };
  return createHash('sha256').update(previous).update(canonicalJson(content)).digest('hex');
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
