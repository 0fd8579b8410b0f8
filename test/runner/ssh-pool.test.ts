import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Definitions, HostDefinition, SshConfig } from '../../core/definitions.ts';
import type { Runner } from '../../core/ports.ts';
import type { HostKeyChange } from '../../runner/host-keys.ts';
import type { RunnerOptions } from '../../runner/runner.ts';
import { expectKind, makeRunner, realClock, request, secret, sshConfig, sshHost } from '../support/runner.ts';
import { freePort, keygen, removeSshd, type Sshd, startSshd } from '../support/sshd.ts';

describe.each(['ssh', 'openssh'] as const)('over %s', (transport) => {
  const hostOn = (...[server, changes]: Parameters<typeof sshHost>): HostDefinition =>
    sshHost(server, { transport, ...changes });

  let sshd: Sshd;
  const runners: Runner[] = [];

  beforeAll(async () => {
    sshd = await startSshd({ listen: '0.0.0.0', hostKeyTypes: ['rsa', 'ed25519'] });
  });
  afterAll(() => removeSshd(sshd));
  afterEach(async () => {
    for (const runner of runners.splice(0)) await runner.close();
  });

  function make(
    changes: Partial<SshConfig> = {},
    options: Partial<RunnerOptions> = {},
    on: Sshd = sshd,
  ): Runner {
    const runner = makeRunner(sshConfig(on, changes), options);
    runners.push(runner);
    return runner;
  }

  const file = (name: string): string => join(sshd.directory, name);
  const ok = async (runner: Runner, host: HostDefinition = hostOn(sshd)): Promise<void> => {
    expect(expectKind(await runner.run(request(host, 'echo fine')), 'exited').stdout).toBe('fine\n');
  };
  const failed = async (runner: Runner, host: HostDefinition = hostOn(sshd)) =>
    expectKind(await runner.run(request(host, 'echo fine')), 'unreachable').failure;

  test('a name that does not resolve is dns, a closed port is connect', async () => {
    const runner = make();
    const nowhere = hostOn(sshd, { address: 'no-such-host.invalid' });
    expect(await failed(runner, nowhere)).toMatchObject({ stage: 'dns', sent: false });
    const closed = hostOn(sshd, { name: 'closed', port: await freePort() });
    expect(await failed(runner, closed)).toMatchObject({ stage: 'connect', sent: false });
  });

  test('a key the host does not know is an auth failure', async () => {
    rmSync(file('other'), { force: true });
    keygen(file('other'), 'ed25519');
    const runner = make({ identity: secret(readFileSync(file('other'), 'utf8')) });
    expect(await failed(runner)).toMatchObject({ stage: 'auth', sent: false });
  });

  test('no key at all is an auth failure that says so', async () => {
    const { identity: _, ...config } = sshConfig(sshd);
    const runner = makeRunner(config);
    runners.push(runner);
    expect((await failed(runner)).message).toContain('no key');
  });

  test('RSA keys log in with SHA-2 signatures, and a known RSA host key is enough', async () => {
    rmSync(file('rsa'), { force: true });
    keygen(file('rsa'), 'rsa');
    writeFileSync(file('authorized_keys'), readFileSync(file('rsa.pub')), { flag: 'a' });
    const rsaOnly = sshd.hostKeys.filter((key) => key.startsWith('ssh-rsa'));
    writeFileSync(file('known_rsa'), `[127.0.0.1]:${sshd.port} ${rsaOnly[0]}\n`);
    const runner = make({
      identity: secret(readFileSync(file('rsa'), 'utf8')),
      knownHosts: file('known_rsa'),
    });
    await ok(runner);
    expect(runner.connections().open).toBe(1);
  });

  test('a key with a passphrase works with it, and is refused at the start without', async () => {
    rmSync(file('locked'), { force: true });
    keygen(file('locked'), 'ed25519', 'open sesame');
    writeFileSync(file('authorized_keys'), readFileSync(file('locked.pub')), { flag: 'a' });
    const identity = secret(readFileSync(file('locked'), 'utf8'));
    await ok(make({ identity, passphrase: secret('open sesame') }));
    expect(() => make({ identity })).toThrow(expect.objectContaining({ code: 'KEY_UNUSABLE' }));
    expect(() => make({ identity, passphrase: secret('wrong') })).toThrow(
      expect.objectContaining({ code: 'KEY_UNUSABLE' }),
    );
    expect(() => make({ identity: secret('not a key') })).toThrow(
      expect.objectContaining({ code: 'KEY_UNUSABLE' }),
    );
    expect(() => make({ identity: secret(readFileSync(file('id.pub'), 'utf8')) })).toThrow(
      /not a private key/,
    );
  });

  test('the agent logs in; an agent that is not there is said at the start', async () => {
    const agentSocket = file('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', agentSocket], { stdio: 'ignore' });
    try {
      await vi.waitFor(() => statSync(agentSocket));
      execFileSync('ssh-add', ['-q', sshd.identityFile], {
        env: { ...process.env, SSH_AUTH_SOCK: agentSocket },
        stdio: 'ignore',
      });
      const { identity: _, ...config } = sshConfig(sshd, { agent: true });
      const runner = makeRunner(config, { agentSocket });
      runners.push(runner);
      await ok(runner);
    } finally {
      agent.kill();
    }
    const dead = make(
      { agent: true, identity: secret(readFileSync(file('other'), 'utf8')) },
      { agentSocket },
    );
    const failure = await failed(dead);
    expect(failure.stage).toBe('auth');
    expect(failure.message).toContain('agent');
    expect(() => make({ agent: true }, { agentSocket: '' })).toThrow(/SSH_AUTH_SOCK/);
  });

  test('strict: a host that is not known is refused, with its fingerprint', async () => {
    writeFileSync(file('known_none'), '# empty\n');
    const failure = await failed(make({ knownHosts: file('known_none') }));
    expect(failure.stage).toBe('host_key');
    expect(failure.message).toContain('SHA256:');
    expect(await failed(make({ knownHosts: file('missing') }))).toMatchObject({ stage: 'host_key' });
  });

  test('hashed names, wildcards and negation are read as ssh reads them', async () => {
    const known = readFileSync(sshd.knownHosts, 'utf8');
    writeFileSync(file('known_hashed'), known);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file('known_hashed')], { stdio: 'ignore' });
    expect(readFileSync(file('known_hashed'), 'utf8')).toContain('|1|');
    await ok(make({ knownHosts: file('known_hashed') }));
    const key = sshd.hostKeys[0];
    writeFileSync(file('known_wild'), `[127.0.0.*]:${sshd.port} ${key}\n`);
    await ok(make({ knownHosts: file('known_wild') }));
    writeFileSync(file('known_negated'), `![127.0.0.1]:${sshd.port},[127.*]:${sshd.port} ${key}\n`);
    expect(await failed(make({ knownHosts: file('known_negated') }))).toMatchObject({ stage: 'host_key' });
  });

  test('@revoked is refused, @cert-authority alone is explained', async () => {
    const place = `[127.0.0.1]:${sshd.port}`;
    const [key] = sshd.hostKeys;
    const each = sshd.hostKeys.map((one) => `${place} ${one}\n@revoked * ${one}\n`);
    writeFileSync(file('known_revoked'), each.join(''));
    expect((await failed(make({ knownHosts: file('known_revoked') }))).message).toContain('@revoked');
    writeFileSync(file('known_ca'), `@cert-authority ${place} ${key}\n`);
    expect((await failed(make({ knownHosts: file('known_ca') }))).message).toContain('@cert-authority');
  });

  test('accept_new records a new key once and holds the host to it', async () => {
    const knownHosts = file('known_new');
    rmSync(knownHosts, { force: true });
    await ok(make({ knownHosts, hostKeys: 'accept_new' }));
    const recorded = readFileSync(knownHosts, 'utf8');
    expect(recorded.split('\n').filter(Boolean)).toHaveLength(1);
    expect(statSync(knownHosts).mode & 0o777).toBe(0o600);
    execFileSync('ssh-keygen', ['-F', `[127.0.0.1]:${sshd.port}`, '-f', knownHosts]);
    await ok(make({ knownHosts, hostKeys: 'accept_new' }));
    await ok(make({ knownHosts }));
    expect(readFileSync(knownHosts, 'utf8')).toBe(recorded);
  });

  test.each(['strict', 'accept_new'] as const)(
    '%s: a changed key is refused, reported, and never replaced',
    async (hostKeys) => {
      rmSync(file('wrong'), { force: true });
      keygen(file('wrong'), 'ed25519');
      const wrong = readFileSync(file('wrong.pub'), 'utf8');
      writeFileSync(file('known_wrong'), `# comment\n[127.0.0.1]:${sshd.port} ${wrong}`);
      const onHostKeyChange = vi.fn<(host: string, change: HostKeyChange) => void>();
      const runner = make({ knownHosts: file('known_wrong'), hostKeys }, { onHostKeyChange });
      const failure = await failed(runner);
      expect(failure.stage).toBe('host_key');
      expect(failure.message).toContain('changed');
      expect(onHostKeyChange).toHaveBeenCalledTimes(1);
      const fingerprints = execFileSync('ssh-keygen', ['-lf', file('host_ed25519.pub')], {
        encoding: 'utf8',
      });
      expect(onHostKeyChange.mock.calls[0]?.[0]).toBe('web-1');
      const change = onHostKeyChange.mock.calls[0]?.[1];
      expect(change).toMatchObject({ port: sshd.port, known: [{ type: 'ssh-ed25519', line: 2 }] });
      expect(fingerprints).toContain(change?.presented.fingerprint);
      expect(readFileSync(file('known_wrong'), 'utf8')).toBe(`# comment\n[127.0.0.1]:${sshd.port} ${wrong}`);
    },
  );

  test.each(['strict', 'accept_new'] as const)(
    '%s: a key of another type than the known one is no new key',
    async (hostKeys) => {
      const only = await startSshd({ hostKeyTypes: ['ecdsa'] });
      try {
        writeFileSync(file('known_type'), `[127.0.0.1]:${only.port} ${sshd.hostKeys[1]}\n`);
        const failure = await failed(
          make({ knownHosts: file('known_type'), hostKeys }, {}, only),
          hostOn(only),
        );
        expect(failure).toMatchObject({ stage: 'host_key', sent: false });
        expect(failure.message).toContain('none of the host key types');
      } finally {
        await removeSshd(only);
      }
    },
  );

  test('while backing off the last failure is given at once, without another attempt', async () => {
    const onHostKeyChange = vi.fn<(host: string) => void>();
    const clock = { ...realClock, monotonicMs: () => 0 };
    const runner = make({ knownHosts: file('known_wrong') }, { onHostKeyChange, clock, random: () => 0.999 });
    const first = await failed(runner);
    const startMs = performance.now();
    for (let count = 0; count < 20; count += 1) expect(await failed(runner)).toEqual(first);
    // Each would wait for a second.
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(onHostKeyChange).toHaveBeenCalledTimes(1);
  });

  test('each failure doubles the span the next attempt is drawn from, up to thirty seconds', async () => {
    let connections = 0;
    const hangUp = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    const port = await freePort();
    hangUp.listen(port, '127.0.0.1');
    await once(hangUp, 'listening');
    try {
      let addedMs = 0;
      const clock = { ...realClock, monotonicMs: () => addedMs, nowMs: () => addedMs };
      const runner = make({}, { clock, random: () => 0.5 });
      const host = hostOn(sshd, { port });
      const spansMs = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
      for (const [index, spanMs] of spansMs.entries()) {
        const triedAtMs = addedMs;
        expect(await runner.run(request(host, 'true'))).toMatchObject({ startedAtMs: triedAtMs });
        expect(connections).toBe(index + 1);
        addedMs += spanMs / 2 - 1;
        // No answer of now: the attempt that failed is told once more, with its time.
        expect(await runner.run(request(host, 'true'))).toMatchObject({
          kind: 'unreachable',
          startedAtMs: triedAtMs,
        });
        expect(connections).toBe(index + 1);
        addedMs += 1;
      }
    } finally {
      hangUp.close();
    }
  });

  test('many requests share one attempt', async () => {
    const runner = make();
    await Promise.all(Array.from({ length: 8 }, () => ok(runner)));
    expect(runner.connections()).toMatchObject({ open: 1, connecting: 0, waiting: 0 });
    expect(sshd.sessions().length).toBeGreaterThan(0);
  });

  test('a connection killed while a command runs is lost, may have run, and the next run reconnects', async () => {
    const own = await startSshd();
    try {
      const runner = make({}, {}, own);
      const host = hostOn(own);
      await ok(runner, host);
      const mark = join(own.directory, 'mark');
      const running = runner.run(request(host, `echo x >${mark}; sleep 5`));
      await vi.waitFor(() => readFileSync(mark));
      for (const pid of own.sessions()) process.kill(pid, 'SIGKILL');
      expect(expectKind(await running, 'unreachable').failure).toMatchObject({ stage: 'lost', sent: true });
      await ok(runner, host);
      await own.stop();
      expect(await failed(runner, host)).toMatchObject({ stage: 'connect', sent: false });
      await own.start();
      await vi.waitFor(() => ok(runner, host));
    } finally {
      await removeSshd(own);
    }
  });

  test('a host that was stopped in its tracks frees its run by the deadline', async () => {
    const own = await startSshd();
    const runner = make({ connectTimeoutMs: 2_000 }, {}, own);
    const host = hostOn(own);
    await ok(runner, host);
    const stopped = own.sessions();
    try {
      for (const pid of stopped) process.kill(pid, 'SIGSTOP');
      expect(await failed(runner, host)).toMatchObject({ stage: 'timeout', sent: false });
      expect(runner.connections().open).toBe(0);
    } finally {
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
      await removeSshd(own);
    }
  });

  test('actions use their own key and connection when they have one', async () => {
    const runner = make({
      actionIdentity: secret(readFileSync(file('locked'), 'utf8')),
      passphrase: secret('open sesame'),
    });
    await ok(runner);
    expectKind(await runner.run(request(hostOn(sshd), 'true', { purpose: 'action' })), 'exited');
    expect(runner.connections().open).toBe(2);
    const shared = make();
    await ok(shared);
    expectKind(await shared.run(request(hostOn(sshd), 'true', { purpose: 'action' })), 'exited');
    expect(shared.connections().open).toBe(1);
  });

  test('a host behind a jump host is reached through it', async () => {
    const behind = await startSshd();
    try {
      const bastion = hostOn(sshd, { name: 'bastion' });
      writeFileSync(
        file('known_both'),
        readFileSync(sshd.knownHosts, 'utf8') + readFileSync(behind.knownHosts, 'utf8'),
      );
      writeFileSync(file('authorized_both'), readFileSync(join(behind.directory, 'id.pub')));
      writeFileSync(file('authorized_keys'), readFileSync(join(behind.directory, 'id.pub')), { flag: 'a' });
      const runner = make(
        { identity: secret(behind.identity), knownHosts: file('known_both') },
        { hosts: () => bastion },
      );
      const host = hostOn(behind, { name: 'inner', jump: 'bastion' });
      const outcome = await runner.run(request(host, 'echo "$SSH_CONNECTION"'));
      expect(expectKind(outcome, 'exited').stdout).toContain(` ${behind.port}\n`);
      expect(runner.connections().open).toBe(2);
      const closed = hostOn(behind, { name: 'closed', jump: 'bastion', port: await freePort() });
      expect(await failed(runner, closed)).toMatchObject({ stage: 'connect' });
      for (const pid of sshd.sessions()) process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(runner.connections().open).toBe(0));
      await ok(runner, host);
    } finally {
      await removeSshd(behind);
    }
  });

  test('jump hosts in a circle, or unknown ones, are named', async () => {
    const hosts: Record<string, HostDefinition> = {
      a: hostOn(sshd, { name: 'a', jump: 'b' }),
      b: hostOn(sshd, { name: 'b', jump: 'a' }),
      c: hostOn(sshd, { name: 'c', jump: 'nobody' }),
    };
    const runner = make({}, { hosts: (name) => hosts[name] });
    expect((await failed(runner, hosts['a'])).message).toContain('a -> b -> a');
    expect((await failed(runner, hosts['c'])).message).toContain('nobody');
  });

  test('at the limit of connections the idle one makes room', async () => {
    const runner = make({ maxConnections: 2, hostKeys: 'accept_new', knownHosts: file('known_many') });
    for (const last of [11, 12, 13, 14]) {
      await ok(runner, hostOn(sshd, { name: `h${last}`, address: `127.0.0.${last}` }));
      expect(runner.connections().open).toBeLessThanOrEqual(2);
    }
  });

  test('when all connections are busy a check waits its time and is not sent', async () => {
    const runner = make({ maxConnections: 1, hostKeys: 'accept_new', knownHosts: file('known_many') });
    const mark = file('not-any-more-busy');
    const busy = hostOn(sshd, { name: 'h11', address: '127.0.0.11' });
    const long = runner.run(request(busy, `until [ -e ${mark} ]; do sleep 0.1; done`));
    await vi.waitFor(() => expect(runner.connections().open).toBe(1));
    const other = hostOn(sshd, { name: 'h12', address: '127.0.0.12' });
    const outcome = await runner.run(request(other, 'echo', { timeoutMs: 150 }));
    expect(expectKind(outcome, 'not_sent').reason).toContain('no connection could be started within 0.15 s');
    writeFileSync(mark, '');
    expectKind(await long, 'exited');
    rmSync(mark);
  });

  test('connections start no faster than the configured rate', async () => {
    const runner = make({ connectRatePerSec: 20, hostKeys: 'accept_new', knownHosts: file('known_rate') });
    const startMs = performance.now();
    await Promise.all(
      [21, 22, 23, 24, 25].map((last) =>
        ok(runner, hostOn(sshd, { name: `r${last}`, address: `127.0.0.${last}` })),
      ),
    );
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(4 * 50 - 5);
  });

  test('an update drops hosts that are gone or moved, and keeps the others', async () => {
    const runner = make({ hostKeys: 'accept_new', knownHosts: file('known_update') });
    const [stays, moves, goes] = [31, 32, 33].map((last) =>
      hostOn(sshd, { name: `u${last}`, address: `127.0.0.${last}` }),
    ) as [HostDefinition, HostDefinition, HostDefinition];
    for (const host of [stays, moves, goes]) await ok(runner, host);
    const moved = { ...moves, address: '127.0.0.34' };
    const config = sshConfig(sshd, { hostKeys: 'accept_new', knownHosts: file('known_update') });
    const definitions = (hosts: HostDefinition[]) =>
      ({
        daemon: { ssh: config },
        hosts: new Map(hosts.map((host) => [host.name, host])),
      }) as unknown as Definitions;
    const running = runner.run(request(goes, 'sleep 0.5; echo ended'));
    await vi.waitFor(() => expect(runner.connections().open).toBe(3));
    runner.update(definitions([stays, moved]));
    expect(expectKind(await running, 'exited').stdout).toBe('ended\n');
    await vi.waitFor(() => expect(runner.connections().open).toBe(1));
    await ok(runner, moved);
    expect(runner.connections().open).toBe(2);
  });
});
