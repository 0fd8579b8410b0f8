/** Runbooks of the library on real machines with systemd: healthy, in trouble, mended by the daemon. Others: test/library. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLibrary } from '../../cli/library-files.ts';
import { Daemon, requireBuild } from './daemon.ts';
import { type Fleet, upFleet } from './harness.ts';
import { unlimited } from './runbooks.ts';

let fleet: Fleet;
let daemon: Daemon;

/** As it is shipped, but impatient, and as if a person said yes to everything. */
function impatient(name: string, host: string): string {
  const text = readLibrary().find((entry) => entry.name === name)?.files[0]?.text ?? '';
  return text
    .replace(/^hosts: .*$/m, `hosts: [${host}]`)
    .replaceAll(/every: \w+/g, 'every: 500ms')
    .replaceAll(/attempts: \d+/g, 'attempts: 1')
    .replaceAll(/^ {4}(mode|cooldown|verify): .*\n/gm, '')
    .replaceAll(
      /^ {4}max_runs: .*$/gm,
      '    max_runs: 1000 per 1h\n    cooldown: 0s\n    chronic: false\n    demote: false\n    verify: { within: 6s, stays_ok: 1s }',
    )
    .replaceAll('queue-worker', 'worker');
}

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: ['works', 'fails', 'full'], size: '256m' });
  await fleet.machine('fails').must(`
    printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/sh -c "! test -e /run/broken-once"\\n' >/etc/systemd/system/once.service
    systemctl daemon-reload && systemctl reset-failed`);
  await fleet.machine('works').must('systemctl reset-failed');
  daemon = await Daemon.start({
    fleet,
    runbooks: [
      impatient('systemd-unit', 'works'),
      impatient('ssh', 'works'),
      impatient('failed-units', 'fails'),
      impatient('zombies', 'full'),
      impatient('disk-full', 'full'),
    ],
    settings: `remediation: { ${unlimited}, brake: false, self_doubt: { changed_min: 1000 } }`,
  });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
});

/** Until an action of the host has ended well. */
async function verified(host: string, action: string): Promise<void> {
  await daemon.waitFor(
    `${action} on ${host} is verified`,
    ({ type, host: where, data }) =>
      type === 'action.ended' && where === host && data.action === action && data.status === 'verified',
  );
}

async function check(host: string, id: string): Promise<string | undefined> {
  return (await daemon.checks()).find((each) => each.host === host && each.check === id)?.status.lastResult
    ?.text;
}

test('systemd-unit: a killed unit is started again', async () => {
  const machine = fleet.machine('works');
  await machine.crashUnit('worker');
  await verified('works', 'queue-worker.restart');
  expect(await machine.must('systemctl is-active worker')).toBe('active');
});

test('ssh: a killed sshd is started again over the connection that is left', async () => {
  const machine = fleet.machine('works');
  await machine.must(`
    mkdir -p /run/systemd/system/ssh.service.d
    printf '[Service]\\nRestart=no\\n' >/run/systemd/system/ssh.service.d/library.conf
    systemctl daemon-reload
    kill -KILL "$(systemctl show --property=MainPID --value ssh)"`);
  await verified('works', 'ssh.restart');
  expect(await machine.must('systemctl is-active ssh')).toBe('active');
});

test('failed-units: what has failed is told by name, and started again once it can', async () => {
  const machine = fleet.machine('fails');
  await machine.must('touch /run/broken-once; systemctl start once; rm /run/broken-once');
  await verified('fails', 'failed-units.start_again');
  expect(await machine.must('systemctl is-active once')).toBe('active');
  expect(await check('fails', 'failed-units.failed')).toBe('OK: no unit has failed');
  const [run] = await daemon.runs('fails');
  expect((await daemon.run(run?.id ?? '')).evidence).toContain('once.service');
});

test('zombies: their parent is reminded, and then its service restarted', async () => {
  const machine = fleet.machine('full');
  const script = 'i=0; while test $i -lt 30; do sleep 0.3 & i=$((i + 1)); done; exec sleep 1000';
  await machine.must(`
    printf '%s\\n' '#!/bin/sh' 'test -e /run/forgets || exec sleep 1000' 'rm /run/forgets' '${script}' >/usr/local/bin/forgets
    chmod 755 /usr/local/bin/forgets; touch /run/forgets
    systemd-run --quiet --unit=forgets /usr/local/bin/forgets`);
  await verified('full', 'zombie-processes.restart_parents');
  expect(await check('full', 'zombie-processes.zombies')).toMatch(/^OK: \d zombie processes$/);
  expect((await daemon.runs('full')).map(({ action }) => action)).toContain(
    'zombie-processes.remind_parents',
  );
});

test('disk-full: first the journal is shrunk, then the cache of apt emptied, and only that', async () => {
  const machine = fleet.machine('full');
  await machine.must(`
    touch /root/data; mkdir -p /var/cache/apt/archives
    free=$(df -Pk / | awk 'NR == 2 { print int($2 * 0.97 - $3) }')
    dd if=/dev/zero of=/var/cache/apt/archives/large_1_all.deb bs=1k count="$free" status=none`);
  await verified('full', 'disk-full.clean_packages');
  expect(await machine.must('ls /root/data; ls /var/cache/apt/archives/*.deb 2>/dev/null || echo none')).toBe(
    '/root/data\nnone',
  );
});
