import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Coordinator } from '../../core/ports.ts';
import { backupStores, ledgerPathOf, openLedgerBeside, openStores } from '../../store/open.ts';
import {
  closeStores,
  intentOf,
  openForTest,
  slotsOf,
  startMs,
  storePath,
  temporaryDirectory,
} from './support/samples.ts';

const markOf = (path: string): string => `${ledgerPathOf(path)}.mark`;
const refused = { kind: 'refused', reason: 'not_rearmed' };

/** Puts a backup in the place of both files, as a person does it who stopped the daemon. */
function restore(path: string, copies: { history: string; ledger: string }): void {
  copyFileSync(copies.history, path);
  copyFileSync(copies.ledger, ledgerPathOf(path));
}

const progress: [string, (coordinator: Coordinator) => void, string][] = [
  ['a run', (c) => void c.claim(intentOf(c.fence, { id: 'b', host: 'b' }), slotsOf()), 'runs'],
  ['an entry of the audit', (c) => void c.audit(commandOf('automation.paused')), 'audit'],
  ['the sending of a run', (c) => c.dispatched('a', startMs), 'run a was sent'],
];

function commandOf(event: string): Parameters<Coordinator['audit']>[0] {
  return { atMs: startMs, kind: 'command', actor: 'person:kim', event, body: { reason: 'test' } };
}

test.each(progress)('a copy from before %s is noticed, and nothing acts until re-armed', (_, go, said) => {
  const path = storePath();
  const first = openForTest(path);
  first.coordinator.claim(intentOf(first.coordinator.fence, { id: 'a' }), slotsOf());
  const copies = backupStores(path, temporaryDirectory());
  go(first.coordinator);
  closeStores(first);
  restore(path, copies);
  const { coordinator, recovered, store } = openForTest(path, startMs + 1000);
  const quarantine = coordinator.quarantine();
  expect(quarantine).toMatchObject({ cause: 'restored', sinceMs: startMs + 1000 });
  expect(quarantine?.text).toContain('is older than the ledger that was here before');
  expect(quarantine?.text).toContain(said);
  expect(recovered).toEqual([quarantine?.text]);
  const next = intentOf(coordinator.fence, { id: 'c', host: 'c' });
  expect(coordinator.claim(next, slotsOf())).toEqual(refused);
  closeStores({ store, coordinator });
  const again = openForTest(path, startMs + 2000);
  expect(again.recovered).toBeUndefined();
  expect(again.coordinator.quarantine()).toEqual(quarantine);
  expect(again.coordinator.rearm()).toBe(true);
  expect(again.coordinator.rearm()).toBe(false);
  expect(again.coordinator.claim({ ...next, fence: again.coordinator.fence }, slotsOf())).toEqual({
    kind: 'claimed',
  });
});

test('a copy from before the last start is noticed by the fence', () => {
  const path = storePath();
  closeStores(openForTest(path));
  const copies = backupStores(path, temporaryDirectory());
  closeStores(openForTest(path));
  restore(path, copies);
  expect(openForTest(path).coordinator.quarantine()?.text).toContain('newest fence');
});

test('both files gone and the mark left: nobody knows what was sent', () => {
  const path = storePath();
  closeStores(openForTest(path));
  rmSync(path);
  rmSync(ledgerPathOf(path));
  expect(openForTest(path).coordinator.quarantine()?.cause).toBe('restored');
});

test('a restart is no restore, also after everything was pruned', () => {
  const path = storePath();
  const first = openForTest(path);
  first.coordinator.claim(intentOf(first.coordinator.fence), slotsOf());
  first.coordinator.dispatched(intentOf(0).id, startMs);
  first.coordinator.advance(intentOf(0).id, { atMs: startMs, status: 'done' });
  first.coordinator.prune(startMs + 1);
  expect(first.coordinator.list({ limit: 1 }).items).toEqual([]);
  closeStores(first);
  for (const wait of [0, 1]) {
    const stores = openForTest(path, startMs + wait);
    expect(stores.coordinator.quarantine()).toBeUndefined();
    closeStores(stores);
  }
  expect(statSync(markOf(path)).mode & 0o777).toBe(0o600);
});

test.each([
  ['absent', undefined],
  ['empty, as a power cut leaves it', ''],
  ['half', '{"fence":17'],
  ['of another kind', '{"fence":"many","run":1,"audit":1}'],
  ['no object', 'null'],
])('a mark that is %s is no reason to distrust the ledger', (_, content) => {
  const path = storePath();
  closeStores(openForTest(path));
  rmSync(markOf(path));
  if (content !== undefined) writeFileSync(markOf(path), content);
  const warnings: string[] = [];
  const warn = (sentence: string): void => void warnings.push(sentence);
  const stores = openStores({ path, member: 'ops', nowMs: startMs, warn });
  expect(stores.coordinator.quarantine()).toBeUndefined();
  expect(warnings).toEqual(content === undefined ? [] : [expect.stringContaining('cannot be read')]);
  expect(JSON.parse(readFileSync(markOf(path), 'utf8'))).toEqual({
    fence: stores.coordinator.fence,
    run: 0,
    audit: 0,
  });
  closeStores(stores);
});

test('a mark that cannot be written stops no claim, and is told once until it can be again', () => {
  const path = storePath();
  const warnings: string[] = [];
  const warn = (sentence: string): void => void warnings.push(sentence);
  const { store, coordinator } = openStores({ path, member: 'ops', nowMs: startMs, warn });
  const claim = (host: string): object => coordinator.claim(intentOf(coordinator.fence, { host }), slotsOf());
  mkdirSync(`${markOf(path)}.new`);
  for (const host of ['a', 'b']) expect(claim(host)).toEqual({ kind: 'claimed' });
  expect(warnings).toEqual([expect.stringContaining(`${markOf(path)} cannot be written`)]);
  rmSync(`${markOf(path)}.new`, { recursive: true });
  claim('c');
  expect(JSON.parse(readFileSync(markOf(path), 'utf8'))).toMatchObject({ run: 3, audit: 3 });
  mkdirSync(`${markOf(path)}.new`);
  claim('d');
  expect(warnings).toHaveLength(2);
  closeStores({ store, coordinator });
});

test('re-armed beside a daemon, or without one: at once, and for the fences of the lost time too', () => {
  const path = storePath();
  const first = openForTest(path);
  const copies = backupStores(path, temporaryDirectory());
  closeStores(first);
  const lost = openForTest(path, startMs + 10_000);
  const lostFence = lost.coordinator.fence;
  closeStores(lost);
  restore(path, copies);
  const { coordinator } = openForTest(path, startMs + 20_000);
  const intent = intentOf(coordinator.fence);
  expect(coordinator.knowsFence(lostFence)).toBe(false);
  expect(coordinator.knowsFence(coordinator.fence)).toBe(true);
  expect(coordinator.knowsFence(first.coordinator.fence)).toBe(true);
  expect(coordinator.claim(intent, slotsOf())).toEqual(refused);
  const beside = openLedgerBeside(path, startMs + 30_000);
  expect(beside.quarantine()?.cause).toBe('restored');
  expect(beside.rearm()).toBe(true);
  beside.close();
  expect(coordinator.claim(intent, slotsOf())).toEqual({ kind: 'claimed' });
  expect(coordinator.knowsFence(lostFence)).toBe(true);
  expect(coordinator.knowsFence(startMs / 1000 + 31)).toBe(false);
});

test('a ledger knows each fence it raised, and no other since it began', () => {
  const path = storePath();
  const raised = [0, 500, 40_000, 41_000].map((laterMs) => {
    const stores = openForTest(path, startMs + laterMs);
    closeStores(stores);
    return stores.coordinator.fence;
  });
  expect(raised).toEqual([0, 1, 40, 41].map((second) => startMs / 1000 + second));
  const { coordinator } = openForTest(path, startMs);
  expect(coordinator.fence).toBe(startMs / 1000 + 42);
  const known = [...Array(50).keys()].filter((second) => coordinator.knowsFence(startMs / 1000 + second));
  expect(known).toEqual([0, 1, 40, 41, 42]);
  // Other ledgers may have been here before it began.
  expect(coordinator.knowsFence(startMs / 1000 - 1)).toBe(true);
});
