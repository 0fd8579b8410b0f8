/** A history is looked at before it is used: all of a small one, of a large one what a start depends on, until damage shows. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { historyKind } from '../../store/connection.ts';
import { assertWhole } from '../../store/integrity.ts';
import {
  changeOf,
  checkStatusOf,
  closeStores,
  openForTest,
  resultOf,
  startMs,
  storePath,
} from './support/samples.ts';

const corrupt = expect.objectContaining({ code: 'STORE_CORRUPT' }) as Error;

/** A history with some results; `damage` overwrites a page of the table whose name begins so. */
function filled() {
  const path = storePath();
  const stores = openForTest(path);
  for (let index = 0; index < 200; index += 1) {
    const startedAtMs = startMs + index * 1_000;
    const result = resultOf({ startedAtMs, text: `${index} ${'x'.repeat(200)}` });
    stores.store.save(changeOf({ checkStatus: checkStatusOf({ lastResult: result }), result }));
  }
  const damage = (table: string): void => {
    const db = new Database(path);
    const page = db
      .prepare<[string], number>("SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name GLOB ?")
      .pluck()
      .get(`${table}*`);
    const size = Number(db.pragma('page_size', { simple: true }));
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.close();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, ((page ?? 0) - 1) * size, (page ?? 0) * size);
    writeFileSync(path, bytes);
  };
  return { path, stores, damage };
}

function look(path: string, smallUpToBytes?: number): void {
  const db = new Database(path);
  try {
    assertWhole(db, path, historyKind, smallUpToBytes);
  } finally {
    db.close();
  }
}

test('of a large history a start leaves out the single results, once damage showed it looks at all of it', () => {
  const { path, stores, damage } = filled();
  closeStores(stores);
  damage('results_');
  expect(() => look(path)).toThrow(corrupt);
  expect(() => look(path, 0)).not.toThrow();
  writeFileSync(`${path}.suspect`, '');
  expect(() => look(path, 0)).toThrow(corrupt);
  expect(existsSync(`${path}.suspect`)).toBe(true);
});

test('what a start depends on is looked at however large the history is', () => {
  const { path, stores, damage } = filled();
  closeStores(stores);
  damage('check_state');
  expect(() => look(path, 0)).toThrow(corrupt);
});

test('damage that shows in use makes the next start look at everything and begin anew', () => {
  const { path, stores, damage } = filled();
  damage('results_');
  expect(() => stores.store.results({ host: 'web-1', check: 'queue.running', limit: 500 })).toThrow(corrupt);
  expect(existsSync(`${path}.suspect`)).toBe(true);
  closeStores(stores);
  const next = openForTest(path);
  expect(next.recovered).toHaveLength(1);
  expect(existsSync(`${path}.suspect`)).toBe(false);
});
