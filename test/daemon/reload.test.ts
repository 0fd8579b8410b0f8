/** Reloads of a directory, and what changes without one: the world. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Notice } from '../../actions/notice-message.ts';
import { loadDefinitions } from '../../config/load.ts';
import type { Definitions } from '../../core/definitions.ts';
import { emptyWorld, type World } from '../../core/sources.ts';
import { createLog } from '../../daemon/log.ts';
import { Reloader } from '../../daemon/reload.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';
import { definitionsOf, ScriptedDaemon } from './scripted-daemon.ts';

const hosts = (count: number): string =>
  `hosts:\n${Array.from({ length: count }, (_each, index) => `  h${index}: { transport: local }\n`).join('')}`;
const runbook = 'runbook: web\nhosts: ["*"]\nchecks: { a: { run: "true" } }\n';

function start(files: Record<string, string> = {}) {
  const root = temporaryTree({
    'mendd.yaml': 'log: { level: info }\n',
    'definitions/hosts/all.yaml': hosts(10),
    'definitions/runbooks/web.yaml': runbook,
    ...files,
  });
  const configFile = join(root, 'mendd.yaml');
  const state = mkdtempSync(join(tmpdir(), 'mendd-reload-'));
  const daemon = new ScriptedDaemon(join(state, 'mendd.db'), definitionsOf([]));
  onTestFinished(() => {
    daemon.close();
    rmSync(state, { recursive: true });
  });
  const loaded = loadDefinitions({ configFile });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  let current: Definitions = loaded.definitions;
  let world: World = emptyWorld;
  const notices: Omit<Notice, 'nowMs'>[] = [];
  const reloader = new Reloader({
    configFile,
    read: loaded.read,
    world: () => world,
    clock: daemon.clock,
    log: createLog('silent'),
    history: daemon.healing.history,
    coordinator: daemon.coordinator,
    messages: { notice: (_key, notice) => notices.push(notice) },
    current: () => current,
    swap: async (next) => {
      current = next;
    },
  });
  return {
    reloader,
    notices,
    write: (name: string, text: string) => writeInto(root, name, text),
    names: () => [...current.hosts.keys()],
    tells: (next: Partial<World>) => {
      world = { ...emptyWorld, ...next };
    },
  };
}

const found = (name: string) => ({ name, labels: {}, vars: {}, transport: 'local' as const });

test('what drops too much waits; just the revision that was looked at is let in', async () => {
  const { reloader, write, names, notices } = start();
  write('definitions/hosts/all.yaml', hosts(5));
  const held = await reloader.reload({ by: 'ann' });
  expect(held).toMatchObject({ ok: false, cause: 'held', plan: { hosts: { lost: { count: 5 } } } });
  expect([names().length, reloader.view().held]).toEqual([10, held.held]);
  expect(notices).toMatchObject([
    { topic: 'definitions.held', todo: expect.stringContaining(held.held?.revision ?? '-') },
  ]);
  write('definitions/hosts/all.yaml', hosts(4));
  const stale = await reloader.reload({ by: 'ann', confirm: held.held?.revision ?? '' });
  expect([stale.cause, names().length]).toEqual(['not_confirmed', 10]);
  write('definitions/hosts/all.yaml', hosts(5));
  expect(await reloader.reload({ by: 'ann', confirm: held.held?.revision ?? '' })).toMatchObject({
    ok: true,
  });
  expect([names().length, reloader.view().held, reloader.view().lastReloadOk]).toEqual([5, undefined, true]);
});

test('what is held and taken back is held no longer', async () => {
  const { reloader, write } = start();
  write('definitions/hosts/all.yaml', hosts(5));
  await reloader.reload({ by: 'ann' });
  write('definitions/hosts/all.yaml', hosts(10));
  expect(await reloader.reload({ by: 'ann' })).toMatchObject({ ok: true });
  expect(reloader.view().held).toBeUndefined();
});

test('the world changes: its hosts come in, what was edited meanwhile does not', async () => {
  const inventory = 'inventories: [{ http: "http://cmdb/", name: cmdb }]\n';
  const files = {
    'definitions/hosts/all.yaml': `${inventory}${hosts(2)}`,
  };
  const { reloader, write, names, tells } = start(files);
  write('definitions/hosts/all.yaml', 'hosts: [');
  tells({ inventories: new Map([['cmdb', { hosts: [found('new-1')] }]]) });
  await reloader.refresh('inventory');
  expect(names().toSorted()).toEqual(['h0', 'h1', 'new-1']);
  expect((await reloader.reload({ by: 'ann' })).ok).toBe(false);
  tells({ inventories: new Map([['cmdb', { hosts: [found('new-2')] }]]) });
  await reloader.refresh('inventory');
  expect(names().toSorted()).toEqual(['h0', 'h1', 'new-2']);
  // That the files are broken is still so.
  expect(reloader.view()).toMatchObject({
    lastReloadOk: false,
    problems: [expect.stringContaining('all.yaml')],
  });
});

test('a world that does not fit is told, and over when it fits again', async () => {
  const groups = 'groups:\n  a: { hosts: { h0: "1" }, port: 1 }\n  b: { hosts: { h1: "1" }, port: 2 }\n';
  const inventory = 'inventories: [{ http: "http://cmdb/", name: cmdb }]\n';
  const all = `${inventory}${groups}${hosts(2).replaceAll(/h(.): {/g, 'h$1: { labels: { h$1: "1" },')}`;
  const { reloader, names, tells } = start({ 'definitions/hosts/all.yaml': all });
  tells({
    inventories: new Map([['cmdb', { hosts: [{ ...found('new-1'), labels: { h0: '1', h1: '1' } }] }]]),
  });
  await reloader.refresh('inventory');
  expect(names()).toEqual(['h0', 'h1']);
  expect(reloader.view()).toMatchObject({
    lastReloadOk: false,
    problems: [expect.stringMatching(/all\.yaml:\d/)],
  });
  tells({ inventories: new Map([['cmdb', { hosts: [{ ...found('new-1'), labels: { h0: '1' } }] }]]) });
  await reloader.refresh('inventory');
  expect([names(), reloader.view().problems]).toEqual([['h0', 'h1', 'new-1'], []]);
});
