/** What a target tells of itself, on each POSIX shell of this machine: with tools that lie, that hang, and without any. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { FactsQuestion, HumanProbe, TargetFacts } from '../../core/guard-port.ts';
import type { Runner } from '../../core/ports.ts';
import { quoteShell } from '../../core/shell-quote.ts';
import { createTargetGuard } from '../../runner/target-guard.ts';
import { bareIntent } from '../support/intents.ts';
import { makeShell, type Shell, shellNames, shellRunner } from '../support/shells.ts';

const target = { kind: 'local' } as const;
const probe: HumanProbe = { units: [], lockFiles: [] };
const shells: Shell[] = [];
afterAll(() => {
  for (const shell of shells) shell.remove();
});

interface Bench {
  shell: Shell;
  facts: (question?: FactsQuestion) => Promise<TargetFacts>;
}

/** `stubs`: programs by name, as sh text; nothing else of systemd or of the sessions is there. */
function bench(name: string, stubs: Record<string, string> = {}, wrap = (runner: Runner) => runner): Bench {
  const shell = makeShell(name, { without: ['ps', ...Object.keys(stubs)] });
  shells.push(shell);
  for (const [program, text] of Object.entries(stubs)) {
    writeFileSync(join(shell.bin, program), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const guard = createTargetGuard(wrap(shellRunner(shell)), {
    directory: join(shell.home, 'records'),
    nonce: () => 'n0nce',
  });
  return { shell, facts: (question) => guard.facts(target, question) };
}

const show = (properties: Record<string, string>): string =>
  Object.entries(properties)
    .map(([name, value]) => `echo '${name}=${value}'`)
    .join('\n');
const down = { Id: 'w.service', LoadState: 'loaded', ActiveState: 'inactive', UnitFileState: 'enabled' };

describe.concurrent.each(shellNames)('%s', (name) => {
  test('tells boot and uptime, and nobody, where nothing else is there', async () => {
    const { facts } = bench(name);
    const told = await facts({ people: { units: ['w', 'x'], lockFiles: ['/nothing'], loginWithinMs: 1000 } });
    expect(told).toEqual({
      kind: 'facts',
      bootId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      uptimeSec: expect.any(Number),
      people: [],
    });
    expect(await facts()).not.toHaveProperty('people');
  });

  test('tells the fence as the guard keeps it, and nothing that is no number', async () => {
    const { facts, shell } = bench(name);
    mkdirSync(join(shell.home, 'records'));
    writeFileSync(join(shell.home, 'records/fence'), '41\n');
    expect(await facts()).toHaveProperty('fenceSeen', 41);
    writeFileSync(join(shell.home, 'records/fence'), '12 x\n');
    expect(await facts()).not.toHaveProperty('fenceSeen');
  });

  test('collects each kind of sign', async () => {
    const { facts, shell } = bench(name, {
      systemctl: `case "$*" in *InvocationID*) echo InvocationID=abc ;; *) ${show({ ...down, Job: '7' })} ;; esac`,
      journalctl: 'exit 1',
      ps: 'echo "unattended-upgr /usr/bin/python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown"; echo "bash -bash"; echo "zypper zypper up"; echo "dnf dnf"',
      who: `[ "$LC_ALL $TZ" = 'C UTC0' ] && echo "ann  pts/3  $(date -u +%Y-%m-%d\\ %H:%M) (192.0.2.1)"`,
    });
    writeFileSync(join(shell.home, 'my hold'), `it's\nnot this\n`);
    const lockFiles = ['/nothing', join(shell.home, 'my hold'), shell.home];
    const told = await facts({ unit: 'w', people: { units: ['w', 'w'], lockFiles, loginWithinMs: 600_000 } });
    expect(told).toMatchObject({ invocationId: 'abc' });
    expect(told).toHaveProperty('people', [
      { kind: 'unit_job', text: 'systemd works on w.service (job 7)' },
      { kind: 'package_manager', text: 'zypper is running' },
      { kind: 'lock_file', text: `${shell.home}/my hold: it's` },
      { kind: 'lock_file', text: shell.home },
      { kind: 'login', text: expect.stringMatching(/^ann on pts\/3 from 192\.0\.2\.1, \d+s ago$/) },
    ]);
  });

  test('no program there can forge an answer, even if it knows the nonce', async () => {
    const forged = `printf '\\n@mendd n0nce facts b 1 - 99\\n@mendd n0nce lock_file 0\\n|\\n@mendd n0nce end\\n\\000\\033[2J'`;
    const { facts, shell } = bench(name, { systemctl: forged, who: forged, ps: forged, loginctl: forged });
    const file = join(shell.home, 'hold');
    writeFileSync(file, `\u001b[2J${'é'.repeat(400)}\u2028\n@mendd n0nce unit x\n`);
    const told = await facts({ people: { units: ['w'], lockFiles: [file], loginWithinMs: 1000 } });
    expect(told).toMatchObject({ kind: 'facts', bootId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(told).not.toHaveProperty('fenceSeen');
    const [sign, ...others] = (told.kind === 'facts' && told.people) || [];
    expect(others).toEqual([]);
    expect(sign?.text).toHaveLength(200);
    expect(sign?.text).toMatch(/^\/[!-~]+: é+$/);
  });
});

test('one program that hangs does not cost the answer', async () => {
  const timeout = 'shift; [ "$1" = true ] || exec /usr/bin/timeout 2 "$@"';
  const { facts, shell } = bench('bash', { systemctl: 'exec /bin/sleep 1000', timeout });
  const told = await facts({ people: { units: ['w'], lockFiles: [shell.home] } });
  expect(told).toMatchObject({ people: [{ kind: 'lock_file' }] });
});

const lockFile = '/var/lib/dpkg/lock';
const noLocks = !existsSync(lockFile) || !existsSync('/proc/locks') || !existsSync('/usr/bin/flock');

test.skipIf(noLocks)(
  'a lock on a file with the same number elsewhere is none of a package manager (needs dpkg)',
  async () => {
    const { facts, shell } = bench('bash', { ls: '' });
    const file = join(shell.home, 'mine');
    writeFileSync(file, '');
    writeFileSync(
      join(shell.bin, 'ls'),
      `#!/bin/sh\n[ "$2" = ${lockFile} ] && exec /usr/bin/ls -id ${file}\n`,
    );
    const holder = spawn('flock', ['--no-fork', file, 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const inode = String(statSync(file).ino);
    await vi.waitFor(() => expect(readFileSync('/proc/locks', 'utf8')).toContain(`:${inode} `));
    expect(await facts({ people: probe })).toHaveProperty('people', []);
    holder.kill();
  },
);

/** As if the connection ended early, or a tool killed the script. */
const cut = (runner: Runner): Runner => ({
  ...runner,
  run: (request) => runner.run({ ...request, script: request.script.replace('_say end', 'exit 0') }),
});

test('looking that did not come to its end is no answer', async () => {
  expect(await bench('dash', {}, cut).facts({ people: probe })).toHaveProperty('kind', 'unreachable');
  expect(await bench('dash', {}, cut).facts()).toHaveProperty('kind', 'facts');
});

/** A host without /proc, as the BSDs are. */
const withoutProc = (runner: Runner): Runner => ({
  ...runner,
  run: (request) => {
    const inside = '/usr/bin/mount -t tmpfs none /proc && exec sh -c "$1"';
    const script = `exec /usr/bin/unshare --mount /bin/sh -c ${quoteShell(inside)} x ${quoteShell(request.script)}`;
    return runner.run({ ...request, script });
  },
});

const bootSec = Math.floor(Date.now() / 1000) - 5000;
const bootText = new Date(bootSec * 1000).toISOString().slice(0, 19).replace('T', ' ');
const sysctl = (answers: Record<string, string>) =>
  `case $2 in ${Object.entries(answers)
    .map(([name, value]) => `${name}) echo '${value}' ;;`)
    .join(' ')} *) exit 1 ;; esac`;

const hosts: [string, Record<string, string>, string | undefined][] = [
  [
    'macOS',
    {
      sysctl: sysctl({
        'kern.bootsessionuuid': '5C0F-AB',
        'kern.boottime': `{ sec = ${bootSec}, usec = 7 } Sat`,
      }),
    },
    '5C0F-AB',
  ],
  [
    'FreeBSD',
    { sysctl: sysctl({ 'kern.boottime': `{ sec = ${bootSec}, usec = 976 } Sat Nov 21 01:00:00 2026` }) },
    String(bootSec),
  ],
  [
    'a BSD that tells a date',
    { sysctl: sysctl({ 'kern.boottime': new Date(bootSec * 1000).toUTCString() }) },
    String(bootSec),
  ],
  ['procps', { uptime: `[ "$1 $TZ" = '-s UTC0' ] && echo '${bootText}'` }, String(bootSec)],
  // To the minute only: nothing to prove a reboot by.
  ['busybox', { uptime: 'echo " 05:23:10 up  3:01,  load average: 0.1, 0.1, 0.1"; exit 1' }, undefined],
  ['nothing', {}, undefined],
];
const isRoot = process.getuid?.() === 0 && existsSync('/usr/bin/unshare');

async function managers(ps: string): Promise<unknown> {
  const stubs = { sysctl: sysctl({ 'kern.boottime': String(bootSec) }), ps };
  const told = await bench('dash', stubs, withoutProc).facts({ people: probe });
  return told.kind === 'facts' ? told.people?.map(({ text }) => text) : told;
}

describe.skipIf(!isRoot)('without /proc (needs root)', () => {
  test.each(hosts)('boot by %s', async (_, stubs, bootId) => {
    const told = await bench('dash', { sysctl: 'exit 1', uptime: 'exit 1', ...stubs }, withoutProc).facts({
      people: probe,
    });
    if (bootId === undefined) {
      expect(told).toMatchObject({
        kind: 'unreachable',
        failure: { message: expect.stringContaining('boot id') },
      });
      return;
    }
    expect(told).toMatchObject({ kind: 'facts', bootId, people: [] });
    const uptimeSec = told.kind === 'facts' ? told.uptimeSec : Number.NaN;
    expect(uptimeSec).toBeGreaterThanOrEqual(5000);
    expect(uptimeSec).toBeLessThan(6000);
  });

  test('package managers go by name where no locks are told, but not their idle helper', async () => {
    const helper = 'unattended-upgr python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown';
    expect(await managers(`echo '${helper}'; echo 'apt.sh x'`)).toEqual([]);
    expect(await managers(`echo '${helper}'; echo '/usr/bin/apt-get apt-get'`)).toEqual([
      'apt-get is running',
    ]);
    // busybox knows neither -A nor empty headings.
    const old = `[ "$1" = -o ] || exit 1; echo 'COMMAND COMMAND'; echo 'apk add x'`;
    expect(await managers(old)).toEqual(['apk is running']);
  });

  test('a clock that was adjusted by seconds is no other boot for the guard', async () => {
    const stub = sysctl({ 'kern.boottime': String(bootSec) });
    const shell = makeShell('dash', { without: ['flock'] });
    shells.push(shell);
    writeFileSync(join(shell.bin, 'sysctl'), `#!/bin/sh\n${stub}\n`, { mode: 0o755 });
    const guard = createTargetGuard(withoutProc(shellRunner(shell)), {
      directory: join(shell.home, 'records'),
    });
    const send = (id: string, bootId: string) =>
      guard.run({
        target,
        intent: bareIntent(id, { preconditions: { bootId } }),
        script: 'echo ran',
        timeoutMs: 5_000,
        beforeSend: () => undefined,
      });
    expect(await send('i1', String(bootSec + 9))).toMatchObject({ kind: 'ran', stdout: 'ran\n' });
    expect(await send('i2', String(bootSec - 10))).toMatchObject({ reason: 'boot_changed' });
    expect(await send('i3', `${bootSec}-uuid`)).toMatchObject({ reason: 'boot_changed' });
  });
});

test.each(['-1e300', '-1', '1e300', '1e999', '-', 'soon'])('an uptime of %s is none', async (uptime) => {
  const stdout = `@mendd n0nce facts boot ${uptime} - 7\n`;
  const outcome = { kind: 'exited', exitCode: 0, stdout, stderr: '', truncated: false } as const;
  const run = () => Promise.resolve({ ...outcome, startedAtMs: 0, durationMs: 0 });
  const guard = createTargetGuard({ run }, { nonce: () => 'n0nce' });
  const told = await guard.facts(target);
  expect(told.kind === 'unreachable' && told.failure.message).toContain('does not tell');
});
