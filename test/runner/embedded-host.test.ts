/** The embedded host, asked by the project's own runner and guard, and by a plain ssh2 client. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Runner, RunOutcome, Target } from '../../core/ports.ts';
import type { Intent } from '../../core/types.ts';
import { type EmbeddedHost, generateKeyPair, startEmbeddedHost } from '../../runner/embedded-host.ts';
import { createTargetGuard } from '../../runner/target-guard.ts';
import { makeRunner, sshConfig, sshHost } from '../support/runner.ts';

const key = generateKeyPair();
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Bed {
  host: EmbeddedHost;
  directory: string;
  runner: Runner;
  target: Target;
  run: (script: string, stdin?: string) => Promise<RunOutcome>;
}

async function bed(name = 'web-1', identity = key.privateKey): Promise<Bed> {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-embedded-'));
  const host = await startEmbeddedHost({ name, authorizedKey: key.publicKey, directory, downMs: 100 });
  const knownHosts = join(directory, 'known_hosts');
  writeFileSync(knownHosts, `${host.hostKeyLine}\n`);
  const login = { user: 'mendd', identity, knownHosts, address: host.address, port: host.port };
  const runner = makeRunner(sshConfig(login));
  const target: Target = { kind: 'ssh', host: sshHost(login, { name }) };
  cleanups.push(async () => {
    await runner.close();
    await host.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const run = (script: string, stdin?: string) =>
    runner.run({
      target,
      script,
      timeoutMs: 10_000,
      purpose: 'check',
      ...(stdin === undefined ? {} : { stdin }),
    });
  return { host, directory, runner, target, run };
}

const exited = (exitCode: number, stdout: unknown = expect.any(String)) =>
  expect.objectContaining({ kind: 'exited', exitCode, stdout });

function intent(id: string, changes: Partial<Intent> = {}): Intent {
  return {
    id,
    host: 'web-1',
    ladder: 'r.a',
    action: 'r.a',
    kind: 'reboot',
    episode: 'e',
    attempt: 1,
    decidedAtMs: 0,
    notAfterMs: 0,
    fence: 1,
    decidedBy: 'rule',
    reason: '',
    command: '',
    revision: '',
    gates: [],
    preconditions: {},
    shard: 0,
    ...changes,
  };
}

test('checks that are due together share one command, and are done at once', async () => {
  const { host, runner, target } = await bed();
  host.breakWorker('crash');
  const ask = (script: string) =>
    runner.run({ target, script, timeoutMs: 10_000, purpose: 'check', batch: { parallel: 2 } });
  await ask('true');
  const before = host.counts().execs;
  const outcomes = await Promise.all([
    ask('echo one'),
    ask('systemctl is-active queue-worker'),
    ask('exit 3'),
  ]);
  expect(outcomes).toEqual([exited(0, 'one\n'), exited(3, 'failed\n'), exited(3, '')]);
  expect(host.counts().execs - before).toBe(1);
});

test('the guard of an embedded host keeps its records there, under both names of the directory', async () => {
  const { run } = await bed();
  const answer = await run('echo /run/mendd; echo /var/run/mendd');
  const [one, other] = 'stdout' in answer ? answer.stdout.trim().split('\n') : [];
  expect(one).not.toBe('/run/mendd');
  expect(other).toBe(one);
});

describe('sessions', () => {
  test('a key that is not authorized is refused', async () => {
    const { run, host } = await bed('web-1', generateKeyPair().privateKey);
    expect(await run('true')).toMatchObject({ kind: 'unreachable', failure: { stage: 'auth', sent: false } });
    expect(host.counts().execs).toBe(0);
  });

  test('knowing the public key is not enough', async () => {
    const { host } = await bed();
    const client = new ssh2.Client();
    const [offered, signing] = [key.publicKey, generateKeyPair().privateKey].map((text) =>
      ssh2.utils.parseKey(text),
    );
    /** Offers the authorized key and signs with another. */
    class Liar extends ssh2.BaseAgent {
      override getIdentities(callback: (error?: Error, keys?: never[]) => void): void {
        callback(undefined, [offered as never]);
      }
      override sign(_key: never, data: Buffer, ...rest: unknown[]): void {
        const callback = rest.at(-1) as (error?: Error, signature?: Buffer) => void;
        callback(undefined, (signing as ssh2.ParsedKey).sign(data));
      }
    }
    const error = await new Promise<Error>((resolve, reject) => {
      client.on('error', resolve).on('ready', () => reject(new Error('it was let in')));
      client.connect({ host: host.address, port: host.port, username: 'any', agent: new Liar() });
    });
    client.end();
    expect(error.message).toMatch(/authentication methods failed/);
  });

  test('a host key that differs from the known one is refused', async () => {
    const { host } = await bed();
    const directory = mkdtempSync(join(tmpdir(), 'mendd-embedded-'));
    const knownHosts = join(directory, 'known_hosts');
    const other = generateKeyPair().publicKey.split(' ').slice(0, 2).join(' ');
    writeFileSync(knownHosts, `[${host.address}]:${host.port} ${other}\n`);
    const login = { user: 'x', identity: key.privateKey, knownHosts, address: host.address, port: host.port };
    const runner = makeRunner(sshConfig(login));
    cleanups.push(() => runner.close());
    const target: Target = { kind: 'ssh', host: sshHost(login) };
    const outcome = await runner.run({ target, script: 'true', timeoutMs: 5_000, purpose: 'check' });
    expect(outcome).toMatchObject({ kind: 'unreachable', failure: { stage: 'host_key' } });
  });

  test('commands have exit codes, both streams, input, and an end although a child goes on', async () => {
    const { run, directory } = await bed();
    expect(await run('echo out; echo err >&2; exit 3')).toMatchObject({
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(await run('pwd; tr a-z A-Z', '/proc/uptime stays ä\n')).toEqual(
      exited(0, `${join(directory, 'home')}\n/PROC/UPTIME STAYS ä\n`),
    );
    expect(await run('sleep 30 & echo quick')).toEqual(exited(0, 'quick\n'));
    expect(await run('yes | head -c 300000 | wc -c')).toEqual(
      exited(0, expect.stringMatching(/^ *300000\n$/)),
    );
    expect(await run('kill -KILL $$')).not.toMatchObject({ exitCode: 0 });
  });

  test('a plain ssh client is served too, and only for commands', async () => {
    const { host } = await bed();
    const client = new ssh2.Client();
    cleanups.push(() => client.end() && undefined);
    await new Promise((resolve, reject) => {
      client.on('error', reject).on('ready', () => resolve(undefined));
      client.connect({ host: host.address, port: host.port, username: 'any', privateKey: key.privateKey });
    });
    const code = await new Promise((resolve, reject) => {
      client.exec('cat >/dev/null; exit 42', (error, channel) => {
        if (error) return reject(error);
        channel.resume().on('exit', resolve);
        channel.end('input');
        return undefined;
      });
    });
    expect(code).toBe(42);
    const refusal = await new Promise((resolve) => {
      client.shell((error) => resolve(error));
    });
    expect(refusal).toBeInstanceOf(Error);
  });

  test('it lives only where scripts need no quotes', async () => {
    const start = startEmbeddedHost({ name: 'x', authorizedKey: key.publicKey, directory: "/tmp/it's" });
    await expect(start).rejects.toThrow(/plain letters/);
  });
});

describe('the machine', () => {
  const state = 'systemctl show --property=LoadState,ActiveState,SubState,Result -- queue-worker';

  test('each host has a boot, an uptime and a /run of its own', async () => {
    const [one, two] = [await bed('web-1'), await bed('web-2')];
    const guards = [createTargetGuard(one.runner), createTargetGuard(two.runner)];
    const facts = [
      await guards[0]?.facts(one.target, { unit: 'queue-worker' }),
      await guards[1]?.facts(two.target),
    ];
    expect(facts[0]).toMatchObject({
      bootId: one.host.bootId(),
      invocationId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(facts[1]).toMatchObject({ kind: 'facts', bootId: two.host.bootId() });
    expect(one.host.bootId()).not.toBe(two.host.bootId());
    for (const fact of facts) expect(fact && 'uptimeSec' in fact ? fact.uptimeSec : 1e9).toBeLessThan(60);
  });

  test('a worker that a person stopped is told, one that crashed is not', async () => {
    const { host, run, runner, target } = await bed();
    const signs = async () => {
      const people = { units: ['queue-worker'], lockFiles: [] };
      const facts = await createTargetGuard(runner).facts(target, { people });
      return facts.kind === 'facts' ? facts.people?.filter(({ kind }) => kind.startsWith('unit')) : facts;
    };
    expect(await signs()).toEqual([]);
    await run('systemctl stop queue-worker');
    expect(await signs()).toEqual([{ kind: 'unit_stopped', text: 'queue-worker.service was stopped' }]);
    await run('systemctl start queue-worker');
    host.breakWorker('crash');
    expect(await signs()).toEqual([]);
  });

  test('a crashed worker is mended by a restart, with a new invocation and one more start', async () => {
    const { host, run } = await bed();
    const invocation = () => run('systemctl show -p InvocationID --value queue-worker.service');
    expect(await run('systemctl is-active queue-worker')).toEqual(exited(0, 'active\n'));
    const before = await invocation();
    host.breakWorker('crash');
    expect(await run(state)).toEqual(
      exited(0, 'LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=signal\n'),
    );
    expect(await run('systemctl is-active -q queue-worker')).toEqual(exited(3, ''));
    expect(await run('sudo -n -u root -- systemctl restart -- queue-worker')).toEqual(exited(0, ''));
    expect(await run(state)).toEqual(
      exited(0, 'LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\n'),
    );
    expect(await invocation()).not.toEqual(before);
    expect(host).toSatisfy(() => host.workerState() === 'active' && host.counts().workerStarts === 2);
    const pid = await run(
      'kill -0 "$(systemctl show -p MainPID --value queue-worker)" && journalctl -n 20 -u queue-worker',
    );
    expect(pid).toEqual(exited(0, expect.stringContaining('Started.')));
  });

  test('a killed process is noticed, stop and start work, unknown units are not found', async () => {
    const { run, host } = await bed();
    await run('kill -9 "$(systemctl show -p MainPID --value queue-worker)"');
    await vi.waitFor(async () => expect(await run('systemctl is-active queue-worker')).toEqual(exited(3)));
    await run('systemctl start queue-worker');
    expect(host.workerState()).toBe('active');
    await run('systemctl stop queue-worker');
    expect(await run('systemctl is-active queue-worker')).toEqual(exited(3, 'inactive\n'));
    expect(await run('systemctl show -p LoadState --value ghost')).toEqual(exited(0, 'not-found\n'));
    expect(await run('systemctl restart ghost')).toEqual(exited(5));
  });

  test('a broken worker takes restarts without effect until the machine reboots', async () => {
    const { host, run } = await bed();
    host.breakWorker('broken');
    expect(await run('systemctl restart queue-worker')).toEqual(exited(0));
    expect(await run('systemctl is-active queue-worker')).toEqual(exited(3, 'failed\n'));
    expect(host.counts().workerStarts).toBe(2);
    await host.reboot();
    expect(await run('systemctl is-active queue-worker')).toEqual(exited(0, 'active\n'));
  });

  test('a flapping worker is the other one each time', async () => {
    const { host, run } = await bed();
    host.setWorkerFlapping(true);
    const seen: unknown[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const outcome = await run('systemctl show --property=ActiveState --value -- queue-worker');
      seen.push('stdout' in outcome && outcome.stdout.trim());
      await run('systemctl show -p InvocationID -- queue-worker');
    }
    expect(seen).toEqual(['failed', 'active', 'failed', 'active']);
    host.setWorkerFlapping(false);
    expect(await run('systemctl is-active queue-worker')).toEqual(exited(0));
  });

  test.each(['systemctl reboot', 'reboot', 'shutdown -r now'])('%s is a reboot', async (command) => {
    const { host, runner, target, run, directory } = await bed();
    const guard = createTargetGuard(runner, { killGraceMs: 1_000 });
    const told: string[] = [];
    host.on('reboot', () => told.push('down'));
    host.on('booted', (bootId) => told.push(bootId));
    const before = host.bootId();
    const records = () => existsSync(join(directory, 'run/mendd/intents/i1'));
    const outcome = await guard.run({
      target,
      intent: intent('i1', { preconditions: { bootId: before } }),
      script: `${command}; sleep 30`,
      timeoutMs: 20_000,
      beforeSend: () => undefined,
    });
    expect(outcome).toMatchObject({ kind: 'unknown', failure: { stage: 'lost', sent: true } });
    await vi.waitFor(() => expect(told).toEqual(['down', host.bootId()]));
    expect(host.bootId()).not.toBe(before);
    expect(host.counts()).toMatchObject({ boots: 2, workerStarts: 2 });
    await vi.waitFor(async () => expect(await run('true')).toEqual(exited(0)));
    if (process.getuid?.() === 0) expect(records()).toBe(false);
    // Of a guarded action that is cut off by the reboot nothing goes on afterwards.
    expect(await guard.inspect(target, 'i1')).toMatchObject({ bootId: host.bootId() });
    const late = await guard.run({
      target,
      intent: intent('i2', { preconditions: { bootId: before } }),
      script: 'true',
      timeoutMs: 5_000,
      beforeSend: () => undefined,
    });
    expect(late).toMatchObject({ kind: 'refused', reason: 'boot_changed' });
  });

  test('nothing of it is left after close', async () => {
    const { host, run, directory } = await bed();
    const worker = await run('systemctl show -p MainPID --value queue-worker');
    const nap = `sleep ${Math.floor(Math.random() * 1e6) + 1e6}`;
    const naps = () =>
      execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' })
        .split('\n')
        .filter((row) => row === nap);
    await run(`setsid ${nap} >/dev/null 2>&1 &`);
    await vi.waitFor(() => expect(naps()).toEqual([nap]));
    await host.close();
    await vi.waitFor(() => expect(naps()).toEqual([]));
    const pid = Number('stdout' in worker ? worker.stdout : Number.NaN);
    const alive = () => existsSync(`/proc/${pid}/environ`) && readFileSync(`/proc/${pid}/environ`).length > 0;
    await vi.waitFor(() => expect(alive()).toBe(false));
    expect(await run('true')).toMatchObject({ kind: 'unreachable' });
    expect(existsSync(directory)).toBe(true);
  });
});

test('a generated key that cannot be read again is thrown away', () => {
  const good = generateKeyPair();
  const pairs = [
    { private: 'unreadable', public: 'x' },
    { private: good.privateKey, public: good.publicKey },
  ];
  expect(generateKeyPair(() => pairs.shift() ?? { private: '', public: '' })).toEqual(good);
  expect(() => generateKeyPair(() => ({ private: 'unreadable', public: 'x' }))).toThrow('none of 10');
});
