/** `mendd db check` as a process on real stores: whole, in use, damaged in each way a start would notice, and none at all. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { openStores, type Stores } from '../../store/open.ts';
import { resultOf, startMs } from '../support/fake-views.ts';
import { assertBuilt, type Ended, mendd, menddFile } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

let cwd: string;
const at = (name: string): string => join(cwd, 'state', name);

beforeAll(assertBuilt);

beforeEach(() => {
  cwd = temporaryTree({ 'mendd.yaml': 'definitions: { path: . }\nstore: { path: ./state/mendd.db }\n' });
  mkdirSync(join(cwd, 'state'));
});

function used<T>(use: (stores: Stores) => T): T {
  const stores = openStores({ path: at('mendd.db'), nowMs: startMs });
  try {
    return use(stores);
  } finally {
    stores.store.close();
    stores.coordinator.close();
  }
}

function fill({ store, coordinator }: Stores): void {
  for (let index = 0; index < 300; index += 1) {
    const result = { ...resultOf('ok', `fine ${index}`), startedAtMs: startMs + index * 60_000 };
    store.save({ host: `web-${index % 7}`, check: 'app.running', result, transitions: [], events: [] });
  }
  for (const reason of ['one', 'two', 'three'])
    coordinator.audit({
      atMs: startMs,
      kind: 'command',
      actor: 'person:ann',
      event: 'automation.paused',
      body: { reason },
    });
  coordinator.pause({ sinceMs: startMs, by: 'ann', reason: 'drill' });
}

function check(...args: string[]): Promise<Ended> {
  return mendd(['db', 'check', ...args], { cwd });
}

function alter(file: string, sql: string): void {
  const db = new Database(at(file));
  db.unsafeMode().exec(sql);
  db.close();
}

test('where there is no store that is said with 78, and none is made', async () => {
  const none = await check();
  expect([none.code, none.stdout, none.stderr]).toEqual([
    78,
    '',
    expect.stringContaining('There is no store at'),
  ]);
  expect((await check('--config', 'nowhere.yaml')).code).toBe(78);
  expect(readdirSync(join(cwd, 'state'))).toEqual([]);
});

test('a whole store is called so, with its sizes, and nothing of it changes', async () => {
  used(fill);
  const before = ['mendd.db', 'mendd-ledger.db'].map((name) => readFileSync(at(name)));
  const names = readdirSync(join(cwd, 'state'));
  const { code, stdout } = await check('-o', 'json');
  expect(code).toBe(0);
  const [history, ledger] = ['history', 'ledger'].map((kind) =>
    expect.objectContaining({ kind, walBytes: 0, tables: expect.any(Array) }),
  );
  const told = JSON.parse(stdout) as { files: { tables: { name: string; rows: number }[] }[] };
  expect(told).toMatchObject({
    ok: true,
    findings: [],
    files: [ledger, history],
    oldestResultAt: new Date(startMs).toISOString(),
    newestResultAt: new Date(startMs + 299 * 60_000).toISOString(),
  });
  expect(told.files[1]?.tables[0]).toEqual({ name: 'results', rows: 300 });
  const words = await check();
  expect([words.code, words.stdout]).toEqual([0, expect.stringContaining('✓ the store is whole')]);
  expect(words.stdout).toContain('300 results');
  expect(['mendd.db', 'mendd-ledger.db'].map((name) => readFileSync(at(name)))).toEqual(before);
  expect(readdirSync(join(cwd, 'state'))).toEqual(names);
});

test('on a terminal it says what it looks at, elsewhere and as JSON nothing', async () => {
  used(fill);
  const talk = (line: string): string =>
    execFileSync('script', ['-qec', `'${process.execPath}' '${menddFile}' db check ${line}`, '/dev/null'], {
      cwd,
      encoding: 'utf8',
    });
  expect(talk('>report').trim().split('\r\n')).toEqual([
    expect.stringMatching(/^looking at \S*mendd-ledger\.db: pages, indexes and references$/),
    expect.stringMatching(/mendd-ledger\.db: the audit$/),
    expect.stringMatching(/mendd-ledger\.db: rows$/),
    expect.stringMatching(/mendd\.db: pages, indexes and references$/),
    expect.stringMatching(/mendd\.db: rows$/),
  ]);
  expect(readFileSync(join(cwd, 'report'), 'utf8')).toContain('the store is whole');
  expect(talk('-o json >report')).toBe('');
  expect((await check()).stderr).toBe('');
});

test('beside a daemon that writes', async () => {
  const stores = openStores({ path: at('mendd.db'), nowMs: startMs });
  fill(stores);
  const { code, stdout } = await check('-o', 'ndjson');
  expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ ok: true })]);
  expect(stores.coordinator.stillValid()).toBe(true);
  stores.store.close();
  stores.coordinator.close();
});

test('a ledger that is not trusted is whole all the same, and said', async () => {
  used(({ coordinator }) =>
    coordinator.setQuarantine({ cause: 'restored', sinceMs: startMs, text: 'An older copy.' }),
  );
  const { code, stdout } = await check();
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/not trusted: An older copy\.\n +→ .*mendd rearm/),
  ]);
});

/** Its middle, where content lies. */
function overwrite(file: string): void {
  const bytes = readFileSync(at(file));
  bytes.fill(0xa5, bytes.length / 2, bytes.length / 2 + 8_192);
  writeFileSync(at(file), bytes);
}

test.each<[string, () => void, RegExp]>([
  [
    'a page of the history is overwritten',
    () => overwrite('mendd.db'),
    /mendd\.db failed its integrity check|content is damaged/,
  ],
  [
    'a row refers to nothing',
    () =>
      alter(
        'mendd-ledger.db',
        "PRAGMA foreign_keys = OFF; INSERT INTO run_groups VALUES (99, 'fleet', 1, 'x')",
      ),
    /run_groups refers to nothing in runs/,
  ],
  [
    'a page of the ledger is overwritten',
    () => overwrite('mendd-ledger.db'),
    /mendd-ledger\.db failed its integrity check|content is damaged/,
  ],
  [
    'an entry of the audit is altered',
    () => alter('mendd-ledger.db', "UPDATE audit SET body = '{}' WHERE seq = 2"),
    /audit was altered at row 2/,
  ],
  [
    'the pause is altered',
    () => alter('mendd-ledger.db', "UPDATE pause SET reason = 'x'"),
    /the pause is not as it was written/,
  ],
  [
    'the fence is altered',
    () => alter('mendd-ledger.db', 'UPDATE fence SET value = 7'),
    /the fence is not as it was written/,
  ],
  [
    'an index lacks a row',
    () =>
      alter(
        'mendd.db',
        "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'results_1_entries'",
      ),
    /integrity check/,
  ],
  [
    'the schema is of a newer mendd',
    () => alter('mendd.db', 'PRAGMA user_version = 99'),
    /schema version 99/,
  ],
  ['the ledger is missing', () => rmSync(at('mendd-ledger.db')), /mendd-ledger\.db is missing beside/],
  ['the history is missing', () => rmSync(at('mendd.db')), /mendd\.db is missing beside/],
  ['the ledger lost its content', () => writeFileSync(at('mendd-ledger.db'), ''), /lost its content/],
  [
    'the history is no database',
    () => writeFileSync(at('mendd.db'), 'x'.repeat(8_192)),
    /not an SQLite database any more/,
  ],
])('%s: exit code 1, in words, with what to do', async (_what, damage, words) => {
  used(fill);
  damage();
  const { code, stdout } = await check();
  expect([code, stdout]).toEqual([1, expect.stringMatching(words)]);
  expect(stdout).toMatch(/✗ .*\n(?: .*\n)* +→ \S/);
  expect(stdout).not.toContain('is whole');
});

test('an older copy in the place of the ledger', async () => {
  used(() => undefined);
  copyFileSync(at('mendd-ledger.db'), at('older'));
  used(fill);
  copyFileSync(at('older'), at('mendd-ledger.db'));
  const { code, stdout } = await check();
  expect([code, stdout]).toEqual([
    1,
    expect.stringContaining('is older than the ledger that was here before'),
  ]);
  expect(statSync(at('mendd-ledger.db')).size).toBe(statSync(at('older')).size);
});
