import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Coordinator } from '../../core/ports.ts';
import { ledgerPathOf, openLedgerBeside, openStores } from '../../store/open.ts';
import { closeStores, intentOf, openForTest, slotsOf, startMs, storePath } from './support/samples.ts';

const noHash = '0'.repeat(64);

function write(coordinator: Coordinator, count: number, from = 1): void {
  for (let index = from; index < from + count; index += 1) {
    const body = { reason: `ünï ${index} 🦊`, nested: { b: 1, a: [index] } };
    const entry = {
      atMs: startMs + index,
      kind: 'command',
      actor: 'person:kim',
      event: 'automation.paused',
    } as const;
    coordinator.audit({ ...entry, body });
  }
}

function alter(path: string, sql: string): void {
  const ledger = new Database(ledgerPathOf(path));
  ledger.exec(sql);
  ledger.close();
}

test('each entry is chained to the one before it, by a hash that anybody can compute', () => {
  const { coordinator } = openForTest();
  expect(coordinator.auditHead()).toBeUndefined();
  expect(coordinator.verifyAudit()).toEqual({
    ok: true,
    entries: 0,
    firstSeq: 1,
    head: { seq: 0, hash: noHash },
  });
  write(coordinator, 3);
  const entries = coordinator.auditEntries({ limit: 10 }).items.toReversed();
  expect(entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  let previous = noHash;
  for (const [index, entry] of entries.entries()) {
    expect(entry.previous).toBe(previous);
    previous = createHash('sha256')
      .update(previous + contentOf(index + 1))
      .digest('hex');
    expect(entry.hash).toBe(previous);
  }
  const head = { seq: 3, hash: previous };
  expect(coordinator.auditHead()).toEqual(head);
  expect(coordinator.verifyAudit()).toEqual({ ok: true, entries: 3, firstSeq: 1, head });
});

test('a claim and its entry are one: none without the other', () => {
  const { coordinator } = openForTest();
  const intent = intentOf(coordinator.fence, { decidedBy: 'person:kim', approvedBy: 'person:lee' });
  coordinator.claim(intent, slotsOf());
  expect(coordinator.claim(intent, slotsOf())).toMatchObject({ kind: 'refused' });
  const hook = intentOf(coordinator.fence, { id: 'hook', kind: 'webhook' });
  coordinator.claim(hook, slotsOf({ repairs: false }));
  coordinator.claim(intentOf(coordinator.fence, { id: 'page', kind: 'notify' }), slotsOf({ repairs: false }));
  const [second, first, ...more] = coordinator.auditEntries({ limit: 10 }).items;
  expect(more).toEqual([]);
  expect(first).toMatchObject({
    atMs: intent.decidedAtMs,
    kind: 'decision',
    actor: 'person:kim',
    event: 'run.decided',
    body: {
      run: intent.id,
      host: 'web-1',
      action: 'queue.restart',
      attempt: 1,
      command: intent.command,
      reason: intent.reason,
      revision: 'r1',
      approvedBy: 'person:lee',
    },
  });
  expect(second).toMatchObject({ actor: 'rule', body: { run: 'hook' } });
  expect(second?.body).not.toHaveProperty('approvedBy');
  expect(coordinator.get(intent.id)?.approvedBy).toBe('person:lee');
});

test('a claim whose entry cannot be written is no claim', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  write(coordinator, 1);
  alter(path, 'DELETE FROM audit_ends');
  const claim = (): object => coordinator.claim(intentOf(coordinator.fence), slotsOf());
  expect(claim).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  expect(coordinator.open()).toEqual([]);
});

/** The canonical JSON of one entry of `write`, by hand. */
function contentOf(number: number): string {
  return `{"actor":"person:kim","atMs":${startMs + number},"body":{"nested":{"a":[${number}],"b":1},"reason":"ünï ${number} 🦊"},"event":"automation.paused","kind":"command","seq":${number}}`;
}

/** A ledger of 1200 entries, written once: three pages of the walk. */
let long: string;

beforeAll(() => {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-audit-'));
  long = join(directory, 'mendd.db');
  const stores = openStores({ path: long, member: 'ops', nowMs: startMs });
  write(stores.coordinator, 1200);
  closeStores(stores);
});

afterAll(() => rmSync(dirname(long), { recursive: true }));

function longChain(): string {
  const path = storePath();
  copyFileSync(ledgerPathOf(long), ledgerPathOf(path));
  return path;
}

test.each<[string, string, number, string]>([
  [
    'a body altered',
    `UPDATE audit SET body = '{"reason":"nothing"}' WHERE seq = 700`,
    700,
    'entry 700 was altered',
  ],
  ['a body that is no JSON', `UPDATE audit SET body = '{' WHERE seq = 3`, 3, 'entry 3 was altered'],
  ['a time altered', 'UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 1', 1, 'entry 1 was altered'],
  ['an actor altered', `UPDATE audit SET actor = 'rule' WHERE seq = 1200`, 1200, 'entry 1200 was altered'],
  ['two altered', `UPDATE audit SET actor = 'rule' WHERE seq IN (900, 501)`, 501, 'entry 501 was altered'],
  ['one missing', 'DELETE FROM audit WHERE seq = 600', 600, 'entry 600 is missing'],
  ['the first missing', 'DELETE FROM audit WHERE seq = 1', 1, 'entry 1 is missing'],
  [
    'the end cut off',
    'DELETE FROM audit WHERE seq > 1100',
    1101,
    'entries 1101 to 1200 are missing at the end',
  ],
  ['all of it gone', 'DELETE FROM audit', 1, 'entries 1 to 1200 are missing at the end'],
  [
    'one in front',
    `INSERT INTO audit SELECT -7, at_ms, kind, actor, event, body, previous, hash FROM audit WHERE seq = 1`,
    -7,
    'before the beginning',
  ],
  [
    'one behind',
    `INSERT INTO audit SELECT 1201, at_ms, kind, actor, event, body, previous, hash FROM audit WHERE seq = 1`,
    1201,
    'entry 1201',
  ],
  [
    'two exchanged',
    `UPDATE audit SET seq = -1 WHERE seq = 9; UPDATE audit SET seq = 9 WHERE seq = 10; UPDATE audit SET seq = 10 WHERE seq = -1`,
    9,
    'entry 9 was altered',
  ],
  ['the head altered', `UPDATE audit_ends SET hash = '0'`, 1200, 'the head of the chain was altered'],
  ['the head gone', `DELETE FROM audit_ends`, 1, 'entry 1 was put in behind the head'],
])('the walk finds %s', (_, sql, brokenAtSeq, problem) => {
  const path = longChain();
  const { coordinator } = openForTest(path);
  alter(path, sql);
  const verdict = coordinator.verifyAudit();
  expect(verdict).toMatchObject({ ok: false, brokenAtSeq, problem: expect.stringContaining(problem) });
  const beside = openLedgerBeside(path, startMs);
  expect(beside.verifyAudit()).toEqual(verdict);
  beside.close();
});

test.each([
  [2, { entries: 2, brokenAtSeq: 3, problem: 'entry 3 does not follow the entry before it' }],
  [3, { entries: 3, brokenAtSeq: 3, problem: 'entry 3 is not the head of the chain' }],
])('entry %i of 3 rewritten with a right hash of its own breaks the chain', (seq, broken) => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  write(coordinator, 3);
  const { previous = '' } =
    coordinator.auditEntries({ limit: 3 }).items.find((entry) => entry.seq === seq) ?? {};
  const json = contentOf(seq).replace('person:kim', 'rule');
  const hash = createHash('sha256')
    .update(previous + json)
    .digest('hex');
  alter(path, `UPDATE audit SET actor = 'rule', hash = '${hash}' WHERE seq = ${seq}`);
  expect(coordinator.verifyAudit()).toEqual({ ok: false, ...broken });
});

test('the end cut off stays found after more was written; a row put in behind the head stops nothing', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  write(coordinator, 5);
  alter(path, 'DELETE FROM audit WHERE seq = 5');
  write(coordinator, 2, 6);
  expect(coordinator.verifyAudit()).toMatchObject({ ok: false, brokenAtSeq: 5 });
  alter(
    path,
    `INSERT INTO audit SELECT 8, at_ms, kind, actor, event, body, previous, hash FROM audit WHERE seq = 7`,
  );
  write(coordinator, 1, 9);
  expect(coordinator.auditHead()?.seq).toBe(9);
});

test('an altered entry is never shown as if it were true, and a start does not hide it', () => {
  const path = storePath();
  const { coordinator, store } = openForTest(path);
  write(coordinator, 3);
  alter(path, `UPDATE audit SET actor = 'rule' WHERE seq = 2`);
  const read = (): unknown => coordinator.auditEntries({ limit: 5 });
  expect(read).toThrow(
    expect.objectContaining({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('entry 2 of the audit'),
    }),
  );
  store.close();
  coordinator.close();
  expect(openForTest(path).coordinator.verifyAudit()).toMatchObject({ ok: false, brokenAtSeq: 2 });
});

test('pruning takes whole old entries and leaves a chain that verifies from its anchor', () => {
  const path = longChain();
  const { coordinator } = openForTest(path);
  const head = coordinator.auditHead();
  expect(coordinator.prune(startMs + 1101)).toBe(true);
  while (coordinator.prune(startMs + 1101));
  expect(coordinator.verifyAudit()).toEqual({ ok: true, entries: 100, firstSeq: 1101, head });
  write(coordinator, 1, 1201);
  expect(coordinator.verifyAudit()).toMatchObject({ ok: true, entries: 101, firstSeq: 1101 });
  alter(path, `UPDATE audit_ends SET hash = 'x' WHERE name = 'anchor'`);
  expect(coordinator.verifyAudit()).toMatchObject({ ok: false, problem: expect.stringContaining('anchor') });
});

test('all of it pruned, the chain goes on from its head', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  write(coordinator, 3);
  coordinator.prune(startMs + 1000);
  const head = coordinator.auditHead();
  expect(coordinator.auditEntries({ limit: 5 }).items).toEqual([]);
  expect(coordinator.verifyAudit()).toEqual({ ok: true, entries: 0, firstSeq: 4, head });
  write(coordinator, 2, 4);
  expect(coordinator.verifyAudit()).toMatchObject({ ok: true, entries: 2, firstSeq: 4, head: { seq: 5 } });
  alter(path, 'DELETE FROM audit WHERE seq = 4');
  expect(coordinator.verifyAudit()).toMatchObject({ ok: false, brokenAtSeq: 4 });
});

test('pruning stops before an altered entry: evidence stays', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  write(coordinator, 10);
  alter(path, `UPDATE audit SET actor = 'rule' WHERE seq = 4`);
  coordinator.prune(startMs + 1000);
  expect(coordinator.verifyAudit()).toMatchObject({ ok: false, entries: 0, brokenAtSeq: 4 });
});

/** To its end, with what happens between two steps. */
function walked(
  coordinator: Coordinator,
  newest?: number,
  between: (step: number) => void = () => undefined,
) {
  const walk = coordinator.walkAudit(newest);
  for (let step = 1; ; step += 1) {
    const verdict = walk.step();
    if (verdict !== undefined) return { step, verdict };
    between(step);
  }
}

test('a walk in steps bears entries that come and that are pruned meanwhile', () => {
  for (const pruneAfter of [1, 2, 5]) {
    const { coordinator } = openForTest(longChain());
    const { step, verdict } = walked(coordinator, undefined, (steps) => {
      if (steps === pruneAfter) while (coordinator.prune(startMs + 701));
      if (steps < 4) write(coordinator, 1, 1200 + steps);
    });
    expect(verdict).toEqual({ ok: true, entries: 503, firstSeq: 701, head: coordinator.auditHead() });
    expect(step).toBeGreaterThan(2);
  }
});

test('a walk in steps finds what was altered ahead of it, and nothing behind it', () => {
  for (const [seq, found] of [
    [900, { ok: false, entries: 899, brokenAtSeq: 900, problem: 'entry 900 was altered' }],
    [7, { ok: true, entries: 1200, firstSeq: 1, head: { seq: 1200 } }],
  ] as const) {
    const path = longChain();
    const { coordinator } = openForTest(path);
    const altered = walked(coordinator, undefined, (step) => {
      if (step === 2) alter(path, `UPDATE audit SET actor = 'rule' WHERE seq = ${seq}`);
    });
    expect(altered.verdict).toMatchObject(found);
  }
});

test.each([
  [`UPDATE audit SET actor = 'rule' WHERE seq = 1100`, 1100],
  [`UPDATE audit SET actor = 'rule' WHERE seq = 1150`, 1150],
  ['DELETE FROM audit WHERE seq = 1100', 1100],
  ['DELETE FROM audit WHERE seq > 1190', 1191],
  [`UPDATE audit SET actor = 'rule' WHERE seq = 1099`, undefined],
])('a walk over the newest 100 entries after %s', (sql, brokenAtSeq) => {
  const path = longChain();
  const { coordinator } = openForTest(path);
  alter(path, sql);
  const { verdict, step } = walked(coordinator, 100);
  expect(step).toBe(1);
  expect(verdict).toMatchObject(
    brokenAtSeq === undefined ? { ok: true, entries: 100, firstSeq: 1101 } : { ok: false, brokenAtSeq },
  );
});

test('a walk over more entries than there are is one over all', () => {
  const { coordinator } = openForTest(longChain());
  expect(walked(coordinator, 5_000).verdict).toEqual(coordinator.verifyAudit());
});

test('one step of a walk ends early over large entries', () => {
  const { coordinator } = openForTest();
  const large = {
    atMs: startMs,
    kind: 'definitions',
    actor: 'daemon',
    event: 'definitions.reloaded',
  } as const;
  for (let index = 0; index < 6; index += 1)
    coordinator.audit({ ...large, body: { changes: 'x'.repeat(100_000) } });
  expect(walked(coordinator).step).toBe(3);
});

test('is listed newest first, in pages and in a span', () => {
  const { coordinator } = openForTest();
  write(coordinator, 5);
  const { items, next = '' } = coordinator.auditEntries({ limit: 2 });
  expect(items.map(({ seq }) => seq)).toEqual([5, 4]);
  expect(coordinator.auditEntries({ limit: 9, cursor: next }).items.map(({ seq }) => seq)).toEqual([3, 2, 1]);
  const span = { limit: 9, sinceMs: startMs + 2, untilMs: startMs + 3 };
  expect(coordinator.auditEntries(span).items.map(({ seq }) => seq)).toEqual([3, 2]);
});

test('entries written beside a running daemon and by it make one chain', () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  const beside = openLedgerBeside(path, startMs);
  const entry = {
    atMs: startMs,
    kind: 'command',
    actor: 'person:root',
    event: 'ledger.rearmed',
    body: {},
  } as const;
  write(coordinator, 1);
  expect(beside.audit(entry)).toMatchObject({
    seq: 2,
    previous: coordinator.auditEntries({ limit: 5 }).items[1]?.hash,
  });
  write(coordinator, 1, 3);
  expect(beside.auditHead()).toEqual(coordinator.auditHead());
  expect(beside.auditEntries({ limit: 5 }).items).toHaveLength(3);
  expect(beside.verifyAudit()).toMatchObject({ ok: true, entries: 3 });
  beside.close();
});
