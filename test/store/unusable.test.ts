import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import { attempt } from '../../store/failure.ts';
import { ledgerPathOf } from '../../store/open.ts';
import {
  changeOf,
  checkStatusOf,
  eventOf,
  intentOf,
  openForTest,
  resultOf,
  slotsOf,
  startMs,
  storePath,
  temporaryDirectory,
  transitionOf,
} from './support/samples.ts';

const unusable = expect.objectContaining({ name: 'MenddError', code: 'STORE_UNUSABLE' });

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe' });
}

/** A file system of its own, so small that it can be filled. */
function smallDisk(size: string): string {
  const directory = temporaryDirectory();
  run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]);
  onTestFinished(() => run('umount', ['-l', directory]));
  return directory;
}

const mounts = ((): boolean => {
  try {
    run('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
    return true;
  } catch {
    // Not root, or a container without the right to mount: the tests say so in their names.
    return false;
  }
})();
const why = mounts ? '' : ' (skipped: needs the right to mount)';

function fill(directory: string): string {
  const file = join(directory, 'filler');
  expect(() => {
    for (let size = 1 << 20; ; ) writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
  }).toThrow('ENOSPC');
  return file;
}

test.skipIf(!mounts)(
  `a full disk refuses writes in words, loses nothing and recovers by itself${why}`,
  () => {
    const directory = smallDisk('3m');
    const { store, coordinator } = openForTest(join(directory, 'mendd.db'));
    const change = changeOf({
      checkStatus: checkStatusOf(),
      result: resultOf({ longText: 'x'.repeat(50_000) }),
      transitions: [transitionOf()],
      events: [eventOf()],
    });
    const { secret } = coordinator.createToken({ name: 'a', scopes: ['read'], nowMs: startMs });
    coordinator.claim(intentOf(startMs / 1000, { id: 'kept' }), slotsOf());
    const events = store.save(change);
    const filler = fill(directory);
    let written = 1;
    expect(() => {
      for (; written < 200; written += 1)
        store.save({ ...change, result: resultOf({ text: `${written}`.repeat(9_000) }) });
    }).toThrow(unusable);
    expect(() => {
      for (let index = 0; index < 200; index += 1) {
        coordinator.claim(
          intentOf(startMs / 1000, { host: `h${index}`, command: 'x'.repeat(50_000) }),
          slotsOf({ repairs: false }),
        );
      }
    }).toThrow(unusable);
    const runs = coordinator.list({ limit: 500 }).items.length;
    expect(coordinator.authenticate(secret, startMs + 1e9)?.name).toBe('a');
    expect(store.eventsAfter(0, 1)).toEqual(events);
    expect(store.transitions({ limit: 500 }).items).toHaveLength(written);
    rmSync(filler);
    const refusedResult = resultOf({ text: `${written}`.repeat(9_000) });
    store.save({ ...change, result: refusedResult });
    expect(store.results({ limit: 1 }).items[0]).toMatchObject(refusedResult);
    expect(coordinator.claim(intentOf(startMs / 1000, { id: 'after', host: 'after' }), slotsOf())).toEqual({
      kind: 'claimed',
    });
    expect(store.transitions({ limit: 500 }).items).toHaveLength(written + 1);
    expect(coordinator.list({ limit: 500 }).items).toHaveLength(runs + 1);
  },
);

test.skipIf(!mounts)(`a disk that is full or read-only at start is told in a sentence${why}`, () => {
  const directory = smallDisk('1m');
  const filler = fill(directory);
  expect(() => openForTest(join(directory, 'mendd.db'))).toThrow(unusable);
  rmSync(filler);
  run('mount', ['-o', 'remount,ro', directory]);
  expect(() => openForTest(join(directory, 'mendd.db'))).toThrow(unusable);
  run('mount', ['-o', 'remount,rw', directory]);
  expect(openForTest(join(directory, 'mendd.db')).coordinator.fence).toBeGreaterThan(0);
});

test('a ledger that another process holds refuses the claim in words', { timeout: 10_000 }, () => {
  const path = storePath();
  const { coordinator } = openForTest(path);
  const other = new Database(ledgerPathOf(path));
  other.exec('BEGIN IMMEDIATE');
  expect(() => coordinator.claim(intentOf(startMs / 1000), slotsOf())).toThrow(unusable);
  other.exec('ROLLBACK');
  other.close();
  expect(coordinator.claim(intentOf(startMs / 1000), slotsOf())).toEqual({ kind: 'claimed' });
});

test.each([
  ['SQLITE_FULL', 'STORE_UNUSABLE'],
  ['SQLITE_READONLY_DBMOVED', 'STORE_UNUSABLE'],
  ['SQLITE_IOERR_SHORT_READ', 'STORE_UNUSABLE'],
  ['SQLITE_CANTOPEN_ISDIR', 'STORE_UNUSABLE'],
  ['SQLITE_BUSY_SNAPSHOT', 'STORE_UNUSABLE'],
  ['SQLITE_CORRUPT_INDEX', 'STORE_CORRUPT'],
  ['SQLITE_NOTADB', 'STORE_CORRUPT'],
])('%s is %s', (code, expected) => {
  const cause = new Database.SqliteError('what SQLite said', code);
  const action = (): never => {
    throw cause;
  };
  const seen = expect.objectContaining({
    code: expected,
    cause,
    message: expect.stringContaining('/x/mendd.db'),
  });
  expect(() => attempt('/x/mendd.db', action)).toThrow(seen);
});

test('a bug stays a bug', () => {
  for (const bug of [new Database.SqliteError('bad', 'SQLITE_CONSTRAINT_UNIQUE'), new TypeError('bad')]) {
    const action = (): never => {
      throw bug;
    };
    expect(() => attempt('/x/mendd.db', action)).toThrow(bug);
    expect(() => attempt('/x/mendd.db', action)).not.toThrow(MenddError);
  }
});
