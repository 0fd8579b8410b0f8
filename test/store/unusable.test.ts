import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { MenddError } from '../../core/errors.ts';
import type { Coordinator } from '../../core/ports.ts';
import { attempt } from '../../store/failure.ts';
import { ledgerPathOf } from '../../store/open.ts';
import {
  approvalOf,
  brakeOf,
  capOf,
  changeOf,
  checkStatusOf,
  closeStores,
  eventOf,
  intentOf,
  openForTest,
  resultOf,
  silenceOf,
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
const nobody = 65_534;
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

/** Each change as often as it takes to meet the full disk: there may be room left in the log. */
const changes: [string, (coordinator: Coordinator, round: number) => unknown][] = [
  ['saveBrake', (c, round) => c.saveBrake(brakeOf({ scope: `role=${long}${round}` }))],
  ['saveTrust', (c, round) => c.saveTrust(capOf({ reason: `${long}${round}` }))],
  ['askApproval', (c, round) => c.askApproval(approvalOf({ id: `a${round}`, command: long }))],
  [
    'settleApproval',
    (c, round) => {
      const waiting = `w${round}`;
      c.askApproval(approvalOf({ id: waiting }));
      c.settleApproval(waiting, { status: 'rejected', atMs: startMs, by: 'person:kim', answer: long });
    },
  ],
  ['addSuppression', (c, round) => c.addSuppression(silenceOf(`s${round}`, { reason: long }))],
  [
    'audit',
    (c) => c.audit({ atMs: startMs, kind: 'command', actor: 'person:kim', event: 'x', body: { long } }),
  ],
];
const long = 'x'.repeat(50_000);

function seenIn(c: Coordinator): object {
  return {
    brakes: c.brakes(),
    trust: c.trust(),
    approvals: c.approvals(0),
    suppressions: c.suppressions(startMs),
    audit: c.auditEntries({ limit: 500 }).items,
    verdict: c.verifyAudit(),
  };
}

test.skipIf(!mounts).each(changes)(
  `%s on a full disk is refused in words and leaves nothing half-written${why}`,
  (_, change) => {
    const directory = smallDisk('3m');
    const { coordinator } = openForTest(join(directory, 'mendd.db'));
    const filler = fill(directory);
    let before = seenIn(coordinator);
    let round = 0;
    expect(() => {
      for (; round < 200; round += 1) {
        change(coordinator, round);
        before = seenIn(coordinator);
      }
    }).toThrow(unusable);
    // A waiting question may have been asked before its answer found no room.
    if (coordinator.approval(`w${round}`) === undefined) expect(seenIn(coordinator)).toEqual(before);
    else expect(coordinator.approval(`w${round}`)).toEqual(approvalOf({ id: `w${round}` }));
    rmSync(filler);
    change(coordinator, round + 1);
    expect(seenIn(coordinator)).not.toEqual(before);
    expect(coordinator.verifyAudit()).toMatchObject({ ok: true });
  },
);

test.skipIf(!mounts)(`a damaged ledger on a full disk stays where it is until there is room${why}`, () => {
  const directory = smallDisk('3m');
  const path = join(directory, 'mendd.db');
  closeStores(openForTest(path));
  const content = readFileSync(ledgerPathOf(path));
  writeFileSync(ledgerPathOf(path), Buffer.from(content).fill(0xa5, 8192));
  const filler = fill(directory);
  expect(() => openForTest(path)).toThrow(unusable);
  expect(readdirSync(directory).filter((name) => name.includes('damaged'))).toEqual([]);
  expect(readFileSync(ledgerPathOf(path))).toHaveLength(content.length);
  rmSync(filler);
  const { coordinator } = openForTest(path);
  expect(coordinator.quarantine()?.cause).toBe('corrupt');
});

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

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot).each(['ledger', 'history'])(
  `a %s that may not be read is not taken for a damaged one${isRoot ? '' : ' (skipped: needs root)'}`,
  (which) => {
    const path = storePath();
    closeStores(openForTest(path));
    const file = which === 'ledger' ? ledgerPathOf(path) : path;
    for (const each of [
      dirname(path),
      ...readdirSync(dirname(path)).map((name) => join(dirname(path), name)),
    ])
      if (each !== file) chownSync(each, nobody, nobody);
    const before = readdirSync(dirname(path));
    process.seteuid?.(nobody);
    try {
      expect(() => openForTest(path)).toThrow(unusable);
    } finally {
      process.seteuid?.(0);
    }
    expect(readdirSync(dirname(path))).toEqual(before);
    const stores = openForTest(path);
    expect([stores.recovered, stores.coordinator.quarantine()]).toEqual([undefined, undefined]);
  },
);

test.skipIf(!mounts)(`a store on a disk that became read-only is not taken for damaged${why}`, () => {
  const directory = smallDisk('3m');
  const path = join(directory, 'mendd.db');
  closeStores(openForTest(path));
  const before = readdirSync(directory);
  run('mount', ['-o', 'remount,ro', directory]);
  expect(() => openForTest(path)).toThrow(unusable);
  run('mount', ['-o', 'remount,rw', directory]);
  expect(readdirSync(directory)).toEqual(before);
  expect(openForTest(path).recovered).toBeUndefined();
});

test('a ledger that another process holds refuses the claim in words', () => {
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
