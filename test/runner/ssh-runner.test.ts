import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { HostDefinition } from '../../core/definitions.ts';
import type { Runner } from '../../core/ports.ts';
import { expectKind, makeRunner, request, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';

describe.each(['ssh', 'openssh'] as const)('over %s', (transport) => {
  const hostOn = (...[server, changes]: Parameters<typeof sshHost>): HostDefinition =>
    sshHost(server, { transport, ...changes });

  let sshd: Sshd;
  let runner: Runner;

  beforeAll(async () => {
    sshd = await startSshd();
    runner = makeRunner(sshConfig(sshd));
  });
  afterAll(async () => {
    await runner?.close();
    await removeSshd(sshd);
  });

  const run = (script: string, changes: Parameters<typeof request>[2] = {}) =>
    runner.run(request(hostOn(sshd), script, changes));

  test('runs a script and reports its output and exit code', async () => {
    const outcome = await run('echo out; echo err >&2; exit 3');
    expect(expectKind(outcome, 'exited')).toMatchObject({
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
      truncated: false,
    });
  });

  test.each([0, 1, 2, 124, 126, 127, 137, 255])('exit code %i arrives as it is', async (code) => {
    expect(expectKind(await run(`exit ${code}`), 'exited').exitCode).toBe(code);
  });

  test('a script killed by a signal is killed, never an exit code', async () => {
    expect(expectKind(await run('kill -TERM $$'), 'killed').signal).toBe('SIGTERM');
    expect(expectKind(await run('kill -KILL $$'), 'killed').signal).toBe('SIGKILL');
  });

  test('quotes, newlines, dollar signs, backslashes and umlauts survive the way', async () => {
    const text = `it's "quoted" $HOME \`id\` \\n !history ü\nsecond line\t*`;
    const outcome = await run("printf %s \"$TEXT\"; printf %s 'a'\\''b'", { env: { TEXT: text } });
    expect(expectKind(outcome, 'exited').stdout).toBe(`${text}a'b`);
  });

  test('output is in the C locale and standard input is empty', async () => {
    const outcome = await run('echo "$LC_ALL $LANG"; cat; ls /does-not-exist');
    expect(expectKind(outcome, 'exited')).toMatchObject({ stdout: 'C C\n' });
    expect(expectKind(outcome, 'exited').stderr).toContain('No such file or directory');
  });

  test('standard input reaches the script byte for byte', async () => {
    const bytes = new Uint8Array(300_000).map((_, index) => (index * 7) % 256);
    const sum = execFileSync('sha256sum', { input: bytes, encoding: 'utf8' });
    expect(expectKind(await run('sha256sum', { stdin: bytes }), 'exited').stdout).toBe(sum);
    expect(
      expectKind(await run('read -r a; echo "got $a"; cat', { stdin: 'one\ntwo' }), 'exited').stdout,
    ).toBe('got one\ntwo');
  });

  test('neither the script nor the environment is readable in the process list of the login', async () => {
    const outcome = await run('tr "\\0" " " </proc/$PPID/cmdline; ps -e -o args= | grep -c "[h]unter2"', {
      env: { PASSWORD: 'hunter2' },
    });
    expect(expectKind(outcome, 'exited').stdout).toMatch(/0\n$/);
  });

  test('a script longer than one argument may be is run', async () => {
    const outcome = await run(`: ${'x'.repeat(100_000)}\necho done`);
    expect(expectKind(outcome, 'exited').stdout).toBe('done\n');
  });

  test('fifty megabytes are drained and the head is kept', async () => {
    const outcome = await run('yes 0123456789 | head -c 50000000; yes e | head -c 3000000 >&2; exit 2');
    const ended = expectKind(outcome, 'exited');
    expect(ended).toMatchObject({ exitCode: 2, truncated: true });
    expect(ended.stdout.length).toBe(65_536);
    expect(ended.stderr.length).toBe(65_536);
  });

  test('a character is never cut in two', async () => {
    const outcome = await run('printf "aüüü"', { outputBytes: 4 });
    expect(expectKind(outcome, 'exited')).toMatchObject({ stdout: 'aü', truncated: true });
  });

  test('a background child that keeps the channel open does not hold the verdict', async () => {
    const startMs = performance.now();
    const outcome = await run('sleep 20 & echo $!; exit 1');
    const ended = expectKind(outcome, 'exited');
    expect(ended.exitCode).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(8_000);
    process.kill(Number(ended.stdout.trim()));
  });

  test('a time limit is enforced on the host and leaves no process there', async () => {
    const outcome = await run('echo $$; sleep 77.1 & sleep 77.2; echo never', { timeoutMs: 2_000 });
    const late = expectKind(outcome, 'timed_out');
    expect(late.limitMs).toBe(2_000);
    expect(late.stdout).toMatch(/^\d+\n$/);
    await vi.waitFor(() => expect(processes()).not.toMatch(/sleep 77\./));
  });

  test('a script that ends by code 124 in time has not timed out', async () => {
    expect(expectKind(await run('exit 124', { timeoutMs: 5_000 }), 'exited').exitCode).toBe(124);
  });

  test.each(['setsid', 'none'])(
    'hosts without timeout(1) keep the limit by a watchdog (%s)',
    async (kind) => {
      const bare = await bareHost(kind === 'setsid');
      const other = makeRunner(sshConfig(bare));
      const host = hostOn(bare);
      try {
        expect(expectKind(await other.run(request(host, 'echo x; exit 3')), 'exited')).toMatchObject({
          exitCode: 3,
          stdout: 'x\n',
        });
        const piped = await other.run(request(host, 'cat', { stdin: 'through' }));
        expect(expectKind(piped, 'exited').stdout).toBe('through');
        const background = kind === 'setsid' ? 'sleep 78.1 & ' : '';
        const late = await other.run(request(host, `${background}exec sleep 78.2`, { timeoutMs: 300 }));
        expectKind(late, 'timed_out');
        await vi.waitFor(() => expect(processes()).not.toMatch(/sleep 78\./));
      } finally {
        await other.close();
        await removeSshd(bare);
      }
    },
  );

  test('sudo -n runs as the other user, with environment and limit inside', async () => {
    const outcome = await run('echo "$(id -un) $X"', { sudo: { user: 'nobody' }, env: { X: 'y z' } });
    expect(expectKind(outcome, 'exited').stdout).toBe('nobody y z\n');
    const late = await run('sleep 79.1', { sudo: { user: 'nobody' }, timeoutMs: 300 });
    expectKind(late, 'timed_out');
    await vi.waitFor(() => expect(processes()).not.toMatch(/sleep 79\./));
  });

  test('sudo that may not do it ends with its own message', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () => run('echo no', { sudo: { user: 'no-such-user' } })),
    );
    for (const outcome of outcomes) {
      const ended = expectKind(outcome, 'exited');
      expect(ended.exitCode).not.toBe(0);
      expect(ended.stderr).toContain('no-such-user');
    }
  });

  test('one connection serves many runs, and never more at once than the host has channels', async () => {
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, index) => run(`echo ${index}`)));
    expect(outcomes.map((outcome) => expectKind(outcome, 'exited').stdout.trim())).toEqual(
      outcomes.map((_, index) => String(index)),
    );
    expect(runner.connections().open).toBe(1);
  });

  test('a host with MaxSessions 1 gets one run at a time, and all are run once', async () => {
    const narrow = await startSshd({ config: ['MaxSessions 1'] });
    const other = makeRunner(sshConfig(narrow));
    const file = join(narrow.directory, 'runs');
    try {
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          other.run(request(hostOn(narrow), `echo ${index} >>${file}; echo ${index}`)),
        ),
      );
      expect(outcomes.map((outcome) => expectKind(outcome, 'exited').stdout.trim())).toEqual(
        outcomes.map((_, index) => String(index)),
      );
      expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(12);
    } finally {
      await other.close();
      await removeSshd(narrow);
    }
  });

  test('waiting for a channel ends with the time limit of a check, unsent', async () => {
    const other = makeRunner(sshConfig(sshd, { maxSessionsPerHost: 1 }));
    try {
      const mark = join(sshd.directory, 'free-again');
      const long = other.run(request(hostOn(sshd), `until [ -e ${mark} ]; do sleep 0.1; done`));
      await vi.waitFor(() => expect(other.connections().open).toBe(1));
      const outcome = await other.run(request(hostOn(sshd), 'echo late', { timeoutMs: 200 }));
      expect(expectKind(outcome, 'not_sent').reason).toContain('no free channel within 0.2 s');
      writeFileSync(mark, '');
      expectKind(await long, 'exited');
      rmSync(mark);
    } finally {
      await other.close();
    }
  });

  test('beforeSend is asked once, at the end, and its objection means nothing was run', async () => {
    const file = join(sshd.directory, 'before-send');
    const refused = await run(`echo ran >${file}`, { purpose: 'action', beforeSend: () => 'paused' });
    expect(expectKind(refused, 'not_sent').reason).toBe('paused');
    const asked = vi.fn<() => undefined>(() => undefined);
    expectKind(await run(`test ! -e ${file}`, { beforeSend: asked }), 'exited');
    expect(asked).toHaveBeenCalledTimes(1);
    await expect(
      run(`echo ran >${file}`, {
        beforeSend: () => {
          throw new Error('ledger cannot be written');
        },
      }),
    ).rejects.toThrow('ledger cannot be written');
    expect(expectKind(await run(`test ! -e ${file}`), 'exited').exitCode).toBe(0);
  });

  test('an abort before sending sends nothing, one while running leaves the outcome open', async () => {
    const early = await run('echo no', { signal: AbortSignal.abort() });
    expectKind(early, 'not_sent');
    const controller = new AbortController();
    const file = join(sshd.directory, 'aborted');
    const running = run(`echo started >${file}; sleep 30`, { signal: controller.signal, timeoutMs: 10_000 });
    await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toBe('started\n'));
    controller.abort();
    expect(expectKind(await running, 'unreachable').failure).toMatchObject({ stage: 'lost', sent: true });
  });

  test('what no shell can be told is not sent', async () => {
    expectKind(await run('echo a\0b'), 'not_sent');
    expectKind(await run('echo', { env: { 'A B': 'x' } }), 'not_sent');
    expectKind(await run('echo', { env: { A: 'x\0' } }), 'not_sent');
    expectKind(await run(`: ${'x'.repeat(131_070)}`), 'not_sent');
    expectKind(await run('echo', { env: { A: 'x'.repeat(131_070) } }), 'not_sent');
    expect(expectKind(await run(`: ${'x'.repeat(131_069)}`), 'exited').exitCode).toBe(0);
    expect(expectKind(await run('true', { env: { A: 'x'.repeat(131_069) } }), 'exited').exitCode).toBe(0);
  });
});

/** An sshd whose sessions find only these programs. */
async function bareHost(withSetsid: boolean): Promise<Sshd> {
  const bare = await startSshd({ env: { PATH: '/tmp/mendd-replaced-below' } });
  await bare.stop();
  const path = join(bare.directory, 'bin');
  mkdirSync(path);
  for (const name of ['sleep', 'cat', 'dd', ...(withSetsid ? ['setsid'] : [])]) {
    const found = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    symlinkSync(found.trim(), join(path, name));
  }
  const config = join(bare.directory, 'sshd_config');
  writeFileSync(config, readFileSync(config, 'utf8').replace('/tmp/mendd-replaced-below', path));
  await bare.start();
  return bare;
}

function processes(): string {
  return execFileSync('ps', ['-e', '-o', 'args='], { encoding: 'utf8' });
}
