/** Proves the fleet itself: what the scenario tests take for granted about machines, faults and counters. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, until, upFleet } from './harness.ts';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await upFleet({ machines: ['m1', 'm2'] });
});

afterAll(async () => {
  await fleet.down();
});

test('machines run systemd, each for itself', async () => {
  for (const machine of fleet.machines) {
    expect(await machine.must('systemctl is-system-running --wait')).toBe('running');
    expect(await machine.must('hostname')).toBe(machine.name);
  }
  const [first, second] = fleet.machines;
  expect(await first?.bootId()).not.toBe(await second?.bootId());
  await fleet.machine('m1').stopUnit('worker');
  expect(await fleet.machine('m2').must('systemctl is-active worker')).toBe('active');
  await fleet.machine('m1').must('systemctl start worker');
});

test('root and mendd log in by key and mendd is root by sudo', async () => {
  const machine = fleet.machine('m1');
  expect(await machine.ssh('id -un')).toMatchObject({ code: 0, stdout: 'root\n' });
  const child = fleet.spawnInOps(
    [
      'ssh',
      '-F',
      'none',
      '-i',
      fleet.identityFile,
      '-o',
      `UserKnownHostsFile=${fleet.knownHostsFile}`,
      `mendd@${machine.address}`,
      'sudo -n id -un',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  expect(output).toBe('root\n');
});

test('a reboot changes the boot id and both boot counters by one', async () => {
  const machine = fleet.machine('m2');
  const before = await machine.bootId();
  expect([await machine.bootCount(), await machine.powerOnCount()]).toEqual([1, 1]);
  await machine.ssh('systemctl reboot');
  const after = await until('another boot id', async () => {
    const id = await machine.bootId();
    return id === before ? undefined : id;
  });
  await machine.waitUp();
  expect(await machine.bootId()).toBe(after);
  expect([await machine.bootCount(), await machine.powerOnCount()]).toEqual([2, 2]);
  expect(await machine.startCount('worker')).toBe(2);
});

test('start counters count real starts, and a broken unit is mended by a reboot only', async () => {
  const machine = fleet.machine('m1');
  const before = await machine.startCount('flaky');
  await machine.breakFlaky();
  expect((await machine.exec('systemctl restart flaky')).code).toBe(1);
  expect(await machine.startCount('flaky')).toBe(before + 1);
  expect((await machine.exec('systemctl is-active flaky')).stdout).toBe('failed\n');
  await machine.kill();
  expect(await machine.bootId()).toBeUndefined();
  expect((await machine.ssh('true')).code).toBe(255);
  await machine.start();
  expect(await machine.must('systemctl is-active flaky')).toBe('active');
  expect(await machine.startCount('flaky')).toBe(before + 2);
});

test('a machine cut off times out, hung accepts and is silent, and both come back', async () => {
  const [cut, hung] = [fleet.machine('m1'), fleet.machine('m2')];
  await Promise.all([cut.cutOff(), hung.hang()]);
  const [fromCut, fromHung] = await Promise.all([cut.ssh('true'), hung.ssh('true')]);
  expect(fromCut.stderr).toContain('connect to host');
  expect(fromHung.stderr).toContain('timed out during banner exchange');
  expect(await hung.bootCount()).toBe(2);
  await Promise.all([cut.reconnect(), hung.unhang()]);
  for (const machine of [cut, hung])
    await until('it answers again', async () => ((await machine.ssh('true')).code === 0 ? true : undefined));
});

test('a full disk refuses the last byte and a changed host key is refused by ssh', async () => {
  const [full, changed] = [fleet.machine('m1'), fleet.machine('m2')];
  await full.fillDisk();
  expect((await full.exec('echo x >/var/lib/more')).code).not.toBe(0);
  await full.freeDisk();
  expect((await full.exec('echo x >/var/lib/more')).code).toBe(0);
  await changed.changeHostKey();
  expect((await changed.ssh('true')).stderr).toContain('Host key verification failed');
});

test('a fleet whose owner died is removed by the next one, and down leaves nothing', async () => {
  const owner = fleet.spawnInOps(['sleep', 'infinity']);
  const left = await upFleet({
    machines: ['m1'],
    ...(owner.pid === undefined ? {} : { ownerPid: owner.pid }),
  });
  expect(existsSync(left.dir)).toBe(true);
  owner.kill('SIGKILL');
  await once(owner, 'close');
  const next = await upFleet({ machines: ['m1'] });
  expect(remains(left)).toEqual([]);
  expect(remains(next)).not.toEqual([]);
  await next.down();
  expect(remains(next)).toEqual([]);
});

function remains(gone: Fleet): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const spaces = readdirSync('/run/netns').filter((name) => name === gone.opsNamespace);
  return [
    ...mounts.filter((line) => line.includes(gone.dir)),
    ...spaces,
    ...(existsSync(gone.dir) ? [gone.dir] : []),
  ];
}
