/** The target guard through the project's own runner: on the ops box, with sudo, and over a real sshd that dies. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { GuardRequest, TargetGuard } from '../../core/guard-port.ts';
import type { Runner, Target } from '../../core/ports.ts';
import type { Intent } from '../../core/types.ts';
import { generateKeyPair } from '../../runner/embedded-host.ts';
import { createTargetGuard } from '../../runner/target-guard.ts';
import { makeRunner, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, type Sshd, sshdMissing, startSshd } from '../support/sshd.ts';

const unused = { user: 'x', identity: generateKeyPair().privateKey, knownHosts: '/dev/null' };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mendd-guard-'));
  return () => rmSync(directory, { recursive: true, force: true });
});

const guardOf = (runner: Runner): TargetGuard =>
  createTargetGuard(runner, { directory: join(directory, 'records'), killGraceMs: 1_000 });

function order(
  target: Target,
  id: string,
  script: string,
  changes: Partial<GuardRequest> = {},
): GuardRequest {
  const intent: Intent = {
    id,
    host: 'web-1',
    ladder: 'r.a',
    action: 'r.a',
    kind: 'command',
    episode: 'e',
    attempt: 1,
    decidedAtMs: 0,
    notAfterMs: 0,
    fence: 1,
    decidedBy: 'rule',
    reason: '',
    command: script,
    revision: '',
    gates: [],
    preconditions: {},
    shard: 0,
  };
  return { target, intent, script, timeoutMs: 20_000, beforeSend: () => undefined, ...changes };
}

/** Counts its starts, says that it is there, and ends with 5 when it may. */
const patient = () =>
  `echo start >>${directory}/starts; until [ -e ${directory}/go ]; do sleep 0.05; done; echo done; exit 5`;
const started = () =>
  vi.waitFor(() => expect(readFileSync(join(directory, 'starts'), 'utf8')).toBe('start\n'));

describe('on the ops box', () => {
  const target: Target = { kind: 'local' };
  const runner = makeRunner(sshConfig(unused));
  afterAll(() => runner.close());

  test('runs, refuses a second time, inspects', async () => {
    const guard = guardOf(runner);
    const request = order(target, 'i1', 'echo "$WHAT"; exit 3', { env: { WHAT: 'it' } });
    expect(await guard.run(request)).toMatchObject({
      kind: 'ran',
      exitCode: 3,
      stdout: 'it\n',
      truncated: false,
    });
    expect(await guard.run(request)).toMatchObject({ kind: 'refused', reason: 'duplicate' });
    expect(await guard.inspect(target, 'i1')).toMatchObject({
      kind: 'finished',
      exitCode: 3,
      stdout: 'it\n',
    });
  });

  test('a change of mind at the last moment sends nothing', async () => {
    const guard = guardOf(runner);
    const outcome = await guard.run(order(target, 'i1', 'true', { beforeSend: () => 'paused' }));
    expect(outcome).toEqual({ kind: 'not_sent', reason: 'paused' });
    expect(existsSync(join(directory, 'records'))).toBe(false);
  });

  test('an abort ends the waiting, not the command', async () => {
    const guard = guardOf(runner);
    const abort = new AbortController();
    const sent = guard.run(order(target, 'i1', patient(), { signal: abort.signal }));
    await started();
    abort.abort();
    expect(await sent).toMatchObject({ kind: 'unknown', failure: { sent: true } });
    expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'running');
    writeFileSync(join(directory, 'go'), '');
    await vi.waitFor(async () =>
      expect(await guard.inspect(target, 'i1')).toMatchObject({ kind: 'finished', exitCode: 5 }),
    );
  });

  const sudo = existsSync('/usr/bin/sudo');
  test.skipIf(!sudo)('a sudo that refuses is a refusal: nothing was started (needs sudo)', async () => {
    const guard = guardOf(runner);
    const request = order(target, 'i1', 'true', { sudo: { user: 'nobody-by-this-name' } });
    expect(await guard.run(request)).toMatchObject({
      kind: 'refused',
      reason: 'unusable',
      message: expect.stringContaining('nobody-by-this-name'),
    });
    expect(await guard.inspect(target, 'i1', { user: 'nobody-by-this-name' })).toMatchObject({
      kind: 'unreachable',
      failure: { sent: false },
    });
  });

  test.skipIf(!sudo || process.getuid?.() !== 0)(
    'the whole guard runs as the sudo user (needs root)',
    async () => {
      const guard = createTargetGuard(runner, {
        directory: join(tmpdir(), `mendd-guard-nobody-${process.pid}`),
      });
      const request = order(target, 'i1', 'id -un', { sudo: { user: 'nobody' } });
      expect(await guard.run(request)).toMatchObject({ kind: 'ran', stdout: 'nobody\n' });
      expect(await guard.inspect(target, 'i1', { user: 'nobody' })).toHaveProperty('kind', 'finished');
      // Root does not trust what belongs to nobody.
      expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'unreachable');
      rmSync(join(tmpdir(), `mendd-guard-nobody-${process.pid}`), { recursive: true });
    },
  );
});

describe.skipIf(sshdMissing)(`over sshd ${sshdMissing ?? ''}`, () => {
  let sshd: Sshd;
  let runner: Runner;
  let target: Target;
  beforeAll(async () => {
    sshd = await startSshd();
    runner = makeRunner(sshConfig(sshd));
    target = { kind: 'ssh', host: sshHost(sshd) };
  });
  afterAll(async () => {
    await runner?.close();
    await removeSshd(sshd);
  });

  test('answers, floods and hangs come through', async () => {
    const guard = guardOf(runner);
    expect(await guard.facts(target)).toMatchObject({ kind: 'facts', uptimeSec: expect.any(Number) });
    const flood = 'yes "" | head -c 400000; yes "" | head -c 400000 >&2; exit 6';
    expect(await guard.run(order(target, 'i1', flood))).toMatchObject({
      kind: 'ran',
      exitCode: 6,
      truncated: true,
      stdout: '\n'.repeat(65_536),
      stderr: '\n'.repeat(65_536),
    });
    const hang = order(target, 'i2', 'echo begin; sleep 1000', { timeoutMs: 2_000 });
    expect(await guard.run(hang)).toMatchObject({ kind: 'timed_out', limitMs: 2_000, stdout: 'begin\n' });
  });

  test('when the connection is lost the action goes on once, and its exit is found after reconnecting', async () => {
    const guard = guardOf(runner);
    const sent = guard.run(order(target, 'i1', patient()));
    await started();
    await sshd.stop();
    expect(await sent).toMatchObject({ kind: 'unknown', failure: { stage: 'lost', sent: true } });
    await sshd.start();
    await vi.waitFor(
      async () => expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'running'),
      { interval: 200 },
    );
    expect(await guard.run(order(target, 'i1', patient()))).toMatchObject({ reason: 'duplicate' });
    expect(await guard.run(order(target, 'i2', patient()))).toMatchObject({ reason: 'busy' });
    writeFileSync(join(directory, 'go'), '');
    await vi.waitFor(async () =>
      expect(await guard.inspect(target, 'i1')).toMatchObject({
        kind: 'finished',
        exitCode: 5,
        stdout: 'done\n',
      }),
    );
    expect(readFileSync(join(directory, 'starts'), 'utf8')).toBe('start\n');
    expect(readFileSync(join(directory, 'records/started.log'), 'utf8')).toBe('i1\n');
  });

  test('a host that is down was sent nothing', async () => {
    const guard = guardOf(makeRunner(sshConfig(sshd)));
    const away: Target = { kind: 'ssh', host: sshHost(sshd, { port: 1 }) };
    expect(await guard.run(order(away, 'i1', 'true'))).toHaveProperty('kind', 'not_sent');
    expect(await guard.inspect(away, 'i1')).toMatchObject({
      kind: 'unreachable',
      failure: { stage: 'connect' },
    });
    expect(await guard.facts(away)).toMatchObject({ kind: 'unreachable', failure: { stage: 'connect' } });
  });
});
