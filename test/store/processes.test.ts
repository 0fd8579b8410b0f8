import { existsSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backupStores, ledgerPathOf, openLedgerBeside } from '../../store/open.ts';
import { type BuiltStore, buildStore, type StoreProcess } from './support/built-store.ts';
import {
  closeStores,
  intentOf,
  openForTest,
  slotsOf,
  startMs,
  storePath,
  temporaryDirectory,
} from './support/samples.ts';

let built: BuiltStore;
const started: StoreProcess[] = [];

beforeAll(() => {
  built = buildStore();
});

afterAll(() => {
  for (const child of started) child.kill();
  built.remove();
});

function start(...args: string[]): StoreProcess {
  const child = built.start(...args);
  started.push(child);
  return child;
}

function idsAfter(lines: readonly string[], word: string): string[] {
  return lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
}

/** What the child prints about each run, in this order. */
const words = ['intended', 'saved', 'dispatched', 'done'] as const;
const lifeOf = ['intended', 'dispatched', 'done'];

test('kill -9 at any point loses nothing that was acknowledged', async () => {
  const path = storePath();
  const lines: string[] = [];
  const points = fc.sample(fc.nat(160), { numRuns: 12, seed: 20_260_101 });
  for (const [kills, point] of points.entries()) {
    const child = start('work', path);
    await child.line(new RegExp(`^${words[point % 4]} .*-${point >> 2}$`));
    child.kill();
    expect(await child.exited).toBeNull();
    lines.push(...child.lines());
    const stores = openForTest(path);
    const statusOf = new Map(stores.coordinator.summaries(0).map(({ id, status }) => [id, status]));
    for (const [index, word] of lifeOf.entries()) {
      const behind = idsAfter(lines, word).filter((id) => lifeOf.indexOf(statusOf.get(id) ?? 'lost') < index);
      expect(behind).toEqual([]);
    }
    const lost = idsAfter(lines, 'saved').filter(
      (host) => stores.store.transitions({ host, limit: 9 }).items.length !== 1,
    );
    expect(lost).toEqual([]);
    expect(stores.coordinator.open().length).toBeLessThanOrEqual(kills + 1);
    closeStores(stores);
  }
  expect(idsAfter(lines, 'opened')).toHaveLength(points.length);
  expect(idsAfter(lines, 'done').length).toBeGreaterThan(100);
});

test('a second process is refused while the first lives, and not a moment longer', async () => {
  const path = storePath();
  const first = start('hold', path);
  await first.line(/^opened/);
  expect(await start('hold', path).line(/./)).toBe('refused STORE_LOCKED');
  expect(() => openForTest(path)).toThrow(expect.objectContaining({ code: 'STORE_LOCKED' }));
  const tokens = openLedgerBeside(path, startMs);
  const { token } = tokens.createToken({ name: 'a', scopes: ['read'], nowMs: startMs });
  tokens.close();
  const { ledger } = backupStores(path, temporaryDirectory());
  expect(existsSync(ledger)).toBe(true);
  first.kill();
  await first.exited;
  const { coordinator } = openForTest(path);
  expect(coordinator.fence).toBeGreaterThan(0);
  expect(coordinator.tokens()).toEqual([token]);
});

test('members that race for hosts at one ledger never hold one together', async () => {
  const path = storePath();
  const stores = openForTest(path);
  const members = ['a', 'b', 'c'].map((member) =>
    start('race', ledgerPathOf(path), member, `${stores.coordinator.fence}`, '3', '15'),
  );
  for (const member of members) await member.line(/^ready/);
  // One host is held all the time, so that there are refusals however the processes take turns.
  const held = intentOf(stores.coordinator.fence, { id: 'held', host: 'host-2' });
  expect(stores.coordinator.claim(held, slotsOf())).toEqual({ kind: 'claimed' });
  writeFileSync(`${ledgerPathOf(path)}.go`, '');
  expect(await Promise.all(members.map(({ exited }) => exited))).toEqual([0, 0, 0]);
  const lines = members.flatMap((member) => member.lines()).filter((line) => line !== 'ready');
  expect(lines).toHaveLength(3 * 3 * 15);
  expect(lines.filter((line) => line.startsWith('overlap'))).toEqual([]);
  const claimed = lines.filter((line) => line.endsWith(' claimed'));
  const refused = lines.filter((line) => line.endsWith(' host_busy'));
  expect(claimed.length + refused.length).toBe(lines.length);
  expect(refused.filter((line) => line.endsWith('-2 host_busy'))).toHaveLength(3 * 15);
  const runs = stores.coordinator.summaries(0).filter(({ id }) => id !== 'held');
  expect(runs.map(({ id }) => `${id} claimed`).sort()).toEqual(claimed.sort());
  expect(stores.coordinator.open().map(({ id }) => id)).toEqual(['held']);
});
