/** Owns the walk over the audit chain that finds the first entry that is not as it was written. Changes nothing. */
import type { AuditTrail, AuditWalk } from '../core/ledger-ports.ts';
import type { AuditVerdict } from '../core/safety.ts';
import { type ChainEnds, genesis, isWhole, type Link, problemOf, type Row } from './audit-chain.ts';
import type { Connection } from './connection.ts';
import { attempt } from './failure.ts';

/** One step ends at whichever comes first, so that nothing else waits long for it: a few milliseconds. */
const stepRows = 200;
/** Characters of bodies. */
const stepLength = 200_000;

export function auditWalks(
  db: Connection,
  file: string,
  ends: ChainEnds,
): Pick<AuditTrail, 'verifyAudit' | 'walkAudit'> {
  const after = db.prepare<[number], Row>('SELECT * FROM audit WHERE seq > ? ORDER BY seq');
  const at = db.prepare<[number], Row>('SELECT * FROM audit WHERE seq = ?');

  const walkAudit = (newest?: number): AuditWalk => {
    const walk = new Walk({ after: (seq) => after.iterate(seq), at: (seq) => at.get(seq), ends }, newest);
    // One look at one moment of the chain: others may write to it.
    const step = db.transaction(() => walk.step());
    return { step: () => attempt(file, () => step.deferred()) };
  };
  const verifyAudit = db.transaction((): AuditVerdict => {
    const walk = walkAudit();
    for (;;) {
      const verdict = walk.step();
      if (verdict !== undefined) return verdict;
    }
  });
  return { walkAudit, verifyAudit: () => verifyAudit.deferred() };
}

interface Chain {
  after: (seq: number) => Iterable<Row>;
  at: (seq: number) => Row | undefined;
  ends: ChainEnds;
}

class Walk {
  readonly #chain: Chain;
  readonly #newest: number | undefined;
  /** What the first entry looked at follows; undefined before the first step. */
  #begin: Link | undefined;
  /** The last entry found whole. */
  #last: Link = genesis;

  constructor(chain: Chain, newest: number | undefined) {
    this.#chain = chain;
    this.#newest = newest;
  }

  step(): AuditVerdict | undefined {
    const { ends } = this.#chain;
    const anchor = ends.peek('anchor') ?? genesis;
    if (anchor === 'damaged')
      return this.#broken(0, 'the anchor that stands for the pruned entries was altered');
    const isFirst = this.#begin === undefined;
    const problem = isFirst ? this.#start(anchor) : this.#passPruned(anchor);
    if (problem !== undefined) return problem;
    // What was put in before the beginning is seen from there only.
    const found = this.#look(isFirst && this.#last === anchor ? -Number.MAX_SAFE_INTEGER : this.#last.seq);
    return found === 'more' ? undefined : (found ?? this.#judgeHead());
  }

  #start(anchor: Link): AuditVerdict | undefined {
    const head = this.#chain.ends.peek('head') ?? genesis;
    const fromSeq = this.#newest === undefined || head === 'damaged' ? 0 : head.seq - this.#newest;
    this.#last = anchor;
    this.#begin = anchor;
    if (fromSeq <= anchor.seq) return undefined;
    const from = this.#chain.at(fromSeq);
    if (from === undefined) return this.#broken(fromSeq, `entry ${fromSeq} is missing`);
    if (!isWhole(from)) return this.#broken(fromSeq, `entry ${fromSeq} was altered`);
    this.#last = from;
    this.#begin = from;
    return undefined;
  }

  /** What was pruned since the last step was found whole by the pruning. */
  #passPruned(anchor: Link): undefined {
    if (anchor.seq <= (this.#begin?.seq ?? 0)) return;
    this.#begin = anchor;
    if (anchor.seq > this.#last.seq) this.#last = anchor;
  }

  /** `more`: the step is over before the chain is. */
  #look(afterSeq: number): AuditVerdict | 'more' | undefined {
    let [rows, length] = [0, 0];
    for (const row of this.#chain.after(afterSeq)) {
      if (rows >= stepRows || length >= stepLength) return 'more';
      const problem = problemOf(row, this.#last);
      if (problem !== undefined) return this.#broken(Math.min(row.seq, this.#last.seq + 1), problem);
      this.#last = row;
      rows += 1;
      length += row.body.length;
    }
    return undefined;
  }

  #judgeHead(): AuditVerdict {
    const { seq, hash } = this.#last;
    const head = this.#chain.ends.peek('head') ?? genesis;
    if (head === 'damaged') return this.#broken(seq, 'the head of the chain was altered');
    if (head.seq > seq)
      return this.#broken(seq + 1, `entries ${seq + 1} to ${head.seq} are missing at the end`);
    if (head.seq < seq) return this.#broken(head.seq + 1, `entry ${head.seq + 1} was put in behind the head`);
    if (head.hash !== hash) return this.#broken(seq, `entry ${seq} is not the head of the chain`);
    const firstSeq = (this.#begin?.seq ?? 0) + 1;
    return { ok: true, entries: seq - firstSeq + 1, firstSeq, head: { seq, hash } };
  }

  #broken(brokenAtSeq: number, problem: string): AuditVerdict {
    return { ok: false, entries: this.#last.seq - (this.#begin?.seq ?? 0), brokenAtSeq, problem };
  }
}
