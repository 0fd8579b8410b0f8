/** Reading what was recorded: all of it, in order, without a trace; and what is no store, or one of another version. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { ledgerPathOf, openStores } from '../../store/open.ts';
import { openRecorded } from '../../store/recorded.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const startMs = Date.parse('2026-03-01T21:00:00Z');
const everyMs = 1_000;

function filled(count: number): string {
  const path = join(temporaryTree({}), 'mendd.db');
  const { store, coordinator } = openStores({ path, nowMs: startMs });
  store.batch(() => {
    for (let index = 0; index < count; index += 1)
      store.save({
        host: `web-${index % 2}`,
        check: 'app.running',
        transitions: [],
        events: [],
        result: {
          state: index % 3 === 0 ? 'critical' : 'ok',
          text: `number ${index}`,
          longText: '',
          perfdata: [],
          startedAtMs: startMs + index * everyMs,
          durationMs: 7,
        },
      });
  });
  store.close();
  coordinator.close();
  return path;
}

test('more than one slice, over midnight, in the order in which it was taken', () => {
  const recorded = openRecorded(filled(12_000));
  try {
    const span = { sinceMs: startMs + 1_000 * everyMs, untilMs: startMs + 11_499 * everyMs };
    const results = [...recorded.results(span)];
    expect(results).toHaveLength(10_500);
    expect(results.map(({ startedAtMs }) => startedAtMs)).toEqual(
      Array.from({ length: 10_500 }, (_each, index) => startMs + (1_000 + index) * everyMs),
    );
    expect(results[2]).toEqual({
      host: 'web-0',
      check: 'app.running',
      state: 'critical',
      startedAtMs: startMs + 1_002 * everyMs,
      durationMs: 7,
    });
    expect(recorded.oldestResultMs()).toBe(startMs);
  } finally {
    recorded.close();
  }
});

test('a day that a daemon drops meanwhile ends there, and the next one follows', () => {
  const path = filled(12_000);
  const recorded = openRecorded(path);
  try {
    const results = recorded.results({ sinceMs: startMs, untilMs: startMs + 86_400_000 });
    expect(results.next().value).toMatchObject({ startedAtMs: startMs });
    const daemon = new Database(path);
    daemon.exec('DROP TABLE results_1; DELETE FROM days WHERE id = 1');
    daemon.close();
    const rest = [...results];
    expect(rest).toHaveLength(5_000 - 1 + 1_200);
    expect(rest.at(-1)?.startedAtMs).toBe(startMs + 11_999 * everyMs);
  } finally {
    recorded.close();
  }
});

test('no store is told as such and none is made; one that was not migrated is left as it is', () => {
  const path = join(temporaryTree({}), 'mendd.db');
  expect(() => openRecorded(path)).toThrow(expect.objectContaining({ code: 'CONFIG_MISSING' }));
  expect([path, ledgerPathOf(path)].filter((file) => existsSync(file))).toEqual([]);
  const old = filled(1);
  const db = new Database(old);
  const version = Number(db.pragma('user_version', { simple: true }));
  db.pragma(`user_version = ${version - 1}`);
  db.close();
  expect(() => openRecorded(old)).toThrow(expect.objectContaining({ code: 'STORE_UNUSABLE' }));
  const after = new Database(old, { readonly: true });
  expect(after.pragma('user_version', { simple: true })).toBe(version - 1);
  after.close();
});

test('nothing can be written through it', () => {
  const recorded = openRecorded(filled(1));
  const names = Object.keys(recorded).toSorted();
  recorded.close();
  const reads =
    'approvals close decisions events hostChanges loadHeard messages oldestResultMs paused registrations';
  expect(names).toEqual([...reads.split(' '), 'results', 'runs', 'signs', 'suppressions', 'trust']);
});
