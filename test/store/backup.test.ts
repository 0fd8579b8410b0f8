import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { backupStores } from '../../store/open.ts';
import {
  changeOf,
  checkStatusOf,
  closeStores,
  intentOf,
  openForTest,
  resultOf,
  slotsOf,
  startMs,
  storePath,
  temporaryDirectory,
} from './support/samples.ts';

test('a backup beside a running daemon opens on its own with everything in it', () => {
  const path = storePath();
  const { store, coordinator } = openForTest(path);
  for (let index = 0; index < 50; index += 1) {
    store.save(changeOf({ host: `h${index}`, checkStatus: checkStatusOf(), result: resultOf() }));
  }
  coordinator.claim(intentOf(coordinator.fence), slotsOf());
  const directory = join(temporaryDirectory(), 'new', 'backup');
  const copies = backupStores(path, directory);
  expect(readdirSync(directory).sort()).toEqual(['mendd-ledger.db', 'mendd.db']);
  expect(statSync(copies.ledger).mode & 0o777).toBe(0o600);
  store.save(changeOf({ host: 'later', checkStatus: checkStatusOf() }));
  const copy = openForTest(copies.history);
  expect(copy.store.loadChecks()).toEqual(store.loadChecks().filter(({ host }) => host !== 'later'));
  expect(copy.store.results({ limit: 500 })).toEqual(store.results({ limit: 500 }));
  expect(copy.coordinator.open()).toEqual(coordinator.open());
  expect(coordinator.stillValid()).toBe(true);
});

test('an older backup is never overwritten, and a store never by its own backup', () => {
  const path = storePath();
  const stores = openForTest(path);
  const directory = temporaryDirectory();
  backupStores(path, directory);
  const taken = expect.objectContaining({
    code: 'STORE_UNUSABLE',
    message: expect.stringContaining('exists already'),
  });
  expect(() => backupStores(path, directory)).toThrow(taken);
  expect(() => backupStores(path, join(path, '..'))).toThrow(taken);
  closeStores(stores);
  expect(openForTest(path).coordinator.fence).toBe(startMs / 1000 + 1);
});

test('a backup of nothing makes nothing', () => {
  const path = storePath();
  const missing = expect.objectContaining({
    code: 'STORE_UNUSABLE',
    message: expect.stringContaining('does not exist'),
  });
  expect(() => backupStores(path, join(path, '..', 'backup'))).toThrow(missing);
  expect(existsSync(path)).toBe(false);
});

test('a directory that cannot be made is told as such', () => {
  const path = storePath();
  openForTest(path);
  const file = join(temporaryDirectory(), 'file');
  writeFileSync(file, '');
  expect(() => backupStores(path, join(file, 'backup'))).toThrow(
    expect.objectContaining({ code: 'STORE_UNUSABLE' }),
  );
});

test('the daemon copies its own history while it goes on writing', async () => {
  const { store } = openForTest();
  for (let index = 0; index < 400; index += 1) {
    store.save(
      changeOf({
        host: `h${index}`,
        checkStatus: checkStatusOf(),
        result: resultOf({ longText: 'x'.repeat(4_000) }),
      }),
    );
  }
  const copy = join(temporaryDirectory(), 'copy.db');
  const done = store.backup(copy);
  store.save(changeOf({ host: 'meanwhile', checkStatus: checkStatusOf() }));
  await done;
  const opened = new Database(copy, { readonly: true });
  expect(opened.prepare('SELECT count(*) FROM check_state').pluck().get()).toBeGreaterThanOrEqual(400);
  opened.close();
  expect(store.loadChecks()).toHaveLength(401);
});

test('a copy that cannot be written leaves nothing half there', async () => {
  const { store } = openForTest();
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'copy.db'));
  await expect(store.backup(join(directory, 'copy.db'))).rejects.toThrow('exists already');
  await expect(store.backup(join(directory, 'no', 'copy.db'))).rejects.toMatchObject({
    code: 'STORE_UNUSABLE',
  });
  expect(readdirSync(directory)).toEqual(['copy.db']);
});
