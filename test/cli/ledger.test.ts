/** The commands that need the store and no daemon: the audit, and re-arming where no token survived. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Coordinator } from '../../core/ports.ts';
import { ledgerPathOf, openStores } from '../../store/open.ts';
import { startMs } from '../support/fake-views.ts';
import { assertBuilt, type Ended, mendd } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

let cwd: string;

beforeAll(assertBuilt);

beforeEach(() => {
  cwd = temporaryTree({ 'mendd.yaml': 'definitions: { path: . }\nstore: { path: ./state/mendd.db }\n' });
  mkdirSync(join(cwd, 'state'));
});

function withCoordinator<T>(use: (coordinator: Coordinator) => T): T {
  const { store, coordinator } = openStores({ path: join(cwd, 'state/mendd.db'), nowMs: startMs });
  try {
    return use(coordinator);
  } finally {
    store.close();
    coordinator.close();
  }
}

function ask(...args: string[]): Promise<Ended> {
  return mendd(args, { cwd });
}

test('where there is no ledger nothing is called whole, and none is made', async () => {
  for (const args of [
    ['audit', 'verify'],
    ['audit', 'list'],
    ['rearm', '--offline', '--reason', 'x'],
  ])
    expect([args, await ask(...args)]).toEqual([args, expect.objectContaining({ code: 77, stdout: '' })]);
  expect(readdirSync(join(cwd, 'state'))).toEqual([]);
});

test('the audit is listed and verified without a daemon; the first altered row is named with exit code 1', async () => {
  withCoordinator((coordinator) => {
    for (const reason of ['one', 'two', 'three'])
      coordinator.audit({
        atMs: startMs,
        kind: 'command',
        actor: 'person:ann',
        event: 'automation.paused',
        body: { reason },
      });
  });
  const listed = await ask('audit', 'list', '--limit', '2');
  expect([listed.code, listed.stdout]).toEqual([
    0,
    expect.stringMatching(/^SEQ .*\n\d+ .*"three"\}\n\d+ .*"two"\}\n$/),
  ]);
  expect(JSON.parse((await ask('audit', 'list', '-o', 'json')).stdout)).toMatchObject({
    version: 1,
    entries: expect.arrayContaining([
      expect.objectContaining({ at: '2026-03-01T02:41:00.000Z', body: { reason: 'one' } }),
    ]),
  });
  const whole = await ask('audit', 'verify');
  expect([whole.code, whole.stdout]).toEqual([
    0,
    expect.stringMatching(/^whole: \d+ entries from 1; the head is \d+ [0-9a-f]{64}\n$/),
  ]);
  // A link in its place: the ledger lies beside what it leads to.
  symlinkSync('state/mendd.db', join(cwd, 'linked.db'));
  writeFileSync(join(cwd, 'linked.yaml'), 'definitions: { path: . }\nstore: { path: ./linked.db }\n');
  expect(await ask('audit', 'verify', '--config', 'linked.yaml')).toEqual(whole);
  const db = new Database(ledgerPathOf(join(cwd, 'state/mendd.db')));
  const seq = db.prepare<[], number>("SELECT seq FROM audit WHERE body LIKE '%two%'").pluck().get();
  db.prepare("UPDATE audit SET body = replace(body, 'two', 'too') WHERE seq = ?").run(seq);
  db.close();
  const broken = await ask('audit', 'verify');
  expect([broken.code, broken.stdout]).toEqual([
    1,
    expect.stringContaining(`ALTERED at row ${seq}: entry ${seq} was altered`),
  ]);
  const json = await ask('audit', 'verify', '-o', 'json');
  expect([json.code, JSON.parse(json.stdout)]).toEqual([
    1,
    expect.objectContaining({ ok: false, brokenAtSeq: seq }),
  ]);
});

test('re-arming offline lifts the quarantine and is recorded under the login name', async () => {
  withCoordinator((coordinator) =>
    coordinator.setQuarantine({ cause: 'restored', sinceMs: startMs, text: 'an older copy' }),
  );
  expect(await ask('rearm', '--offline')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('--reason'),
  });
  expect(await ask('rearm', '--offline', '--reason', 'looked at every host')).toMatchObject({
    code: 0,
    stdout: 'The ledger is trusted again; it was not (restored): an older copy\n',
  });
  withCoordinator((coordinator) => {
    expect(coordinator.quarantine()).toBeUndefined();
    const { items } = coordinator.auditEntries({ limit: 10 });
    expect(items.find(({ event }) => event === 'ledger.rearmed')).toMatchObject({
      actor: `person:${userInfo().username}`,
      body: { reason: 'looked at every host', offline: true },
    });
    expect(coordinator.verifyAudit()).toMatchObject({ ok: true });
  });
  expect(await ask('rearm', '--offline', '--reason', 'again')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nothing to re-arm'),
  });
});
