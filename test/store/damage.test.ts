import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { asideOf, moveDatabase } from '../../store/damage.ts';
import { ledgerPathOf, openLedgerBeside, type Stores } from '../../store/open.ts';
import {
  approvalOf,
  brakeOf,
  capOf,
  changeOf,
  checkStatusOf,
  closeStores,
  intentOf,
  openForTest,
  resultOf,
  silenceOf,
  slotsOf,
  startMs,
  storePath,
} from './support/samples.ts';

const notRearmed = { kind: 'refused', reason: 'not_rearmed' };
const laterMs = startMs + 5_000;
const started = {
  atMs: startMs,
  kind: 'daemon',
  actor: 'daemon',
  event: 'daemon.started',
  body: {},
} as const;
const asideName = `damaged-${laterMs / 1000}`;

function alter(path: string, sql: string): void {
  const ledger = new Database(ledgerPathOf(path));
  ledger.pragma('foreign_keys = OFF');
  ledger.exec(sql);
  ledger.close();
}

/** What a start over a damaged file must come to. */
function expectObserving({ coordinator, recovered }: Stores, file: string, what: string): void {
  const [sentence] = recovered ?? [];
  expect(recovered).toHaveLength(1);
  expect(sentence).toContain(what);
  expect(sentence).toContain(`It was moved to ${file}.${asideName}`);
  expect(coordinator.quarantine()).toEqual({ cause: 'corrupt', sinceMs: laterMs, text: sentence });
  expect(coordinator.claim(intentOf(coordinator.fence, { id: 'new' }), slotsOf())).toEqual(notRearmed);
  const page = intentOf(coordinator.fence, { id: 'page', kind: 'notify' });
  expect(coordinator.claim(page, slotsOf({ repairs: false }))).toEqual({ kind: 'claimed' });
}

test.each(['history', 'ledger'])(
  'a damaged %s is moved aside as it was, and nothing acts until re-armed',
  (which) => {
    const path = storePath();
    const first = openForTest(path);
    for (let index = 0; index < 300; index += 1) {
      first.store.save(changeOf({ host: `h${index}`, checkStatus: checkStatusOf(), result: resultOf() }));
      first.coordinator.claim(intentOf(startMs / 1000, { host: `h${index}` }), slotsOf({ repairs: false }));
    }
    closeStores(first);
    const file = which === 'history' ? path : ledgerPathOf(path);
    const content = readFileSync(file);
    const overwritten = Buffer.from(content).fill(0xa5, 8192, 60_000);
    for (const [round, damaged] of [overwritten, content.subarray(0, content.length - 12_288)].entries()) {
      writeFileSync(file, damaged);
      const stores = openForTest(path, laterMs + round * 1000);
      const aside = `${file}.damaged-${laterMs / 1000 + round}`;
      expect(readFileSync(aside)).toEqual(damaged);
      expect(stores.coordinator.quarantine()?.text).toContain(aside);
      expect(stores.store.loadChecks()).toHaveLength(which === 'history' ? 0 : 300);
      expect(stores.coordinator.rearm()).toBe(true);
      const given = { host: 'web-9', action: `a.${round}` };
      expect(stores.coordinator.claim(intentOf(stores.coordinator.fence, given), slotsOf())).toEqual({
        kind: 'claimed',
      });
      stores.coordinator.advance(`web-9~a.${round}~k0~1`, { atMs: laterMs, status: 'cancelled' });
      closeStores(stores);
      expect(readdirSync(dirname(path)).filter((name) => name.endsWith('.new'))).toEqual([]);
    }
    const last = openForTest(path, laterMs + 9_000);
    expect(last.recovered).toBeUndefined();
    expect(last.coordinator.quarantine()).toBeUndefined();
  },
);

test.each([
  ['the fence', 'UPDATE fence SET value = value - 1'],
  ['fence ', 'UPDATE fences SET member = member || 1'],
  ['the floor', 'UPDATE fence_floor SET value = value + 1'],
  ['the pause', 'UPDATE pause SET until_ms = 0'],
  ['the quarantine', `UPDATE quarantine SET cause = 'restored'`],
  ['token', `UPDATE tokens SET scopes = '["admin"]'`],
  ['run r', 'UPDATE runs SET repairs = 0'],
  ['run r', `UPDATE runs SET events = 'x'`],
  ['group fleet', `UPDATE run_groups SET at_ms = 0`],
  ['suppressions s', 'UPDATE suppressions SET until_ms = until_ms + 1'],
  ['approvals web-1', `UPDATE approvals SET body = replace(body, 'waiting', 'approved')`],
  ['brakes fleet', `UPDATE brakes SET body = replace(body, '}', ',"released":{}}')`],
  ['trust queue.restart', `UPDATE trust SET body = replace(body, 'approve', 'auto')`],
  ['the head', 'UPDATE audit_ends SET seq = 0'],
  ['the head', 'DELETE FROM audit_ends'],
])('a row of %s that is not as it was written counts as damage at start (%s)', (what, sql) => {
  const path = storePath();
  const { store, coordinator } = openForTest(path);
  coordinator.claim(intentOf(startMs / 1000, { id: 'r' }), slotsOf({ groups: [{ key: 'fleet' }] }));
  coordinator.pause({ sinceMs: startMs, by: 'kim', reason: 'x' });
  coordinator.createToken({ name: 'grafana', scopes: ['read'], nowMs: startMs });
  coordinator.addSuppression(silenceOf('s'));
  coordinator.askApproval(approvalOf());
  coordinator.saveBrake(brakeOf());
  coordinator.saveTrust(capOf());
  coordinator.setQuarantine({ cause: 'corrupt', sinceMs: startMs, text: 'x' });
  closeStores({ store, coordinator });
  alter(path, sql);
  const file = ledgerPathOf(path);
  expectObserving(openForTest(path, laterMs), file, what);
  const aside = new Database(`${file}.${asideName}`, { readonly: true });
  expect(aside.prepare('SELECT id FROM runs').pluck().all()).toEqual(['r']);
  aside.close();
});

test('both files damaged: both are moved aside, and both are told', () => {
  const path = storePath();
  closeStores(openForTest(path));
  for (const file of [path, ledgerPathOf(path)]) truncateSync(file, 8192);
  const { recovered, coordinator } = openForTest(path, laterMs);
  expect(recovered?.map((sentence) => sentence.split(' It was')[0])).toEqual([
    expect.stringContaining(ledgerPathOf(path)),
    expect.stringContaining(path),
  ]);
  expect(coordinator.quarantine()?.text).toBe(recovered?.[0]);
});

test('a damaged file that was moved aside is never overwritten by the next', () => {
  const path = storePath();
  const file = ledgerPathOf(path);
  for (let round = 0; round < 3; round += 1) {
    closeStores(openForTest(path, laterMs));
    alter(path, `UPDATE fence SET member = 'somebody'`);
  }
  closeStores(openForTest(path, laterMs));
  const kept = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(file)}.damaged-`));
  expect(kept.sort()).toEqual(
    [0, 1, 2].map((second) => `${basename(file)}.damaged-${laterMs / 1000 + second}`),
  );
});

test('what is left of a log goes with its database, and never meets another', () => {
  const path = storePath();
  for (const part of ['', '-wal', '-shm']) writeFileSync(path + part, `content${part}`);
  moveDatabase(path, `${path}.aside`);
  expect(readdirSync(dirname(path)).sort()).toEqual([
    'mendd.db.aside',
    'mendd.db.aside-shm',
    'mendd.db.aside-wal',
  ]);
  expect(readFileSync(`${path}.aside-wal`, 'utf8')).toBe('content-wal');
  expect(asideOf(path, laterMs)).toBe(`${path}.${asideName}`);
  writeFileSync(`${path}.${asideName}-wal`, '');
  expect(asideOf(path, laterMs)).toBe(`${path}.damaged-${laterMs / 1000 + 1}`);
});

test('a new ledger that was left unfinished by a crash is begun anew', () => {
  const path = storePath();
  const file = ledgerPathOf(path);
  closeStores(openForTest(path));
  writeFileSync(`${file}.new`, readFileSync(file).fill(7, 0, 5000));
  truncateSync(file, 8192);
  const { coordinator } = openForTest(path, laterMs);
  expect(coordinator.quarantine()).toMatchObject({ cause: 'corrupt', sinceMs: laterMs });
  expect(coordinator.fence).toBe(laterMs / 1000);
});

/** What can befall a file that was mendd's, each from its whole content. */
const losses: [string, (content: Buffer) => Buffer][] = [
  ['whose header was overwritten', (content) => Buffer.from(content).fill(0xa5, 0, 100)],
  ['whose first sector reads as zeros', (content) => Buffer.from(content).fill(0, 0, 512)],
  ['that became text', () => Buffer.from('remediation:\n  mode: auto\n'.repeat(400))],
  ['that was cut to nothing', () => Buffer.alloc(0)],
  ...[1, 99, 511, 512, 4095, 4096, 5000].map((bytes): [string, (content: Buffer) => Buffer] => [
    `that was cut to ${bytes} bytes`,
    (content) => content.subarray(0, bytes),
  ]),
];

test.each(losses)('a ledger %s stops actions, and not the start', (_, lose) => {
  const path = storePath();
  const first = openForTest(path);
  const { fence } = first.coordinator;
  first.store.save(changeOf({ checkStatus: checkStatusOf() }));
  closeStores(first);
  const file = ledgerPathOf(path);
  const left = lose(readFileSync(file));
  writeFileSync(file, left);
  expect(() => openLedgerBeside(path, laterMs)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  // The clock of a box whose disk fails may be wrong as well.
  const stores = openForTest(path, startMs - 3_600_000);
  expect(stores.recovered).toEqual([expect.stringContaining(file)]);
  expect(stores.coordinator.fence).toBeGreaterThan(fence);
  expect(stores.coordinator.claim(intentOf(stores.coordinator.fence), slotsOf())).toEqual(notRearmed);
  expect(readFileSync(`${file}.damaged-${startMs / 1000 - 3_600}`)).toEqual(left);
  expect(stores.store.loadChecks()).toHaveLength(1);
  closeStores(stores);
  const again = openForTest(path, laterMs);
  expect([again.recovered, again.coordinator.quarantine()?.cause]).toEqual([undefined, 'corrupt']);
});

test.each(losses)('a history %s stops actions, and not the start', (_, lose) => {
  const path = storePath();
  const first = openForTest(path);
  first.coordinator.audit(started);
  closeStores(first);
  const left = lose(readFileSync(path));
  writeFileSync(path, left);
  const stores = openForTest(path, laterMs);
  expectObserving(stores, path, path);
  expect(readFileSync(`${path}.${asideName}`)).toEqual(left);
  expect(stores.coordinator.fence).toBe(laterMs / 1000);
});

test('a ledger without content and without its mark is known by the history beside it', () => {
  const path = storePath();
  closeStores(openForTest(path));
  const file = ledgerPathOf(path);
  rmSync(`${file}.mark`);
  writeFileSync(file, '');
  expectObserving(openForTest(path, laterMs), file, 'has lost its content');
});

test('a first start that was killed before the history had content is no damage', () => {
  const path = storePath();
  closeStores(openForTest(path));
  writeFileSync(path, '');
  expect(openForTest(path, laterMs).recovered).toBeUndefined();
});

test('a database of another program in the place of either file is not touched', () => {
  for (const fileOf of [ledgerPathOf, (path: string) => path]) {
    const path = storePath();
    closeStores(openForTest(path));
    const file = fileOf(path);
    rmSync(file);
    const foreign = new Database(file);
    foreign.exec('CREATE TABLE cookies (name TEXT)');
    foreign.close();
    const content = readFileSync(file);
    expect(() => openForTest(path)).toThrow(expect.objectContaining({ code: 'STORE_UNUSABLE' }));
    expect(readFileSync(file)).toEqual(content);
  }
});
