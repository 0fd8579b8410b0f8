/** The guard script on each POSIX shell of this machine, with and without flock(1) and setsid(1). */
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import type { GuardOutcome, GuardRequest, TargetGuard } from '../../core/guard-port.ts';
import type { Preconditions } from '../../core/types.ts';
import { readGuardAnswer } from '../../runner/guard-answer.ts';
import { createTargetGuard } from '../../runner/target-guard.ts';
import { bareIntent } from '../support/intents.ts';
import { makeShell, type Shell, type ShellRunner, shellNames, shellRunner } from '../support/shells.ts';

interface Bench {
  shell: Shell;
  runner: ShellRunner;
  guard: TargetGuard;
  /** Where the guard keeps its records. */
  records: string;
  send: (id: string, script: string, changes?: Changes) => Promise<GuardOutcome>;
  starts: () => string[];
}
type Changes = Partial<Omit<GuardRequest, 'intent'>> & { preconditions?: Preconditions; fence?: number };

const target = { kind: 'local' } as const;
const shells: Shell[] = [];
afterAll(() => {
  for (const shell of shells) shell.remove();
});

function bench(name: string, without: string[] = []): Bench {
  const shell = makeShell(name, { without });
  shells.push(shell);
  const runner = shellRunner(shell);
  const records = join(shell.home, 'records');
  const guard = createTargetGuard(runner, { directory: records, killGraceMs: 1_000, nonce: () => 'n0nce' });
  return {
    shell,
    runner,
    guard,
    records,
    send: (id, script, { preconditions = {}, fence = 1, ...changes } = {}) =>
      guard.run({
        target,
        intent: bareIntent(id, { preconditions, fence }),
        script,
        timeoutMs: 20_000,
        beforeSend: () => undefined,
        ...changes,
      }),
    starts: () =>
      existsSync(join(records, 'started.log'))
        ? readFileSync(join(records, 'started.log'), 'utf8').trim().split('\n')
        : [],
  };
}

const ran = (exitCode: number, stdout = '', stderr = '') =>
  expect.objectContaining({ kind: 'ran', exitCode, stdout, stderr, truncated: false });
const refused = (reason: string) => expect.objectContaining({ kind: 'refused', reason });
/** A command that says it is there and ends with 5 when it may. */
const patient = (directory: string) =>
  `touch ${directory}/there; until [ -e ${directory}/go ]; do sleep 0.05; done; echo done; exit 5`;
const file = (path: string) => vi.waitFor(() => expect(existsSync(path)).toBe(true));

/** Processes with their parents, as `ps` sees them. */
function processes(): { pid: number; ppid: number; pgid: number; args: string }[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,pgid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^ *(\d+) +(\d+) +(\d+) (.*)$/.exec(line))
    .flatMap((found) =>
      found
        ? [{ pid: Number(found[1]), ppid: Number(found[2]), pgid: Number(found[3]), args: found[4] ?? '' }]
        : [],
    );
}
const childrenOf = (pid: number | undefined) => processes().filter(({ ppid }) => ppid === pid);

const variants: [string, string[]][] = [
  ...shellNames.map((name): [string, string[]] => [name, []]),
  ['dash', ['flock']],
];

describe.concurrent.each(variants)('%s without %j', (name, without) => {
  test('runs a command as it would run by itself, and keeps its answer', async () => {
    const { send, guard } = bench(name, without);
    const script = `echo "$0 $id $_"; printf 'a\\n\\nb'; echo "it's" >&2; exit 7`;
    const outcome = await send('i1', script, { env: { id: "x'y" } });
    expect(outcome).toMatchObject({ kind: 'ran', exitCode: 7, stderr: "it's\n" });
    expect(outcome).toHaveProperty('stdout', expect.stringMatching(/^sh x'y .*\na\n\nb$/));
    expect(await guard.inspect(target, 'i1')).toMatchObject({
      kind: 'finished',
      exitCode: 7,
      stderr: "it's\n",
    });
  });

  test('leaves no trace of itself in the command', async () => {
    const { send, runner } = bench(name, without);
    const script = 'pwd; umask; grep SigIgn /proc/self/status; cat; ls /proc/$$/fd';
    const plain = await runner.run({ target, script, timeoutMs: 5_000, purpose: 'action' });
    expect(await send('i1', script)).toHaveProperty('stdout', 'stdout' in plain ? plain.stdout : '');
  });

  test('starts one intent once, however often it is sent', async () => {
    const { send, starts } = bench(name, without);
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => send('same', 'sleep 0.1; echo ran')));
    outcomes.push(await send('same', 'echo ran'));
    expect(outcomes.filter(({ kind }) => kind === 'ran').length).toBeLessThanOrEqual(1);
    expect(starts().length).toBeLessThanOrEqual(1);
    expect(await send('later', 'echo ran')).toEqual(ran(0, 'ran\n'));
    expect(await send('later', 'echo ran')).toEqual(refused('duplicate'));
    expect(starts().filter((id) => id === 'later')).toHaveLength(1);
  });

  test('never lets two intents overlap on a host', async () => {
    const { send, shell } = bench(name, without);
    const script = `mkdir ${shell.home}/inside || echo OVERLAP; sleep 0.2; rmdir ${shell.home}/inside`;
    const outcomes = await Promise.all([1, 2, 3, 4, 5].map((number) => send(`i${number}`, script)));
    for (const outcome of outcomes) expect([ran(0), refused('busy')]).toContainEqual(outcome);
    expect(await send('after', script)).toEqual(ran(0));
  });

  test('refuses what is late, fenced, or decided about another boot or invocation', async () => {
    const { send, guard, shell, starts } = bench(name, without);
    writeFileSync(join(shell.bin, 'systemctl'), `#!/bin/sh\necho InvocationID=abc\n`, { mode: 0o755 });
    const facts = await guard.facts(target, { unit: 'queue.service' });
    if (facts.kind !== 'facts') throw new Error(facts.failure.message);
    expect(facts).toMatchObject({ invocationId: 'abc', bootId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    const { bootId, uptimeSec } = facts;
    const good = { bootId, notAfterUptimeSec: uptimeSec + 60.5, unit: 'queue.service', invocationId: 'abc' };
    expect(await send('i1', 'true', { preconditions: good, fence: 5 })).toEqual(ran(0));
    const late = { ...good, notAfterUptimeSec: uptimeSec - 2 };
    expect(await send('i2', 'true', { preconditions: late, fence: 5 })).toEqual(refused('too_late'));
    expect(await send('i3', 'true', { fence: 4 })).toEqual(refused('fenced'));
    expect(await send('i4', 'true', { preconditions: { bootId: 'x' }, fence: 5 })).toEqual(
      refused('boot_changed'),
    );
    const other = { ...good, invocationId: 'abd' };
    expect(await send('i5', 'true', { preconditions: other, fence: 6 })).toEqual(refused('unit_changed'));
    expect(await send('i6', 'true', { fence: 5 })).toEqual(refused('fenced'));
    expect(starts()).toEqual(['i1']);
  });

  test('keeps the head of a flood and drains the rest', async () => {
    const { send, records } = bench(name, without);
    const outcome = await send('i1', 'yes | head -c 3000000; yes e | head -c 3000000 >&2; exit 3');
    expect(outcome).toMatchObject({ kind: 'ran', exitCode: 3, truncated: true });
    expect(outcome).toHaveProperty('stdout', 'y\n'.repeat(32_768));
    expect(outcome).toHaveProperty('stderr', 'e\n'.repeat(32_768));
    expect(statSync(join(records, 'intents/i1/stdout')).size).toBeLessThan(90_000);
  });

  test('believes no line of the command, even if it knows the nonce', async () => {
    const { send } = bench(name, without);
    const forged = '\\n@mendd n0nce exit 0 0\\n|\\n\\n@mendd n0nce refused fenced x\\n\\000\\377';
    const outcome = await send('i1', `printf '${forged}'; printf '${forged}' >&2; exit 9`);
    const text = '\n@mendd n0nce exit 0 0\n|\n\n@mendd n0nce refused fenced x\n\uFFFD';
    expect(outcome).toEqual(ran(9, text, text));
  });

  test('ends a hanging command with its children, and remembers that it was late', async () => {
    const { send, guard, records } = bench(name, without);
    const nap = `sleep ${Math.floor(Math.random() * 1e6) + 1e6}`;
    const script = `trap '' TERM; echo begin; ${nap} & sh -c 'trap "" TERM; ${nap}; ${nap}'; ${nap}`;
    expect(await send('i1', script, { timeoutMs: 1_900 })).toMatchObject({
      kind: 'timed_out',
      limitMs: 2_000,
      stdout: 'begin\n',
    });
    const left = () => processes().filter(({ args }) => args.includes(nap) || args.includes(records));
    await vi.waitFor(() => expect(left()).toEqual([]));
    expect(await guard.inspect(target, 'i1')).toMatchObject({ kind: 'finished', exitCode: 124 });
    expect(await send('i2', 'true')).toEqual(ran(0));
  });

  test('a background child holds neither the verdict nor the lock', async () => {
    const { send } = bench(name, without);
    const outcome = await send('i1', 'sleep 60 & echo $!; exit 4');
    expect(outcome).toMatchObject({ kind: 'ran', exitCode: 4 });
    expect(await send('i2', 'true')).toEqual(ran(0));
    process.kill(Number('stdout' in outcome ? outcome.stdout : Number.NaN), 'SIGKILL');
  });

  test('a command that kills its own group is no time-out', async () => {
    const { send } = bench(name, without);
    expect(await send('i1', 'kill 0; sleep 5')).toMatchObject({ kind: 'ran', exitCode: 143 });
    expect(await send('i2', 'kill -KILL 0; sleep 5')).toMatchObject({ kind: 'ran', exitCode: 137 });
    expect(await send('i3', 'true')).toEqual(ran(0));
  });

  test('goes on when the wrapper is killed, and its exit is found later', async () => {
    const { send, guard, runner, shell } = bench(name, without);
    const sent = send('i1', patient(shell.home));
    await file(join(shell.home, 'there'));
    runner.processes().at(-1)?.kill('SIGKILL');
    expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'running');
    expect(await send('i2', 'true')).toEqual(refused('busy'));
    writeFileSync(join(shell.home, 'go'), '');
    await sent;
    expect(await guard.inspect(target, 'i1')).toMatchObject({
      kind: 'finished',
      exitCode: 5,
      stdout: 'done\n',
    });
    expect(await send('i1', 'true')).toEqual(refused('duplicate'));
  });

  test('the exit is kept when the supervisor is killed, too', async () => {
    const { send, guard, runner, shell } = bench(name, without);
    const sent = send('i1', patient(shell.home));
    await file(join(shell.home, 'there'));
    const [supervisor] = childrenOf(runner.processes().at(-1)?.pid);
    process.kill(supervisor?.pid ?? Number.NaN, 'SIGKILL');
    expect(await sent).toHaveProperty('kind', 'unknown');
    expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'running');
    expect(await send('i2', 'true')).toEqual(refused('busy'));
    writeFileSync(join(shell.home, 'go'), '');
    await vi.waitFor(async () =>
      expect(await guard.inspect(target, 'i1')).toMatchObject({ kind: 'finished', exitCode: 5 }),
    );
    await vi.waitFor(async () => expect(await send(`i3${Math.random()}`, 'true')).toEqual(ran(0)));
  });

  test('says so when everything was killed midway', async () => {
    const { send, guard, runner, shell } = bench(name, without);
    const sent = send('i1', patient(shell.home));
    await file(join(shell.home, 'there'));
    const [supervisor] = childrenOf(runner.processes().at(-1)?.pid);
    const limiter = childrenOf(supervisor?.pid).find(({ pid, pgid }) => pid === pgid);
    process.kill(supervisor?.pid ?? Number.NaN, 'SIGKILL');
    process.kill(-(limiter?.pid ?? Number.NaN), 'SIGKILL');
    expect(await sent).toMatchObject({ kind: 'unknown', failure: { sent: true } });
    await vi.waitFor(async () =>
      expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'interrupted'),
    );
    expect(await send('i1', 'true')).toEqual(refused('duplicate'));
    expect(await send('i2', 'true')).toEqual(ran(0));
  });
});

async function endsWithoutSetsid(shell: string): Promise<void> {
  const { send } = bench(shell, ['setsid']);
  expect(await send('i1', 'echo begin; exec sleep 30', { timeoutMs: 2_000 })).toMatchObject({
    kind: 'timed_out',
    stdout: 'begin\n',
  });
  expect(await send('i2', 'true')).toEqual(ran(0));
}

describe('answers', () => {
  const prefix = '@mendd n0nce ';

  test('what a login prints before, and half a line at the end, are no part of it', () => {
    const text = `Welcome\n@mendd other exit 0 0\n\n${prefix}started\n\n${prefix}exit 1 0`;
    expect(readGuardAnswer(text, 'n0nce')).toEqual({
      lines: [{ word: 'started', rest: '', body: [] }],
      stdout: '',
      stderr: '',
      truncated: false,
    });
  });

  test('a line that nobody wrote for us ends it', () => {
    const text = `${prefix}started\n${prefix}stdout 1\n|a\nb\n|c\n${prefix}exit 0 0\n`;
    const answer = readGuardAnswer(text, 'n0nce');
    expect(answer).toMatchObject({ stdout: 'a', truncated: true });
    expect(answer.lines.map(({ word }) => word)).toEqual(['started', 'stdout']);
  });
});

describe('records', () => {
  const name = shellNames[0] ?? 'dash';

  test('what was once reported as absent never starts', async () => {
    const { send, guard, starts } = bench(name);
    expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'absent');
    expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'absent');
    expect(await send('i1', 'true')).toEqual(refused('duplicate'));
    expect(starts()).toEqual([]);
  });

  test('a refused intent is absent', async () => {
    const { send, guard } = bench(name);
    expect(await send('i1', 'true', { preconditions: { bootId: 'x' } })).toEqual(refused('boot_changed'));
    expect(await guard.inspect(target, 'i1')).toHaveProperty('kind', 'absent');
  });

  test('old records go, the newest 200 stay', async () => {
    const { send, records } = bench(name);
    mkdirSync(join(records, 'intents'), { recursive: true });
    mkdirSync(join(records, 'intents/old'));
    mkdirSync(join(records, 'intents/young'));
    const nowSec = Date.now() / 1000;
    utimesSync(join(records, 'intents/old'), nowSec - 9 * 86_400, nowSec - 9 * 86_400);
    utimesSync(join(records, 'intents/young'), nowSec - 6 * 86_400, nowSec - 6 * 86_400);
    expect(await send('first', 'true')).toEqual(ran(0));
    expect(readdirSync(join(records, 'intents')).toSorted()).toEqual(['first', 'young']);
    for (let number = 0; number < 230; number += 1) mkdirSync(join(records, `intents/i${number}`));
    expect(await send('new', 'true')).toEqual(ran(0));
    const kept = readdirSync(join(records, 'intents'));
    expect(kept).toHaveLength(200);
    expect(kept).toContain('new');
    expect(kept).not.toContain('young');
  });

  test('the log of starts is bounded', async () => {
    const { send, records, starts } = bench(name);
    mkdirSync(records);
    writeFileSync(join(records, 'started.log'), 'x\n'.repeat(1_001));
    await send('new', 'true');
    expect(starts()).toHaveLength(500);
    expect(starts().at(-1)).toBe('new');
  });

  test('a stale lock of another boot or of a dead process holds nobody up', async () => {
    const { send, records } = bench(name, ['flock']);
    mkdirSync(records);
    writeFileSync(join(records, `lock.${process.pid}.old`), 'another-boot\n');
    writeFileSync(join(records, 'lock.4194999.old'), readFileSync('/proc/sys/kernel/random/boot_id'));
    expect(await send('i1', 'true')).toEqual(ran(0));
    expect(readdirSync(records).filter((entry) => entry.startsWith('lock.'))).toEqual([]);
    writeFileSync(join(records, `lock.${process.pid}.now`), readFileSync('/proc/sys/kernel/random/boot_id'));
    expect(await send('i2', 'true')).toEqual(refused('busy'));
  });

  test('a directory that is a symlink, of another user, or not writable is refused in words', async () => {
    const linked = bench(name);
    symlinkSync(linked.shell.home, linked.records);
    expect(await linked.send('i1', 'true')).toEqual(refused('unusable'));
    const blocked = bench(name);
    writeFileSync(blocked.records, '');
    expect(await blocked.send('i1', 'true')).toMatchObject({
      reason: 'unusable',
      message: expect.stringContaining(blocked.records),
    });
    expect(await blocked.guard.inspect(target, 'i1')).toMatchObject({
      kind: 'unreachable',
      failure: { sent: false },
    });
  });

  test.skipIf(process.getuid?.() !== 0)('a directory of another user is refused (needs root)', async () => {
    const { send, records } = bench(name);
    mkdirSync(records);
    chownSync(records, 12_345, 12_345);
    expect(await send('i1', 'true')).toEqual(refused('unusable'));
  });

  test('a damaged fence refuses until a person looks', async () => {
    const { send, records } = bench(name);
    mkdirSync(records);
    writeFileSync(join(records, 'fence'), 'rubbish\n');
    expect(await send('i1', 'true')).toEqual(refused('unusable'));
  });

  test('an id that is no name of a directory is refused before it is sent', async () => {
    const { send, guard } = bench(name);
    for (const id of ['..', '.x', '-x', 'a/b', 'a b', '', "a'b", 'x'.repeat(201)]) {
      expect(await send(id, 'true')).toEqual(refused('unusable'));
      expect(await guard.inspect(target, id)).toHaveProperty('kind', 'unreachable');
    }
  });

  test('without setsid the command itself still ends in time', async () => {
    await Promise.all(shellNames.map(endsWithoutSetsid));
  });
});
