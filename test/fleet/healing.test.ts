/** The promise of the whole thing, with real systemd and real reboots: what is broken is mended, verified, and mended once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Daemon, requireBuild } from './daemon.ts';
import { type Fleet, upFleet } from './harness.ts';

const settings =
  'remediation: { mode: auto, max_runs: 50 per 1h, max_concurrent: 5, brake: false, self_doubt: { changed_min: 1000 } }';

const runbooks = [
  `
runbook: worker
hosts: [killed]
every: 500ms
max_attempts: 3
checks:
  running: { systemd_unit: worker }
actions:
  restart:
    when: { check: running, attempts: 2 }
    systemd_restart: worker
    sudo: true
    before: systemctl status worker
    verify: { within: 10s, stays_ok: 2s }
`,
  `
runbook: flaky
hosts: [broken, slow]
every: 500ms
max_attempts: 3
checks:
  running: { systemd_unit: flaky }
actions:
  restart:
    when: { check: running, attempts: 2 }
    systemd_restart: flaky
    sudo: true
    verify: { within: 10s, stays_ok: 2s }
  reboot:
    after: restart
    reboot: { back_within: 1m }
    min_uptime: 0s
    sudo: true
    verify: { within: 20s, stays_ok: 2s }
    cooldown: 0s
    max_runs: 3 per 1h
`,
  `
runbook: impatient
hosts: [slow]
every: 500ms
max_attempts: 3
checks:
  running: { systemd_unit: worker }
actions:
  reboot:
    when: { check: running, attempts: 1 }
    reboot: { back_within: 1m }
    min_uptime: 0s
    sudo: true
    verify: { within: 20s, stays_ok: 2s }
    cooldown: 0s
    max_runs: 3 per 1h
`,
];

let fleet: Fleet;
let daemon: Daemon;

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: ['killed', 'broken', 'slow'] });
  daemon = await Daemon.start({ fleet, runbooks, settings });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
});

test('a killed worker is restarted once and verified', async () => {
  const machine = fleet.machine('killed');
  await machine.crashUnit('worker');
  const ended = await daemon.waitFor(
    'the restart has ended',
    (event) => event.type === 'action.ended' && event.host === 'killed',
  );
  expect(ended.data).toMatchObject({ action: 'worker.restart', status: 'verified' });
  expect(await machine.must('systemctl is-active worker')).toBe('active');
  expect(await machine.startCount('worker')).toBe(2);
  const runs = await daemon.runs('killed');
  expect(await machine.guardStarts()).toEqual(runs.map((run) => run.id));
  const run = await daemon.run(runs[0]?.id ?? '');
  expect(run.evidence).toContain('killed');
  expect(run.events.map((event) => event.status)).toEqual(
    expect.arrayContaining(['intended', 'evidence', 'dispatched', 'verifying', 'verified']),
  );
  const reached = daemon.events.filter((event) => event.type === 'state.changed' && event.host === 'killed');
  expect(reached.at(-1)?.data).toMatchObject({ to: 'ok' });
});

test('a broken unit climbs the ladder to a reboot, which changes the boot id and is verified', async () => {
  const machine = fleet.machine('broken');
  const before = await machine.bootId();
  await machine.breakFlaky();
  await daemon.waitFor(
    'the reboot has ended',
    (event) =>
      event.type === 'action.ended' && event.host === 'broken' && event.data.action === 'flaky.reboot',
    120_000,
  );
  const runs = await daemon.runs('broken');
  expect(runs.map((run) => [run.action, run.status])).toEqual([
    ['flaky.reboot', 'verified'],
    ['flaky.restart', 'failed'],
  ]);
  expect(await machine.bootId()).not.toBe(before);
  expect([await machine.bootCount(), await machine.powerOnCount()]).toEqual([2, 2]);
  // At each boot, and the one restart that could not help.
  expect(await machine.startCount('flaky')).toBe(3);
  expect(await machine.must('systemctl is-active flaky')).toBe('active');
});

test('a rebooting machine is not rebooted again although its checks fail meanwhile', async () => {
  const machine = fleet.machine('slow');
  // sshd answers at once after the boot while both units stay away: everything looks broken again.
  await machine.slowStarts(4);
  await machine.breakFlaky();
  await daemon.waitFor(
    'the reboot has ended',
    (event) => event.type === 'action.ended' && event.host === 'slow' && event.data.action === 'flaky.reboot',
    120_000,
  );
  await daemon.settled();
  expect(await machine.bootCount()).toBe(2);
  const reboots = (await daemon.runs('slow')).filter((run) => run.kind === 'reboot');
  expect(reboots.map((run) => [run.action, run.status])).toEqual([['flaky.reboot', 'verified']]);
  // The second ladder saw its trouble and was held; without that this test would prove nothing.
  const held = (await daemon.decisions('slow')).filter((decision) => decision.ladder === 'impatient.reboot');
  expect(held.map((decision) => decision.reason)).toContain('run_in_progress');
});
