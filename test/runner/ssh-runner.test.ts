import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runner } from '../../core/ports.ts';
import { expectKind, makeRunner, request, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';

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

test('runs a script and reports its output and exit code', async () => {
  const outcome = await runner.run(request(sshHost(sshd), 'echo out; echo err >&2; exit 3'));
  expect(expectKind(outcome, 'exited')).toMatchObject({
    exitCode: 3,
    stdout: 'out\n',
    stderr: 'err\n',
    truncated: false,
  });
});
