/** `mendd decisions`, `runbooks` and `cancel` as processes against a real API over a daemon made of data. */
import { expect, test } from 'vitest';
import { cliAgainstApi } from '../support/cli-api.ts';
import { actionOf, checkOf, ladderOf } from '../support/definitions.ts';
import { runOf, startMs } from '../support/fake-views.ts';

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

test('a run is cancelled with the scope act, and one that was sent is not', async () => {
  cli.daemon.runList = [runOf('a~b~c~1', { status: 'intended' }), runOf('a~b~c~2', { status: 'verified' })];
  expect(await as('act', 'cancel', 'a~b~c~1')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('cancelled'),
  });
  expect((await as('act', 'cancel', 'a~b~c~2')).code).toBe(1);
  expect((await as('read', 'cancel', 'a~b~c~1')).code).toBe(77);
});
