import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Clock, Runner, RunRequest } from '../../core/ports.ts';
import { expectKind, makeRunner, realClock, sshConfig } from '../support/runner.ts';

let directory: string;
let runner: Runner;

const make = (clock: Clock = realClock): Runner => {
  const { identity: _, ...config } = sshConfig({ user: 'x', identity: '', knownHosts: '/nonexistent' });
  return makeRunner(config, { clock });
};
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-local-'));
  runner = make();
});
afterEach(async () => {
  await vi.waitFor(() => expect(processes(), 'a process of the test is left').not.toMatch(/sleep 8[0-9]\./));
});
afterAll(async () => {
  await runner.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The grace of five seconds goes by in one. */
const hastyClock: Clock = {
  ...realClock,
  after: (delayMs, callback) => realClock.after(delayMs === 6_000 ? 2_000 : delayMs, callback),
};

const run = (script: string, changes: Partial<RunRequest> = {}) =>
  runner.run({ target: { kind: 'local' }, script, timeoutMs: 10_000, purpose: 'check', ...changes });

function processes(): string {
  return execFileSync('ps', ['-e', '-o', 'args='], { encoding: 'utf8' });
}

test('runs a script in / with little in its environment and no input', async () => {
  vi.stubEnv('MENDD_TEST_SECRET', 'hunter2');
  const ended = expectKind(await run('pwd; env; cat; echo err >&2; exit 3', { env: { OWN: 'x' } }), 'exited');
  expect(ended).toMatchObject({ exitCode: 3, stderr: 'err\n' });
  expect(ended.stdout).toMatch(/^\/\n/);
  expect(ended.stdout).toContain('OWN=x\n');
  expect(ended.stdout).toContain('LANG=C.UTF-8\n');
  expect(ended.stdout).not.toContain('hunter2');
  vi.unstubAllEnvs();
});

test('input, signals and large output behave as on a host', async () => {
  expect(expectKind(await run('cat', { stdin: 'in' }), 'exited').stdout).toBe('in');
  expect(expectKind(await run('true', { stdin: 'x'.repeat(1_000_000) }), 'exited').exitCode).toBe(0);
  expect(expectKind(await run('kill -SEGV $$'), 'killed').signal).toBe('SIGSEGV');
  const large = expectKind(await run('yes | head -c 20000000; yes | head -c 5000000 >&2'), 'exited');
  expect(large).toMatchObject({ truncated: true });
  expect(large.stdout.length + large.stderr.length).toBe(2 * 65_536);
});

test('at the time limit the whole process group ends', async () => {
  const late = expectKind(
    await run('echo begun; sleep 80.1 & sleep 80.2', { timeoutMs: 1_000 }),
    'timed_out',
  );
  expect(late).toMatchObject({ limitMs: 1_000, stdout: 'begun\n' });
  expect(late.durationMs).toBeLessThan(6_000);
});

test('what ignores TERM is killed after the grace', async () => {
  const own = make(hastyClock);
  const script = "trap '' TERM; sleep 81.1; sleep 81.2; sleep 81.3";
  const outcome = await own.run({ target: { kind: 'local' }, script, timeoutMs: 1_000, purpose: 'check' });
  const late = expectKind(outcome, 'timed_out');
  expect(late.durationMs).toBeGreaterThan(1_800);
  expect(late.durationMs).toBeLessThan(6_000);
  await own.close();
});

test('a background child does not hold the verdict, and lives on', async () => {
  const startMs = performance.now();
  const ended = expectKind(await run('sleep 30 & echo $!; exit 1'), 'exited');
  expect(ended.exitCode).toBe(1);
  expect(performance.now() - startMs).toBeLessThan(8_000);
  process.kill(Number(ended.stdout));
});

test('sudo runs as the other user with environment and limit', async () => {
  const sudo = { user: 'nobody' };
  expect(expectKind(await run('echo "$(id -un) $A"', { sudo, env: { A: "it's" } }), 'exited').stdout).toBe(
    "nobody it's\n",
  );
  expect(expectKind(await run('cat', { sudo, stdin: 'in' }), 'exited').stdout).toBe('in');
  expectKind(await run('sleep 82.1 & sleep 82.2', { sudo, timeoutMs: 200 }), 'timed_out');
});

test('an objection or an abort before the start starts nothing; an abort later kills', async () => {
  const file = join(directory, 'started');
  expect(expectKind(await run(`echo x >${file}`, { beforeSend: () => 'paused' }), 'not_sent').reason).toBe(
    'paused',
  );
  expectKind(await run(`echo x >${file}`, { signal: AbortSignal.abort() }), 'not_sent');
  expect(existsSync(file)).toBe(false);
  const controller = new AbortController();
  const running = run(`echo x >${file}; sleep 83.1 & sleep 83.2`, { signal: controller.signal });
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toBe('x\n'));
  controller.abort();
  expect(expectKind(await running, 'unreachable').failure).toMatchObject({ stage: 'lost', sent: true });
  await vi.waitFor(() => expect(processes()).not.toMatch(/sleep 83\./));
});

test('close() kills what runs and starts nothing more', async () => {
  const own = make();
  const running = own.run({
    target: { kind: 'local' },
    script: 'sleep 84.1',
    timeoutMs: 60_000,
    purpose: 'check',
  });
  await vi.waitFor(() => expect(processes()).toMatch(/sleep 84\.1/));
  await own.close();
  expectKind(await running, 'unreachable');
  expectKind(
    await own.run({ target: { kind: 'local' }, script: 'true', timeoutMs: 1_000, purpose: 'check' }),
    'not_sent',
  );
  await vi.waitFor(() => expect(processes()).not.toMatch(/sleep 84\./));
});

test('a plugin is run from where it is', async () => {
  const plugin = { path: '/usr/bin/true', sha256: 'a'.repeat(64), bytes: 1 };
  expect(expectKind(await run('echo "$MENDD_PLUGIN"', { plugin }), 'exited').stdout).toBe('/usr/bin/true\n');
});
