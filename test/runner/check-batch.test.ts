import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Runner, RunOutcome, RunRequest } from '../../core/ports.ts';
import { makeRunner, request, sshConfig, sshHost } from '../support/runner.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';

let sshd: Sshd;
let runner: Runner;
let hosts = 0;
/** Where the batches of this test make their directories. */
const temporary = mkdtempSync(join(tmpdir(), 'mendd-batched-'));

beforeAll(async () => {
  sshd = await startSshd({ env: { TMPDIR: temporary } });
  runner = makeRunner(sshConfig(sshd));
});
afterAll(async () => {
  await runner?.close();
  await removeSshd(sshd);
  rmSync(temporary, { recursive: true, force: true });
});

/** A host that nothing is known of. */
const newHost = () => {
  hosts += 1;
  return sshHost(sshd, { name: `host-${hosts}` });
};

function together(
  scripts: string[],
  changes: Partial<RunRequest> = {},
  host = newHost(),
): Promise<RunOutcome>[] {
  return scripts.map((script) => runner.run(request(host, script, { batch: { parallel: 5 }, ...changes })));
}

/** What must not differ between a batch and alone. */
function essence(outcome: RunOutcome): unknown {
  if (outcome.kind === 'unreachable') return outcome.kind;
  const { startedAtMs: _, durationMs: __, ...rest } = outcome;
  return rest;
}

async function counting<T>(work: () => Promise<T>): Promise<{ answer: T; again: number; execs: number }> {
  const before = runner.batches?.() ?? { again: 0, execs: 0 };
  const answer = await work();
  const after = runner.batches?.() ?? { again: 0, execs: 0 };
  return { answer, again: after.again - before.again, execs: after.execs - before.execs };
}

/** Command lines of processes that a session of this sshd started. */
const processes = (): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${temporary}\0`)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });

test('checks of one turn share an exec, and each has its own outcome', async () => {
  const { answer, ...counts } = await counting(() =>
    Promise.all(
      together(['echo a; exit 1', 'echo b >&2; exit 2', 'printf c', 'sleep 1; echo d', 'e', 'exit 0']),
    ),
  );
  expect(counts).toEqual({ execs: 1, again: 0 });
  expect(answer).toMatchObject([
    { kind: 'exited', exitCode: 1, stdout: 'a\n', stderr: '' },
    { kind: 'exited', exitCode: 2, stdout: '', stderr: 'b\n' },
    { kind: 'exited', exitCode: 0, stdout: 'c' },
    { kind: 'exited', exitCode: 0, stdout: 'd\n' },
    { kind: 'exited', exitCode: 127 },
    { kind: 'exited', exitCode: 0, stdout: '', stderr: '', truncated: false },
  ]);
});

test('a check ends when it ends, not when the batch does', async () => {
  const [slow, fast] = together(
    ['while [ -d /proc/self ] && [ ! -e "$STOP" ]; do sleep 0.1; done', 'echo fast'],
    {
      env: { STOP: join(temporary, 'stop') },
    },
  );
  expect(await fast).toMatchObject({ kind: 'exited', stdout: 'fast\n' });
  mkdirSync(join(temporary, 'stop'));
  expect(await slow).toMatchObject({ kind: 'exited', exitCode: 0 });
});

test('one that waits for its place counts its own time from its own start', async () => {
  const outcomes = await Promise.all(
    together(['sleep 3', 'sleep 3', 'sleep 0.1', 'sleep 0.1'], { batch: { parallel: 2 } }),
  );
  for (const outcome of outcomes.slice(2)) {
    expect(outcome.durationMs).toBeLessThan(2_900);
    expect(outcome.startedAtMs - (outcomes[0]?.startedAtMs ?? 0)).toBeGreaterThan(2_800);
  }
});

test('what may not share goes alone, and so does the only one', async () => {
  const host = newHost();
  const { again, execs } = await counting(() =>
    Promise.all([
      ...together(['echo 1'], {}, host),
      ...together(['cat'], { stdin: 'text' }, host),
      ...together(['echo 3'], { purpose: 'action' }, host),
      ...together(['echo 4'], { beforeSend: () => undefined }, host),
      ...together(['echo 5'], { outputBytes: 10 }, host),
      ...together(['echo 6'], { signal: new AbortController().signal }, host),
      ...together(['echo 7'], {}, newHost()),
      runner.run(request(host, 'echo 8')),
    ]),
  );
  expect({ again, execs }).toEqual({ again: 0, execs: 0 });
});

test('a check that was not clean goes alone from then on, and its mates stay together', async () => {
  const host = newHost();
  const scripts = ['exit 200', 'echo b', 'echo c'];
  const first = await counting(() => Promise.all(together(scripts, {}, host)));
  expect(first).toMatchObject({ again: 1, execs: 1, answer: [{ kind: 'exited', exitCode: 200 }, {}, {}] });
  const second = await counting(() => Promise.all(together(scripts, {}, host)));
  expect(second).toMatchObject({ again: 0, execs: 1, answer: [{ kind: 'exited', exitCode: 200 }, {}, {}] });
});

test('the time limit of each is its own', async () => {
  const host = newHost();
  const run = (script: string, timeoutMs: number) =>
    runner.run(request(host, script, { timeoutMs, batch: { parallel: 5 } }));
  const { answer, again } = await counting(() =>
    Promise.all([run('echo a; sleep 30', 2_000), run('sleep 3; echo b', 10_000), run('exit 124', 10_000)]),
  );
  expect(answer).toMatchObject([
    { kind: 'timed_out', limitMs: 2_000, stdout: 'a\n' },
    { kind: 'exited', exitCode: 0, stdout: 'b\n' },
    { kind: 'exited', exitCode: 124 },
  ]);
  expect(again).toBe(0);
});

/** Ends every process between the check and the listening sshd. */
const cut = (): string =>
  `p=$PPID; all=; while [ "$p" -gt 1 ] && [ "$p" != ${sshd.pid()} ]; do all="$p $all"; p=$(ps -o ppid= -p $p | tr -d ' '); done; kill -9 $all`;

test('when a batch is cut, what ended counts and the rest runs once more, alone', async () => {
  const host = newHost();
  const log = (name: string): string => `echo ${name} >>${temporary}/log`;
  const scripts = [
    log('first'),
    // Only the first time, so that the lone runs end.
    `${log('second')}; [ -e ${temporary}/cut ] || sleep 60; echo second`,
    // Later than the word that the first has ended.
    `until grep -q first ${temporary}/log && grep -q second ${temporary}/log; do sleep 0.1; done; sleep 2; mkdir ${temporary}/cut || exit 0; ${cut()}`,
  ];
  const { answer, again } = await counting(() => Promise.all(together(scripts, {}, host)));
  expect(again).toBe(2);
  expect(answer).toMatchObject([
    { kind: 'exited', exitCode: 0 },
    { kind: 'exited', stdout: 'second\n' },
    { kind: 'exited', exitCode: 0 },
  ]);
  const ran = execFileSync('sort', [join(temporary, 'log')], { encoding: 'utf8' });
  expect(ran).toBe('first\nsecond\nsecond\n');
  // Their lone runs were not lost, so none of them stays alone.
  const later = await counting(() => Promise.all(together(scripts, {}, host)));
  expect(later).toMatchObject({ again: 0, execs: 1 });
});

test('what cuts its batch and is lost alone too does not spoil batches again', async () => {
  const host = newHost();
  const scripts = ['echo a', cut(), 'sleep 1; echo c'];
  const first = await Promise.all(together(scripts, {}, host));
  expect(first).toMatchObject([{ stdout: 'a\n' }, { kind: 'unreachable' }, {}]);
  const later = await counting(() => Promise.all(together([scripts[0] ?? '', 'sleep 1; echo c'], {}, host)));
  expect(later).toMatchObject({ again: 0, execs: 1, answer: [{ stdout: 'a\n' }, { stdout: 'c\n' }] });
});

/** Each meets mates of its own. What it does, it must do to itself alone; `hangs`: its mates end long before it. */
const nasty: Record<string, string | { script: string; hangs: true }> = {
  'kills its parent': 'echo x; kill -9 $PPID; sleep 0.2; echo y',
  'kills its group': 'echo x; kill -9 0',
  'kills itself': 'kill -9 $$',
  'dies of INT': 'kill -INT $$; echo survived',
  'dies of QUIT': 'ulimit -c 0; kill -QUIT $$; echo survived',
  'closes its outputs': 'exec >&- 2>&-; sleep 0.5; exit 4',
  'closes every descriptor': 'exec 0<&- 1>&- 2>&- 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exit 5',
  'writes to every descriptor': 'for d in 3 4 5 6 7 8 9; do eval "echo junk >&$d"; done 2>/dev/null; exit 3',
  'reads every descriptor': 'cat; for d in 3 4 5 6 7 8 9; do eval "cat <&$d"; done 2>/dev/null; exit 3',
  'looks at its descriptors':
    'for d in /proc/self/fd/[0-9]*; do case $d in */[3-9]) [ -e "$d" ] && echo "$d";; esac; done; exit 0',
  'prints what it guesses': `printf '\n0 f 0 0\n\n0 e\n\n0 z\n'; printf '\n%032d z\n' 0`,
  'prints the text of its ancestors':
    'tr "\\0" " " </proc/$PPID/cmdline | grep -c "[0-9a-f]\\{16\\}"; env | grep -c "[0-9a-f]\\{16\\}"',
  'leaves a child that holds its output': { script: 'sleep 4 & echo left', hangs: true },
  'leaves a child that holds nothing': 'sleep 4 >/dev/null 2>&1 & echo left',
  'leaves a session that holds its errors': { script: 'setsid sleep 4 & exec >&-; exit 1', hangs: true },
  hangs: { script: 'echo waiting; sleep 60', hangs: true },
  'hangs and ignores TERM': {
    script: `trap '' TERM; echo stubborn; while :; do sleep 60; done`,
    hangs: true,
  },
  'is another program': { script: 'exec sleep 60', hangs: true },
  'stops itself': { script: 'kill -STOP $$; echo on', hangs: true },
  'moves and masks': 'cd /; umask 777; ulimit -n 8; exit 1',
  'exits with 255': 'exit 255',
  'exits with 128': 'exit 128',
  'exits with 137 at once': 'exit 137',
  'writes 50 MB': 'yes | head -c 50000000',
  'writes 50 MB of errors': 'yes | head -c 50000000 >&2; exit 2',
  'writes just what fits': 'yes | head -c 65536; yes | head -c 65536 >&2',
  'writes one byte too much': 'yes | head -c 65537',
  'writes noughts': "head -c 3000 /dev/zero; printf '\\377\\376\\n'",
  'breaks pipes': 'yes | head -n 1; exit 0',
  'has no room for processes': 'ulimit -u 1; (: | : | :) ; echo $?',
};

/** They reach into batches of other hosts as well, since all of them are this machine. */
const reaching: typeof nasty = {
  'prints the words about its mates':
    'sleep 0.4; cd "${TMPDIR:-/tmp}"; cat .mendd-*/[OEbu]* .mendd-*/[or] 2>/dev/null; exit 1',
  'removes the private directory': 'rm -rf "$TMPDIR"/.mendd-*; echo gone',
  'removes what is in the private directory': 'rm -rf "$TMPDIR"/.mendd-*/*; echo gone',
};

const mates = [
  { kind: 'exited', exitCode: 1, stdout: 'one\n', stderr: '', truncated: false },
  { kind: 'exited', exitCode: 2, stdout: '', stderr: 'two\n', truncated: false },
  { kind: 'exited', exitCode: 0, stdout: 'three\n', stderr: '', truncated: false },
];

/** What the mates of a check gave, whether one that hangs made them wait, and what it gave itself, here and alone. */
async function meet(behaviour: (typeof nasty)[string]) {
  const { script, hangs } = typeof behaviour === 'string' ? { script: behaviour, hangs: false } : behaviour;
  const changes = { timeoutMs: hangs ? 5_000 : 30_000 };
  const [one, bad, two, three] = together(
    ['echo one; exit 1', script, 'sleep 0.5; echo two >&2; exit 2', 'cat; echo three'],
    changes,
  );
  let isEnded = false;
  void bad?.then(() => (isEnded = true));
  const outcomes = await Promise.all([one, two, three]);
  const waited = hangs && isEnded;
  const given = await bad;
  const alone = await runner.run(request(newHost(), script, changes));
  return {
    mates: outcomes.map((outcome) => outcome && essence(outcome)),
    waited,
    together: given && essence(given),
    alone: essence(alone),
  };
}

test.concurrent.each(Object.entries(nasty))('a check that %s bothers no other', async (_, behaviour) => {
  const met = await meet(behaviour);
  expect(met).toEqual({ mates, waited: false, together: met.alone, alone: met.alone });
});
test.each(Object.entries(reaching))('a check that %s bothers no other', async (_, behaviour) => {
  const met = await meet(behaviour);
  expect(met).toEqual({ mates, waited: false, together: met.alone, alone: met.alone });
});

test('no directory and no process of a batch outlives it', async () => {
  const limits = { interval: 200 };
  await vi.waitFor(
    () => expect(readdirSync(temporary).filter((name) => name.startsWith('.mendd-'))).toEqual([]),
    limits,
  );
  await vi.waitFor(
    () => expect(processes().filter((args) => /^cat [oe]\d |^\/bin\/sh -s/.test(args))).toEqual([]),
    limits,
  );
});

const piece = fc.oneof(
  fc.constantFrom(
    'printf "a\\000b"',
    "printf '\\377\\200' >&2",
    'echo "ünï → 漢"',
    'cat',
    'read -r line; echo "$? $line"',
    'sleep 0.2',
    'echo err >&2',
    'printf "no newline"',
    'head -c 40000 /dev/zero | tr "\\0" z',
    'head -c 70000 /dev/zero | tr "\\0" y >&2',
    'echo left; (sleep 3; echo late) &',
    '(sleep 3 >/dev/null 2>&1 &)',
    'kill -TERM $$',
    'kill -HUP $$',
    'kill -INT $$',
    'false',
    'cd /tmp; pwd; umask',
    'echo "$-" "$#" "$LANG"',
    'trap "echo trapped" EXIT',
    'nosuchcommand',
    'if',
  ),
  fc.integer({ min: 0, max: 255 }).map((code) => `exit ${code}`),
  fc
    .string({ unit: 'grapheme', maxLength: 20 })
    .map((text) => `printf %s '${text.replaceAll(/['\0]/g, '')}'`),
);

test('random checks give in a batch what they give alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(piece, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 7 }),
      fc.integer({ min: 1, max: 6 }),
      async (checks, parallel) => {
        const scripts = checks.map((pieces) => pieces.join('\n'));
        const batched = await Promise.all(together(scripts, { batch: { parallel } }));
        const host = newHost();
        const alone = await Promise.all(scripts.map((script) => runner.run(request(host, script))));
        expect(batched.map(essence)).toEqual(alone.map(essence));
      },
    ),
    { numRuns: 10, endOnFailure: true },
  );
});
