import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runner, RunOutcome, RunRequest } from '../../core/ports.ts';
import { makeRunner, request, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';

let sshd: Sshd;
let runner: Runner;

beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await runner?.close();
  await removeSshd(sshd);
});

const fresh = async (): Promise<Runner> => {
  await runner?.close();
  runner = makeRunner(sshConfig(sshd));
  return runner;
};

const together = (scripts: string[], changes: Partial<RunRequest> = {}): Promise<RunOutcome[]> => {
  const host = sshHost(sshd);
  return Promise.all(
    scripts.map((script) => runner.run(request(host, script, { batch: { parallel: 5 }, ...changes }))),
  );
};

test('checks of one turn share an exec, and each has its own outcome', async () => {
  await fresh();
  const outcomes = await together([
    'echo a; exit 1',
    'echo b >&2; exit 2',
    'echo c',
    'sleep 1; echo d',
    'e',
    'echo f',
  ]);
  expect(runner.batches?.()).toEqual({ execs: 1, checks: 6, again: 0 });
  expect(outcomes).toMatchObject([
    { kind: 'exited', exitCode: 1, stdout: 'a\n' },
    { kind: 'exited', exitCode: 2, stderr: 'b\n' },
    { kind: 'exited', exitCode: 0, stdout: 'c\n' },
    { kind: 'exited', exitCode: 0, stdout: 'd\n' },
    { kind: 'exited', exitCode: 127 },
    { kind: 'exited', exitCode: 0, stdout: 'f\n' },
  ]);
});
