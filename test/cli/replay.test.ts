/** `mendd replay` as people run it: beside a store that a daemon filled, and without any daemon. */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { definitionsOf, ScriptedDaemon } from '../daemon/scripted-daemon.ts';
import { checkOf, planOf } from '../support/definitions.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { fileDigests } from '../support/file-digests.ts';
import { assertBuilt, type Ended, mendd } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const daemonFile = (store: string, mode = 'auto'): string => `definitions: { path: ./definitions }
store: { path: ${store} }
ssh: { agent: true, known_hosts: ./known_hosts }
remediation: { mode: ${mode} }
notify: { oncall: { webhook: "\${env:HOOK_hunter2}" } }
`;
const hosts = 'hosts: { web-1: { address: 192.0.2.1 } }\n';
const runbook = (cooldown: string): string => `runbook: app
hosts: [web-1]
every: 10s
checks: { running: { run: "true", max_attempts: 2 } }
actions:
  restart:
    when: { check: running, attempts: 2 }
    run: echo hunter2
    verify: { within: 30s, stays_ok: 20s }
    cooldown: ${cooldown}
  page: { after: restart, notify: oncall }
`;

let cwd: string;

beforeAll(assertBuilt);

beforeEach(async () => {
  cwd = temporaryTree({
    'mendd.yaml': daemonFile('./state/mendd.db'),
    'definitions/hosts/all.yaml': hosts,
    'definitions/runbooks/app.yaml': runbook('5m'),
    'new/hosts/all.yaml': hosts,
    'new/runbooks/app.yaml': runbook('2h'),
    'observe/mendd.yaml': daemonFile('./nothing-here.db', 'observe'),
    'observe/definitions/hosts/all.yaml': hosts,
    'observe/definitions/runbooks/app.yaml': runbook('5m'),
    'bad/hosts/all.yaml': hosts,
    'bad/runbooks/app.yaml': runbook('soon'),
  });
  mkdirSync(join(cwd, 'state'));
  await night();
});

/** Down twice within the last hours; the restart mended it. */
async function night(): Promise<void> {
  const loaded = loadDefinitions({ configFile: join(cwd, 'mendd.yaml'), resolveSecrets: false });
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
  const clock = new FakeClock(Date.now() - 7_200_000);
  const { daemon: file } = loaded.definitions;
  // Nobody logs in here.
  const definitions = { ...loaded.definitions, daemon: { ...file, ssh: { ...file.ssh, agent: false } } };
  const daemon = new ScriptedDaemon(join(cwd, 'state/mendd.db'), definitions, clock);
  for (const quiet of [3, 60]) {
    await daemon.results(...Array<'ok'>(quiet).fill('ok'), 'critical', 'critical', 'ok', 'ok', 'ok', 'ok');
  }
  daemon.close();
}

function ask(...args: string[]): Promise<Ended> {
  return mendd(['replay', ...args], { cwd });
}

test('the definitions in force agree with what happened: exit code 0, and nothing was touched', async () => {
  const before = fileDigests(join(cwd, 'state'));
  const ended = await ask();
  expect([ended.code, ended.stdout]).toEqual([0, expect.stringMatching(/app\.restart +2 +2 +2 +0 +0 +0/)]);
  expect(fileDigests(join(cwd, 'state'))).toEqual(before);
});

test('a span without the day before it that makes states known says so, and from when it compares', async () => {
  const cold = await ask('--since', '7d');
  const [first, second] = cold.stdout.split('\n');
  const since = first?.split(' ')[0] ?? 'none';
  expect(second).toBe(
    `compared from ${since} on: of before ${since} no result is kept, and what was a problem by then counts once it was OK`,
  );
  expect(JSON.parse((await ask('--since', '7d', '-o', 'json')).stdout)).toMatchObject({ warm: false });
  const longAgo = new FakeClock(Date.now() - 90_000_000);
  const definitions = definitionsOf([planOf([checkOf('running')], [])]);
  const daemon = new ScriptedDaemon(join(cwd, 'long.db'), definitions, longAgo);
  await daemon.results('ok');
  await longAgo.pass(80_000_000);
  await daemon.results('ok');
  daemon.close();
  const warm = await ask('--store', './long.db', '--since', '1m');
  expect(warm).toMatchObject({ code: 0, stdout: expect.stringContaining('no action ran') });
  expect(warm.stdout).not.toContain('compared from');
});

test('others differ in what they say: exit code 1, in each form', async () => {
  const table = await ask('./new', '--since', '1d');
  expect([table.code, table.stdout]).toEqual([
    1,
    expect.stringMatching(/only then +web-1\/app\.running +app\.restart +now: cooldown$/m),
  ]);
  const json = await ask('./new', '-o', 'json');
  expect([json.code, JSON.parse(json.stdout)]).toEqual([
    1,
    expect.objectContaining({
      version: 1,
      differs: true,
      complete: true,
      actions: [
        { action: 'app.restart', recorded: 2, replayed: 1, same: 1, moved: 0, onlyThen: 1, onlyNow: 0 },
      ],
      differences: [
        expect.objectContaining({ kind: 'only_then', host: 'web-1', reason: 'cooldown', gate: 'cooldown' }),
      ],
    }),
  ]);
  const lines = await ask('./new', '-o', 'ndjson');
  expect(
    lines.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toEqual([expect.objectContaining({ kind: 'only_then', at: expect.stringMatching(/^\d{4}-.*Z$/) })]);
  expect([table, json, lines].map(({ stdout, stderr }) => stdout + stderr).join()).not.toContain('hunter2');
});

test('a span without the second trouble does not know of it', async () => {
  const ended = await ask('./new', '--until', '1h55m', '-o', 'json');
  expect([ended.code, JSON.parse(ended.stdout)]).toEqual([
    0,
    expect.objectContaining({ differs: false, actions: [expect.objectContaining({ recorded: 1, same: 1 })] }),
  ]);
});

test('what is to come is not played: it ends now, whatever --until says', async () => {
  const ended = await ask('--until', '9999-12-31', '-o', 'json');
  const { until } = JSON.parse(ended.stdout) as { until: string };
  expect(ended.code).toBe(0);
  expect(Date.parse(until)).toBeLessThanOrEqual(Date.now());
  expect(await ask('--since', '9998-12-31', '--until', '9999-12-31')).toMatchObject({ code: 64 });
});

test('another daemon file brings its own modes, and --store the history', async () => {
  symlinkSync('state/mendd.db', join(cwd, 'linked.db'));
  const expected = expect.stringMatching(/only then .*now: observe mode \(gate mode\)/);
  for (const args of [
    ['./observe/mendd.yaml'],
    ['./observe'],
    ['--config', './observe/mendd.yaml', '--store', './state/mendd.db'],
    ['--config', './observe'],
    ['--config', './observe/mendd.yaml', '--store', './linked.db'],
  ])
    expect([args, await ask(...args)]).toEqual([
      args,
      expect.objectContaining({ code: 1, stdout: expected }),
    ]);
});

test('bad definitions are 65 with their place, no store is 78, a span that is none is 64', async () => {
  expect(await ask('./bad')).toMatchObject({
    code: 65,
    stdout: '',
    stderr: expect.stringMatching(/app\.yaml:10:\d+: /),
  });
  expect(await ask('--config', './observe/mendd.yaml')).toMatchObject({
    code: 78,
    stdout: '',
    stderr: expect.stringContaining('nothing-here.db'),
  });
  expect(readdirSync(join(cwd, 'observe'))).not.toContain('nothing-here.db');
  expect(await ask('--since', '1h', '--until', '2h')).toMatchObject({ code: 64 });
});
