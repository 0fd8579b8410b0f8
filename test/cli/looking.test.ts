/** `mendd status`, `decisions`, `runbooks` and `cancel` as processes against a real API over a daemon made of data. */
import { expect, test } from 'vitest';
import { cliAgainstApi } from '../support/cli-api.ts';
import { actionOf, checkOf, ladderOf } from '../support/definitions.ts';
import { checkView, explanationOf, hostView, runOf, startMs } from '../support/fake-views.ts';

const cli = cliAgainstApi();
const { as } = cli;

test('decisions are listed with their reason, and how often they were repeated', async () => {
  cli.daemon.decisionList = [
    {
      id: 7,
      atMs: startMs,
      lastAtMs: startMs + 60_000,
      count: 4,
      host: 'web-1',
      ladder: 'app.restart',
      action: 'app.restart',
      check: 'app.running',
      verdict: 'held',
      reason: 'cooldown',
      gates: [],
    },
  ];
  const { stdout, code } = await as('read', 'decisions', '--host', 'web-1');
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^AT +HOST +ACTION +VERDICT +TIMES +REASON\n\S+Z +web-1 +app\.restart +held +4 +cooldown\n$/,
  );
  cli.daemon.decisionList = [];
  expect((await as('read', 'decisions')).stderr).toContain('Nothing was decided.');
});

test('runbooks are listed, and one is shown with its checks and ladders', async () => {
  const restart = actionOf('restart', { kind: 'systemd_restart', unit: 'worker' });
  const page = actionOf('page', { kind: 'notify', to: 'oncall' }, { enabled: false });
  const probe = { kind: 'passive', state: 'critical' } as const;
  const runbook = {
    id: 'app',
    title: 'The app',
    enabled: true,
    hosts: ['web-1', 'web-2'],
    checks: [checkOf('running'), checkOf('job', { probe })],
    ladders: [ladderOf([restart, page])],
    source: { file: 'app.yaml', line: 1, column: 1 },
  };
  const definitions = cli.daemon.definitions();
  cli.daemon.definitions = () => ({ ...definitions, runbooks: [runbook] });
  const list = await as('read', 'runbooks');
  expect(list.stdout).toMatch(
    /^RUNBOOK +HOSTS +CHECKS +LADDERS +STATE +SOURCE\napp +2 +2 +1 +on +app\.yaml:1:1\n$/,
  );
  const { stdout } = await as('read', 'runbooks', 'app');
  expect(stdout).toContain('The app');
  expect(stdout).toMatch(/app\.job +passive +2 +never asked/);
  expect(stdout).toContain(
    'app.running warning, critical, unknown: app.restart (auto) → app.page (disabled)',
  );
  expect((await as('read', 'runbooks', 'nothing')).code).toBe(64);
});

test('lists take the filters of the API: by label, name and state, and what is stale', async () => {
  const { daemon } = cli;
  daemon.checkList = [
    { ...checkView('web-1', 'app.lag', 'critical'), stale: true },
    checkView('web-1', 'app.up', 'critical'),
    checkView('web-2', 'app.up', 'critical'),
  ];
  daemon.runList = [runOf('a~b~c~1'), runOf('a~b~c~2', { host: 'web-2' })];
  const change = {
    from: 'ok',
    id: 1,
    percent: 0,
    percentWithoutActions: 0,
    type: 'hard',
    attempt: 3,
    text: '',
    flapping: false,
    afterAction: false,
  } as const;
  daemon.transitionList = [
    { ...change, atMs: startMs, host: 'web-1', check: 'app.up', to: 'critical' },
    { ...change, atMs: startMs, host: 'web-1', check: 'app.up', to: 'warning' },
    { ...change, atMs: startMs, host: 'web-2', check: 'app.up', to: 'critical' },
    { ...change, atMs: startMs, host: 'gone-1', to: 'unreachable' },
  ];
  const shown: [args: string[], hosts: string[]][] = [
    [['checks', '--stale'], ['web-1/app.lag']],
    [
      ['checks', '--check', '*.up'],
      ['web-1/app.up', 'web-2/app.up'],
    ],
    [['checks', '--label', 'role=db'], ['web-2/app.up']],
    [['runs', '--label', 'role=db'], ['web-2']],
    [
      ['runs', '--host', 'web-*', '--action', 'app.restart'],
      ['web-1', 'web-2'],
    ],
    [['runs', '--host', '*-2', '--action', 'restart'], ['web-2']],
    [['history'], ['web-1', 'web-1', 'web-2', 'gone-1']],
    [
      ['history', '*-1'],
      ['web-1', 'web-1', 'gone-1'],
    ],
    [
      ['history', '--state', 'critical,unreachable'],
      ['web-1', 'web-2', 'gone-1'],
    ],
    [['history', '--label', 'role=db', '--state', 'critical'], ['web-2']],
    [['history', 'web-1', '--state', 'warning'], ['web-1']],
    [['history', 'web-1', '--label', 'role=db'], []],
  ];
  for (const [args, wanted] of shown) {
    const { code, stdout } = await as('read', ...args, '-o', 'ndjson');
    const rows = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    const places = rows.map((row) => (args[0] === 'checks' ? `${row.host}/${row.check}` : row.host));
    expect([args, code, places]).toEqual([args, 0, wanted]);
  }
  expect((await as('read', 'history')).stdout).toMatch(/^AT +HOST +CHECK .*\n\S+ +web-1 +app\.up +OK +/);
  for (const slip of [
    ['history', '--results'],
    ['history', 'web-*', '--sums', '1h'],
    ['history', 'web-*/app.up'],
    ['history', 'web-1/app.up', '--results', '--state', 'ok'],
    ['runs', 'a~b~c~1', '--label', 'role=db'],
  ])
    expect([slip, (await as('read', ...slip)).code]).toEqual([slip, 64]);
});

test('a run is cancelled with the scope act, and one that was sent is not', async () => {
  cli.daemon.runList = [runOf('a~b~c~1', { status: 'intended' }), runOf('a~b~c~2', { status: 'verified' })];
  expect(await as('act', 'cancel', 'a~b~c~1')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('cancelled'),
  });
  expect((await as('act', 'cancel', 'a~b~c~2', '--reason', 'hangs')).code).toBe(1);
  expect(cli.daemon.asked).toEqual(['cancel a~b~c~1 by act', 'cancel a~b~c~2 by act: hangs']);
  expect((await as('read', 'cancel', 'a~b~c~1')).code).toBe(77);
});

test('a daemon that does not do its work is UNKNOWN however well the fleet looked last', async () => {
  cli.daemon.checkList = [checkView('web-1', 'app.running', 'ok')];
  expect((await as('read', 'status')).code).toBe(0);
  cli.daemon.healthNow = { ready: false, problems: ['store: the disk is full', 'checks start 40 s late'] };
  const { code, stdout } = await as('read', 'status');
  expect([code, stdout]).toEqual([3, expect.stringMatching(/^UNKNOWN: /)]);
  expect(stdout).toMatch(
    /Needs you\n {2}MENDD IS NOT WELL store: the disk is full\n.*checks start 40 s late/,
  );
});

test('after giving up nothing is called next', async () => {
  const [view] = cli.daemon.checkList;
  if (view === undefined) throw new Error('there is a check');
  const gaveUp = { ...explanationOf('web-1', 'app.running'), reason: 'gave_up' as const };
  const need = { explanation: gaveUp, status: view.status, runs: [] };
  cli.daemon.needsYou = [{ ...need, next: { why: 'Everything was tried and nothing helped' } }];
  const { stdout } = await as('read', 'status');
  expect(stdout).toContain('gave up; nothing tried; Everything was tried and nothing helped\n');
  cli.daemon.needsYou = [{ ...need, next: { why: 'It waits', action: 'app.reboot' } }];
  expect((await as('read', 'status')).stdout).toContain('nothing tried; next app.reboot\n');
});

test('what status leaves out is counted, with the command that lists it', async () => {
  const down = { state: 'unreachable' as const, type: 'hard' as const, attempt: 3, sinceMs: startMs };
  cli.daemon.hostList = [hostView('web-1', { status: down })];
  const told = cli.daemon.now.bind(cli.daemon);
  cli.daemon.now = () => {
    const now = told();
    const counts = { needYou: 131, problems: 61, unreachable: 71, stale: 81 };
    const totals = { healed: 9, flapping: 0, suppressions: 201 };
    return { ...now, verdict: { ...now.verdict, ...counts }, totals };
  };
  const { stdout } = await as('read', 'status');
  for (const line of [
    'and 131 more: mendd checks --problems',
    'and 60 more: mendd checks --problems',
    'and 70 more: mendd hosts --state unreachable',
    'and 81 more: mendd checks --stale',
    'and 201 more: mendd silence list, mendd downtime list',
    'and 9 more: mendd runs --status verified --since 24h',
  ])
    expect(stdout).toContain(`  ${line}\n`);
});

test('status tells of hosts that want to be let in and of inventories that are held', async () => {
  cli.daemon.outsideWaiting = {
    registrations: { waiting: 11, names: ['web-7', 'web-8'] },
    heldInventories: [{ name: 'the cmdb', sinceMs: startMs, vanished: 3, of: 10 }],
  };
  const { stdout } = await as('read', 'status');
  expect(stdout).toMatch(
    /INVENTORY HELD the cmdb: 3 of 10 hosts vanished at once .* ago, and are kept · mendd inventory accept 'the cmdb' --reason TEXT/,
  );
  expect(stdout).toContain(
    'hosts that registered themselves and wait: 11 (web-7, web-8, …) · mendd registrations list',
  );
});

test('the story of one run takes no filter of the list', async () => {
  for (const filter of [
    ['--host', 'web-1'],
    ['--since', '1h'],
    ['--limit', '3'],
  ])
    expect(await as('read', 'runs', 'web-1~app.restart~abc~1', ...filter)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining(`${filter[0]} is for the list`),
    });
});
