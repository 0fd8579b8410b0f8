/** What a machine tells of people at work on it: real units, jobs, locks, shutdowns and logins, and none where nobody is. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evidenceBytes, evidenceScript } from '../../actions/evidence.ts';
import type { HumanProbe, HumanSign, TargetFacts, TargetGuard } from '../../core/guard-port.ts';
import type { Runner, RunOutcome, RunRequest } from '../../core/ports.ts';
import type { Intent } from '../../core/types.ts';
import { createTargetGuard } from '../../runner/target-guard.ts';
import { actionOf } from '../support/definitions.ts';
import { type Fleet, until, upFleet } from './harness.ts';
import type { Machine } from './machine.ts';

let fleet: Fleet;
let machine: Machine;
/** As root, and as an account that may read little. */
let guard: TargetGuard;
let asMendd: TargetGuard;

function sshTo(user: string, options: readonly string[], command: string): string[] {
  const known = `UserKnownHostsFile=${fleet.knownHostsFile}`;
  const common = ['-F', 'none', '-i', fleet.identityFile, '-o', known, '-o', 'LogLevel=ERROR'];
  return ['ssh', ...options, ...common, `${user}@${machine.address}`, command];
}

function intentOf(id: string, fence: number): Intent {
  const names = { id, host: 'm1', ladder: 'r.a', action: 'r.a', kind: 'command' as const, episode: 'e' };
  const words = { decidedBy: 'rule', reason: '', command: '', revision: '' };
  const figures = { attempt: 1, decidedAtMs: 0, notAfterMs: 0, fence, shard: 0 };
  return { ...names, ...words, ...figures, gates: [], preconditions: {} };
}

/** Runs in the machine as root or as mendd; the sh text goes by file, as it would by standard input over SSH. */
function machineRunner(user: 'root' | 'mendd'): Pick<Runner, 'run'> {
  return {
    async run(request: RunRequest): Promise<RunOutcome> {
      const startedAtMs = Date.now();
      const shell = request.sudo === undefined ? 'sh -s' : 'sudo -n sh -s';
      const child = fleet.spawnInOps(sshTo(user, [], shell), { stdio: 'pipe' });
      child.stdin?.end(`{ exec </dev/null\n${request.script}\n}\n`);
      let [stdout, stderr] = ['', ''];
      child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const [exitCode] = (await once(child, 'close')) as [number];
      const durationMs = Date.now() - startedAtMs;
      return { kind: 'exited', exitCode, stdout, stderr, truncated: false, startedAtMs, durationMs };
    },
  };
}

const target = { kind: 'local' } as const;
const probe: HumanProbe = { units: [], lockFiles: [] };

async function factsOf(
  question: Partial<HumanProbe>,
  by = guard,
): Promise<Extract<TargetFacts, { kind: 'facts' }>> {
  const facts = await by.facts(target, { people: { ...probe, ...question } });
  if (facts.kind !== 'facts') throw new Error(facts.failure.message);
  return facts;
}

async function peopleOf(...units: string[]): Promise<readonly HumanSign[]> {
  return (await factsOf({ units })).people ?? [];
}

async function isNobodyThere(): Promise<true | undefined> {
  return (await peopleOf()).length === 0 ? true : undefined;
}

/** A unit as a package ships it, so that it can be masked. */
async function unit(name: string, service: string, enable = true): Promise<void> {
  const text = `[Service]\\n${service}\\n[Install]\\nWantedBy=multi-user.target\\n`;
  await machine.must(`printf '${text}' >/usr/lib/systemd/system/${name}.service && systemctl daemon-reload`);
  if (enable) await machine.must(`systemctl enable -q ${name}`);
}

async function becomes(state: string, name: string): Promise<void> {
  await until(`${name} is ${state}`, async () =>
    (await machine.exec(`systemctl is-active ${name}`)).stdout.trim() === state ? true : undefined,
  );
}

/** A process in the machine that says `there` once it does what it is for, and ends when it is told so. */
async function inMachine(command: string): Promise<ChildProcess> {
  const child = fleet.spawnInOps(sshTo('root', ['-tt'], command), { stdio: 'pipe' });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(`${command} is there`, () => (said.includes('there') ? true : undefined));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill();
  await closed;
}

const stopped = (name: string) => ({ kind: 'unit_stopped', text: `${name}.service was stopped` });
const forever = 'ExecStart=/bin/sleep infinity';

beforeAll(async () => {
  fleet = await upFleet({ machines: ['m1'] });
  machine = fleet.machine('m1');
  guard = createTargetGuard(machineRunner('root'));
  asMendd = createTargetGuard(machineRunner('mendd'));
});

afterAll(async () => {
  await fleet?.down();
});

test('a machine that nobody touches shows nobody', async () => {
  const { people, fenceSeen, bootId } = await factsOf({
    units: ['worker', 'flaky.service', 'multi-user.target', 'nosuch', 'bad name*'],
    lockFiles: ['/etc/nothing-here'],
    loginWithinMs: 3_600_000,
  });
  expect(people).toEqual([]);
  expect(fenceSeen).toBeUndefined();
  expect(bootId).toBe(await machine.bootId());
});

test('a unit that ends by itself, is killed, fails, or has not started yet was not stopped by a person', async () => {
  await unit('own-end', 'ExecStart=/bin/true');
  await unit('own-post', 'ExecStart=/bin/true\\nExecStopPost=/bin/true');
  await unit('job-done', 'Type=oneshot\\nExecStart=/bin/true');
  await unit('killed', forever);
  await unit('ended', forever);
  await unit('looping', 'ExecStart=/bin/false\\nRestart=on-failure\\nRestartSec=10ms');
  await unit('not-yet', forever);
  await unit('own-disabled', 'ExecStart=/bin/true', false);
  await machine.must(
    'systemctl start own-end own-post job-done killed ended own-disabled; systemctl start --no-block looping',
  );
  await machine.must('systemctl kill -s KILL killed; systemctl kill -s TERM ended');
  await machine.breakFlaky();
  await machine.exec('systemctl restart flaky');
  for (const name of ['own-end', 'own-post', 'job-done', 'ended']) await becomes('inactive', name);
  for (const name of ['killed', 'looping', 'flaky']) await becomes('failed', name);
  const names = ['own-end', 'own-post', 'job-done', 'killed', 'ended', 'looping', 'not-yet', 'flaky'];
  expect(await peopleOf(...names, 'own-disabled')).toEqual([]);
  // mendd may not read the journal there: the times that systemd keeps must do.
  expect((await factsOf({ units: names }, asMendd)).people).toEqual([]);
  await machine.must('systemctl restart worker');
  expect(await peopleOf('worker')).toEqual([]);
});

test('a unit that a person stopped is told, with the journal and without it', async () => {
  await unit('plain', forever);
  await unit('slow-stop', 'ExecStart=/bin/sleep infinity\\nExecStop=/bin/sleep 0.1\\nExecStopPost=/bin/true');
  await unit('remains', 'Type=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true');
  await unit('forks', 'Type=forking\\nExecStart=/bin/sh -c "sleep infinity & "');
  await machine.must(
    'systemctl start plain slow-stop remains forks && systemctl stop plain slow-stop remains forks',
  );
  const names = ['plain', 'slow-stop', 'remains', 'forks'];
  expect(await peopleOf(...names)).toEqual(names.map(stopped));
  expect((await factsOf({ units: names }, asMendd)).people).toEqual(names.map(stopped));
  await machine.must('systemctl start plain');
  expect(await peopleOf('plain')).toEqual([]);
});

test('a program that leaves with an error when it is stopped was stopped all the same', async () => {
  await unit('java', 'Type=exec\\nExecStart=/usr/local/bin/java');
  await machine.must(
    `printf '#!/bin/sh\\ntrap "exit 143" TERM\\ntouch /run/java\\nwhile sleep 0.1; do :; done\\n' >/usr/local/bin/java; chmod 755 /usr/local/bin/java`,
  );
  await machine.must('systemctl start java');
  await until('java is up', async () =>
    (await machine.exec('test -e /run/java')).code === 0 ? true : undefined,
  );
  await machine.must('systemctl stop java');
  expect((await machine.exec('systemctl is-active java')).stdout.trim()).toBe('failed');
  expect(await peopleOf('java')).toEqual([stopped('java')]);
  // A start that fails afterwards is the newer word.
  await machine.exec('rm /usr/local/bin/java; systemctl start java');
  expect(await peopleOf('java')).toEqual([]);
});

test('a unit taken out of service is told: disabled, masked, or both while it runs', async () => {
  await unit('retired', forever, false);
  const disabled = { kind: 'unit_stopped', text: 'retired.service is disabled and not running' };
  expect(await peopleOf('retired')).toEqual([disabled]);
  await machine.must('systemctl start retired');
  expect(await peopleOf('retired')).toEqual([]);
  await machine.must('systemctl stop retired');
  expect(await peopleOf('retired')).toEqual([stopped('retired')]);
  expect((await factsOf({ units: ['retired'] }, asMendd)).people).toEqual([disabled]);
  await unit('veiled', forever);
  await machine.must('systemctl start veiled && systemctl mask -q veiled');
  expect(await peopleOf('veiled')).toEqual([{ kind: 'unit_masked', text: 'veiled.service is masked' }]);
  await machine.must('systemctl unmask -q veiled && systemctl mask -q --runtime veiled');
  expect(await peopleOf('veiled')).toEqual([{ kind: 'unit_masked', text: 'veiled.service is masked' }]);
});

test('a job under way is told until it is done', async () => {
  await machine.slowStarts(60);
  await machine.must('systemctl restart --no-block worker');
  await until('the job runs', async () =>
    (await machine.must('systemctl show -p Job --value worker')) === '' ? undefined : true,
  );
  expect(await peopleOf('worker')).toEqual([
    { kind: 'unit_job', text: expect.stringMatching(/^systemd works on worker\.service \(job \d+\)$/) },
  ]);
  await machine.must(
    'rm /var/lib/fleet/delay; systemctl stop worker; systemctl reset-failed worker; systemctl start worker',
  );
  expect(await peopleOf('worker')).toEqual([]);
});

test('a package manager at work is told by its lock, not by the files that are always there', async () => {
  const locks = ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock', '/var/lib/apt/lists/lock'];
  for (const file of locks) {
    const script = `use Fcntl qw(F_SETLK F_WRLCK SEEK_SET); open F, ">>", $ARGV[0]; $l = pack("s s l! l! i", F_WRLCK, SEEK_SET, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; $| = 1; print "there"; sleep 100`;
    const holder = await inMachine(`perl -e '${script}' ${file}`);
    const sign = { kind: 'package_manager', text: `perl holds ${file}` };
    expect(await peopleOf()).toEqual([sign]);
    await end(holder);
    await until('the lock is free', isNobodyThere);
  }
  // Another file may have the same inode number on another file system, and is none of ours.
  await machine.must('cp /bin/sleep /usr/local/bin/dnf');
  const dnf = await inMachine('echo there; exec dnf 100');
  await until('dnf is there', async () => ((await isNobodyThere()) === true ? undefined : true));
  expect(await peopleOf()).toEqual([{ kind: 'package_manager', text: 'dnf is running' }]);
  expect((await factsOf({}, asMendd)).people).toEqual([{ kind: 'package_manager', text: 'dnf is running' }]);
  await end(dnf);
  await until('dnf is gone', isNobodyThere);
});

test('hold files are told with their first line, to any account', async () => {
  const run = await guard.run({
    target,
    intent: intentOf('i1', 7),
    script: 'true',
    timeoutMs: 5_000,
    beforeSend: () => undefined,
  });
  expect(run).toMatchObject({ kind: 'ran', exitCode: 0 });
  expect((await factsOf({})).fenceSeen).toBe(7);
  await machine.must(
    `printf 'anna: disk swap\\033[2J until noon\\nmore\\n' >/run/mendd/hold; mkdir /etc/hold.d`,
  );
  const hold = { kind: 'lock_file', text: '/run/mendd/hold: anna: disk swap until noon' };
  const both = [hold, { kind: 'lock_file', text: '/etc/hold.d' }];
  expect((await factsOf({ lockFiles: ['/etc/none', '/etc/hold.d'] })).people).toEqual(both);
  const mendds = await factsOf({ lockFiles: ['/etc/hold.d'] }, asMendd);
  expect(mendds).toMatchObject({ people: both });
  expect(mendds.fenceSeen).toBeUndefined();
  const sudo = await asMendd.facts(target, { people: probe, sudo: { user: 'root' } });
  expect(sudo).toMatchObject({ fenceSeen: 7, people: [hold] });
  await machine.must('rm /run/mendd/hold');
  expect(await peopleOf()).toEqual([]);
});

test('a scheduled shutdown is told until it is called off', async () => {
  await machine.must('shutdown -r +60');
  const sign = {
    kind: 'shutdown_scheduled',
    text: expect.stringMatching(/^reboot at 20\d\d-\d\d-\d\d \d\d:\d\d UTC$/),
  };
  expect(await peopleOf()).toEqual([sign]);
  await machine.must('shutdown -c');
  expect(await peopleOf()).toEqual([]);
});

test('a person at a terminal is told while the login is young; our own sessions are not', async () => {
  const shell = await inMachine('echo there; sleep 100');
  const login = {
    kind: 'login',
    text: expect.stringMatching(/^root on pts\/\d+ from 10\.99\.0\.1, \d+s ago$/),
  };
  expect((await factsOf({ loginWithinMs: 600_000 })).people).toEqual([login]);
  expect(await peopleOf()).toEqual([]);
  await end(shell);
  await until('the terminal is closed', async () => {
    const { people } = await factsOf({ loginWithinMs: 600_000 });
    return people?.length === 0 ? true : undefined;
  });
});

test('the standard evidence of a real machine has every section and stays below its limit', async () => {
  await machine.must(
    'for i in $(seq 300); do logger -t noise "line $i $(head -c 600 /dev/zero | tr \\\\0 x)"; done; journalctl --sync',
  );
  const evidence = { kind: 'standard' } as const;
  const reboot = actionOf('reboot', { kind: 'reboot', backWithinMs: 1, command: 'reboot' }, { evidence });
  const whole = await shown(evidenceScript(reboot));
  expect(sections(whole)).toEqual([
    'load and memory',
    'failed units',
    'journal of system',
    'processes by CPU (%, resident kB, elapsed, user, pid, name)',
    'processes by memory (resident kB, [elapsed,] user, pid, name)',
    'disk space',
    'inodes',
  ]);
  expect(whole.length).toBeLessThan(evidenceBytes);
  expect(whole).toContain('line 300 ');
  expect(whole).toContain('flaky.service');
  const restart = actionOf('restart', { kind: 'systemd_restart', unit: 'worker' }, { evidence });
  const ofUnit = await shown(evidenceScript(restart));
  expect(sections(ofUnit)).toContain('journal of worker');
  expect(ofUnit).toContain('worker.service');
  expect(ofUnit).not.toContain('noise');
});

async function shown(script = ''): Promise<string> {
  const outcome = await machineRunner('root').run({ target, script, timeoutMs: 15_000, purpose: 'action' });
  expect(outcome).toMatchObject({ kind: 'exited', exitCode: 0, stderr: '' });
  return 'stdout' in outcome ? outcome.stdout : '';
}

function sections(text: string): string[] {
  return [...text.matchAll(/^== (.*)$/gm)].map(([, title = '']) => title);
}
