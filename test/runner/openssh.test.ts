import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { HostDefinition, SshConfig } from '../../core/definitions.ts';
import type { Runner } from '../../core/ports.ts';
import type { RunnerOptions } from '../../runner/runner.ts';
import { expectKind, makeRunner, request, secret, sshConfig, sshHost } from '../support/runner.ts';
import { keygen, removeSshd, type Sshd, startSshd } from '../support/sshd.ts';

let sshd: Sshd;
/** Where the runners of this file keep their sockets and keys. */
let scratch: string;
const before = process.env['RUNTIME_DIRECTORY'];
const runners: Runner[] = [];

beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(() => removeSshd(sshd));
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'mendd-o-'));
  process.env['RUNTIME_DIRECTORY'] = scratch;
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.close();
  if (before === undefined) delete process.env['RUNTIME_DIRECTORY'];
  else process.env['RUNTIME_DIRECTORY'] = before;
  rmSync(scratch, { recursive: true, force: true });
});

function make(
  on: Sshd,
  changes: Partial<SshConfig> = {},
  options: Partial<RunnerOptions> = {},
): { runner: Runner; host: HostDefinition } {
  const runner = makeRunner(sshConfig(on, changes), options);
  runners.push(runner);
  return { runner, host: sshHost(on, { transport: 'openssh' }) };
}

async function said({ runner, host }: { runner: Runner; host: HostDefinition }): Promise<string> {
  return expectKind(await runner.run(request(host, 'echo fine')), 'exited').stdout;
}

async function ok(all: { runner: Runner; host: HostDefinition }): Promise<void> {
  expect(await said(all)).toBe('fine\n');
}

async function failed({ runner, host }: { runner: Runner; host: HostDefinition }) {
  return expectKind(await runner.run(request(host, 'echo fine')), 'unreachable').failure;
}

/** Command lines of the `ssh` programs whose sockets are in the scratch directory. */
function programs(): { pid: number; line: string }[] {
  return execFileSync('ps', ['-e', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(scratch) && / ssh /.test(line))
    .map((line) => ({ pid: Number.parseInt(line, 10), line }));
}

test('a certificate of a trusted authority logs in where the bare key does not', async () => {
  const own = await startSshd();
  const file = (name: string): string => join(own.directory, name);
  try {
    keygen(file('authority'), 'ed25519');
    const config = readFileSync(file('sshd_config'), 'utf8').replace(/^AuthorizedKeysFile.*$/m, '');
    writeFileSync(
      file('sshd_config'),
      `${config}AuthorizedKeysFile none\nTrustedUserCAKeys ${file('authority.pub')}\n`,
    );
    await own.stop();
    await own.start();
    execFileSync('ssh-keygen', [
      '-q',
      '-s',
      file('authority'),
      '-I',
      'mendd',
      '-n',
      own.user,
      file('id.pub'),
    ]);
    expect(await failed(make(own))).toMatchObject({ stage: 'auth', sent: false });
    await ok(make(own, { certificates: [file('id-cert.pub')] }));
    const plain = make(own, { certificates: [file('id-cert.pub')] });
    expect(await failed({ ...plain, host: sshHost(own) })).toMatchObject({ stage: 'auth' });
  } finally {
    await removeSshd(own);
  }
});

test('a host that speaks post-quantum key exchange only is reached, as our own client cannot', async () => {
  const own = await startSshd({ config: ['KexAlgorithms sntrup761x25519-sha512@openssh.com'] });
  try {
    const both = make(own);
    expect(await failed({ ...both, host: sshHost(own) })).toMatchObject({ stage: 'connect' });
    await ok(both);
  } finally {
    await removeSshd(own);
  }
});

test('a host certificate is believed when its authority is in known_hosts, another one is not', async () => {
  const own = await startSshd();
  const file = (name: string): string => join(own.directory, name);
  try {
    for (const name of ['authority', 'impostor']) keygen(file(name), 'ed25519');
    const sign = ['-q', '-s', file('authority'), '-I', 'host', '-h', '-n', '127.0.0.1'];
    execFileSync('ssh-keygen', [...sign, file('host_ed25519.pub')]);
    writeFileSync(file('sshd_config'), `HostCertificate ${file('host_ed25519-cert.pub')}\n`, { flag: 'a' });
    await own.stop();
    await own.start();
    const line = (name: string) => `@cert-authority * ${readFileSync(file(`${name}.pub`), 'utf8')}`;
    writeFileSync(file('known_ca'), line('authority'));
    await ok(make(own, { knownHosts: file('known_ca') }));
    writeFileSync(file('known_impostor'), line('impostor'));
    const refused = await failed(make(own, { knownHosts: file('known_impostor') }));
    expect(refused).toMatchObject({ stage: 'host_key', sent: false });
  } finally {
    await removeSshd(own);
  }
});

test('keys of each type are used, with a passphrase too', async () => {
  for (const [type, passphrase] of [
    ['ed25519', 'open sesame'],
    ['rsa', ''],
    ['ecdsa', ''],
  ] as const) {
    const file = join(sshd.directory, `locked_${type}`);
    keygen(file, type, passphrase);
    writeFileSync(join(sshd.directory, 'authorized_keys'), readFileSync(`${file}.pub`), { flag: 'a' });
    const identity = secret(readFileSync(file, 'utf8'));
    const all = make(sshd, { identity, ...(passphrase ? { passphrase: secret(passphrase) } : {}) });
    expect(await said(all)).toBe('fine\n');
  }
});

test('the key is in a file of ours alone while it is needed, and never on a command line', async () => {
  const all = make(sshd, { passphrase: secret('not needed') });
  await ok(all);
  const [directory = ''] = readdirSync(scratch);
  expect(statSync(join(scratch, directory)).mode & 0o777).toBe(0o700);
  const keys = readdirSync(join(scratch, directory)).filter((name) => name.startsWith('k'));
  expect(keys).toHaveLength(1);
  const keyFile = join(scratch, directory, keys[0] ?? '');
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
  const lines = programs();
  expect(lines).toHaveLength(1);
  const secretLine = readFileSync(keyFile, 'utf8').split('\n')[3] ?? '';
  expect(secretLine.length).toBeGreaterThan(20);
  expect(lines[0]?.line).not.toContain(secretLine);
  expect(lines[0]?.line).not.toContain('not needed');
  await all.runner.close();
  expect(readdirSync(scratch)).toEqual([]);
  expect(programs()).toEqual([]);
});

test('an ssh_config is read, and cannot loosen what mendd sets', async () => {
  const config = join(sshd.directory, 'ssh_config');
  const mark = join(sshd.directory, 'local-command');
  writeFileSync(
    config,
    [
      'Host web-1',
      '  Ciphers aes256-gcm@openssh.com',
      '  StrictHostKeyChecking no',
      '  PermitLocalCommand yes',
      `  LocalCommand touch ${mark}`,
      '  RemoteCommand echo intruder',
      '  User nobody',
      '  Port 9',
      '',
    ].join('\n'),
  );
  await ok(make(sshd, { clientConfig: config }));
  expect(existsSync(mark)).toBe(false);
  writeFileSync(join(sshd.directory, 'known_none'), '');
  const unknown = make(sshd, { clientConfig: config, knownHosts: join(sshd.directory, 'known_none') });
  expect(await failed(unknown)).toMatchObject({ stage: 'host_key' });
  writeFileSync(config, 'Host *\n  Ciphers no-such-cipher\n');
  const broken = await failed(make(sshd, { clientConfig: config }));
  expect(broken.message).toContain('no-such-cipher');
  const missing = await failed(make(sshd, { clientConfig: `${config}-missing` }));
  expect(missing.message).toContain('ssh_config-missing');
});

test('a ProxyCommand that outlives its ssh is ended with it', async () => {
  const config = join(sshd.directory, 'proxy_config');
  const proxy = join(sshd.directory, 'proxy.mjs');
  writeFileSync(
    proxy,
    "import net from 'node:net'; const s = net.connect(+process.argv[3], process.argv[2]); process.stdin.pipe(s).pipe(process.stdout); setInterval(() => {}, 1000);",
  );
  writeFileSync(config, `Host *\n  ProxyCommand ${process.execPath} ${proxy} %h %p\n`);
  const all = make(sshd, { clientConfig: config });
  await ok(all);
  const proxies = () =>
    execFileSync('ps', ['-e', '-ww', '-o', 'args='], { encoding: 'utf8' }).includes(`${proxy} 127.0.0.1`);
  expect(proxies()).toBe(true);
  await all.runner.close();
  await vi.waitFor(() => expect(proxies()).toBe(false));
});

test('each way behind a jump host that is reached in the other way', async () => {
  const behind = await startSshd();
  try {
    const known = join(behind.directory, 'known_both');
    writeFileSync(known, readFileSync(sshd.knownHosts, 'utf8') + readFileSync(behind.knownHosts, 'utf8'));
    const keys = readFileSync(join(behind.directory, 'id.pub'));
    writeFileSync(join(sshd.directory, 'authorized_keys'), keys, { flag: 'a' });
    for (const [jump, inner] of [
      ['ssh', 'openssh'],
      ['openssh', 'ssh'],
    ] as const) {
      const bastion = sshHost(sshd, { name: 'bastion', transport: jump });
      const { runner } = make(behind, { knownHosts: known }, { hosts: () => bastion });
      const host = sshHost(behind, { name: 'inner', jump: 'bastion', transport: inner });
      await ok({ runner, host });
      expect(runner.connections().open).toBe(2);
    }
  } finally {
    await removeSshd(behind);
  }
});

test('an ssh that is killed loses its run; one that hangs frees it by the deadline; both are replaced', async () => {
  const all = make(sshd, { connectTimeoutMs: 3_000 });
  await ok(all);
  const mark = join(sshd.directory, 'killed');
  const running = all.runner.run(request(all.host, `echo x >${mark}; sleep 5`));
  await vi.waitFor(() => readFileSync(mark));
  for (const { pid } of programs()) process.kill(pid, 'SIGKILL');
  expect(expectKind(await running, 'unreachable').failure).toMatchObject({ stage: 'lost', sent: true });
  await ok(all);
  const [stopped] = programs();
  process.kill(stopped?.pid ?? 0, 'SIGSTOP');
  expect(await failed(all)).toMatchObject({ stage: 'timeout', sent: false });
  await vi.waitFor(() => expect(programs()).toEqual([]));
  await ok(all);
});

test('a host without the ssh program, or without room for its files, says so', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = scratch;
  try {
    const failure = await failed(make(sshd));
    expect(failure).toMatchObject({ stage: 'connect', sent: false });
    expect(failure.message).toContain('no `ssh` program');
  } finally {
    if (path !== undefined) process.env['PATH'] = path;
  }
});

test('what a crashed daemon left is ended and removed, what a living one uses is not', async () => {
  const living = make(sshd);
  await ok(living);
  const [theirs = ''] = readdirSync(scratch);
  const dead = join(scratch, 'mendd-ssh-dead00');
  mkdirSync(dead, { mode: 0o700 });
  const orphan = startMaster(join(dead, 'c1'));
  const ended = once(orphan, 'exit');
  await vi.waitFor(() => statSync(join(dead, 'c1')));
  writeFileSync(join(dead, 'k2'), 'a key');
  const young = join(scratch, 'mendd-ssh-young0');
  mkdirSync(young, { mode: 0o700 });
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(dead, longAgo, longAgo);
  await ok(make(sshd));
  await ended;
  expect(existsSync(dead)).toBe(false);
  expect(existsSync(young)).toBe(true);
  expect(existsSync(join(scratch, theirs))).toBe(true);
  await ok(living);
});

function startMaster(socket: string): ChildProcess {
  const options = ['-o', `UserKnownHostsFile=${sshd.knownHosts}`, '-o', 'BatchMode=yes'];
  const place = ['-i', sshd.identityFile, '-p', String(sshd.port), sshd.address];
  return spawn('ssh', ['-F', 'none', '-M', '-N', '-n', '-S', socket, ...options, ...place], {
    stdio: 'ignore',
  });
}

test('checks of one host share an exec here too', async () => {
  const { runner, host } = make(sshd);
  await ok({ runner, host });
  const both = await Promise.all(
    [3, 255].map((code) =>
      runner.run(
        request(host, `echo out; echo err >&2; echo $PPID; exit ${code}`, { batch: { parallel: 2 } }),
      ),
    ),
  );
  expect(both.map((outcome) => expectKind(outcome, 'exited').exitCode)).toEqual([3, 255]);
});
