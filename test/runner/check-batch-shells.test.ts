import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { type BatchNews, FrameReader } from '../../runner/check-batch-frames.ts';
import { batchScript } from '../../runner/check-batch-script.ts';
import type { ScriptRequest } from '../../runner/remote-script.ts';

const shells: Record<string, string[]> = {
  dash: ['/bin/dash', '-s'],
  bash: ['/bin/bash', '-s'],
  'bash --posix': ['/bin/bash', '--posix', '-s'],
  'busybox ash': ['/bin/busybox', 'sh', '-s'],
  mksh: ['/bin/mksh', '-s'],
  yash: ['/bin/yash', '-s'],
};
const here = Object.keys(shells).filter((name) => existsSync(shells[name]?.[0] ?? ''));

const temporary = mkdtempSync(join(tmpdir(), 'mendd-batch-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Ended {
  news: BatchNews[];
  noise: string;
}

function run(
  shell: string,
  members: ScriptRequest[],
  options: {
    parallel?: number;
    limiter?: 'timeout' | 'setsid';
    env?: Record<string, string>;
    /** Of the client, beside its ticks; where a shell that reads ahead swallows it. */
    early?: string;
    talk?: (child: ChildProcess) => void;
  } = {},
): Promise<Ended> {
  const [program = '', ...args] = shells[shell] ?? [];
  const nonce = randomBytes(8).toString('hex');
  const secrets = Array.from({ length: members.length + 1 }, () => randomBytes(8).toString('hex'));
  const news: BatchNews[] = [];
  const reader = new FrameReader(nonce, secrets, (item) => {
    const { times: _, ...timeless } = { times: undefined, ...item };
    news.push(timeless);
  });
  const child = spawn(program, args, {
    detached: true,
    env: { PATH: process.env['PATH'], HOME: temporary, TMPDIR: temporary, ...options.env },
  });
  child.stdin.on('error', () => undefined);
  const script = batchScript({
    members,
    parallel: options.parallel ?? 4,
    limiter: options.limiter ?? 'timeout',
    nonce,
    secrets,
    name: randomBytes(8).toString('hex'),
  });
  child.stdin.write(script + (options.early ?? ''));
  // Later than the script, of which some shells read more than its end.
  let line = options.early === undefined ? 'f\n' : '\n';
  const ticker = setInterval(() => {
    if (child.stdin.writable) child.stdin.write(line);
    line = '\n';
  }, 1_000);
  let noise = '';
  child.stdout.on('data', (chunk: Buffer) => reader.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (noise += chunk.toString()));
  options.talk?.(child);
  return new Promise((resolve) => {
    child.on('close', () => {
      clearInterval(ticker);
      resolve({ news, noise });
    });
  });
}

const member = (script: string, timeoutMs = 10_000): ScriptRequest => ({ script, timeoutMs });
const frame = (index: number, exitCode: number, stdout: string, stderr = '') => ({
  kind: 'frame',
  index,
  exitCode,
  stdout: Buffer.from(stdout, 'latin1'),
  stderr: Buffer.from(stderr, 'latin1'),
});
const byIndex = (news: BatchNews[]) =>
  news.toSorted((one, other) => ('index' in one && 'index' in other ? one.index - other.index : 0));

test.each(here)('%s runs checks apart from each other', async (shell) => {
  const { news, noise } = await run(shell, [
    member('echo out; echo err >&2; exit 3'),
    member("printf 'a\\000b\\377'; printf '\\001' >&2"),
    member('cat; read x; echo "$? end"'),
    member('kill -INT $$; echo survived'),
    member('ls /proc/self/fd | wc -l; umask; pwd'),
    member('cd /; umask 0; exec >&-; exit 7'),
    member('kill -9 0'),
    member('yes | head -c 70000'),
    member('sleep 30 & echo left'),
    member('sleep 30', 1_000),
    member('env | grep -c mb_; exit 0'),
    member(''),
  ]);
  expect(noise).toBe('');
  expect(byIndex(news)).toMatchObject([
    frame(0, 3, 'out\n', 'err\n'),
    frame(1, 0, 'a\0b\xff', '\x01'),
    frame(2, 0, '1 end\n'),
    { index: 3, exitCode: expect.toSatisfy((code: number) => code > 128) as number },
    { kind: 'frame', index: 4, exitCode: 0 },
    frame(5, 7, ''),
    { index: 6, exitCode: expect.toSatisfy((code: number) => code > 128) as number },
    { kind: 'frame', index: 7 },
    { kind: 'unclean', index: 8 },
    frame(9, 124, ''),
    frame(10, 0, '0\n'),
    frame(11, 0, ''),
  ]);
  await vi.waitFor(() => expect(readdirSync(temporary)).toEqual([]));
});

/** yash hangs in its wait there, also alone; the second line of the client is for that. */
test.each(here.filter((shell) => shell !== 'yash'))(
  '%s limits time without a timeout program',
  async (shell) => {
    const members = [member('echo a; sleep 30', 2_000), member('echo b; kill -9 0'), member('echo c')];
    const { news } = await run(shell, members, { limiter: 'setsid' });
    expect(byIndex(news)).toMatchObject([
      { kind: 'frame', index: 0, exitCode: 143, stdout: Buffer.from('a\n') },
      { kind: 'frame', index: 1, exitCode: expect.toSatisfy((code: number) => code > 128) as number },
      frame(2, 0, 'c\n'),
    ]);
  },
);

test.each(here)('%s starts nothing more when nobody listens', async (shell) => {
  const started = join(temporary, `started-${shell}`);
  const note = (name: string): string => `echo ${name} >>'${started}'; sleep 1; echo ${name}`;
  await run(shell, [member(note('one')), member(note('two'))], {
    parallel: 1,
    talk: (child) =>
      void vi
        .waitFor(() => existsSync(started) || Promise.reject(new Error('not yet')))
        .then(() => child.stdin?.end()),
  });
  expect(readFileSync(started, 'utf8')).toBe('one\n');
  rmSync(started);
  await vi.waitFor(() => expect(readdirSync(temporary)).toEqual([]));
});

test.each(here)('%s runs checks side by side although it swallowed the word for that', async (shell) => {
  const place = join(temporary, `beside-${shell}`);
  mkdirSync(place);
  const meet = (own: string, other: string): ScriptRequest =>
    member(
      `: >'${place}/${own}'; for i in 1 2 3 4 5 6 7 8 9; do [ -e '${place}/${other}' ] && exit 0; sleep 0.5; done; exit 1`,
    );
  const { news } = await run(shell, [meet('a', 'b'), meet('b', 'a'), member('echo c')], {
    parallel: 2,
    early: 'f\n',
  });
  rmSync(place, { recursive: true });
  expect(byIndex(news)).toEqual([frame(0, 0, ''), frame(1, 0, ''), frame(2, 0, 'c\n')]);
});

test.each(here)('%s looks for a place where it can write', async (shell) => {
  const { news } = await run(shell, [member('echo a'), member('echo b')], { env: { TMPDIR: '/proc' } });
  expect(byIndex(news)).toMatchObject([frame(0, 0, 'a\n'), frame(1, 0, 'b\n')]);
});

test('without named pipes there is no batch, and so it is for ksh93', async () => {
  const bin = join(temporary, 'bin');
  mkdirSync(bin);
  for (const tool of ['mkdir', 'rm']) symlinkSync(join('/bin', tool), join(bin, tool));
  const { news } = await run('dash', [member('echo a'), member('echo b')], { env: { PATH: bin } });
  const ksh = await run('dash', [member('echo a'), member('echo b')], {
    env: { KSH_VERSION: 'Version AJM 93u+m' },
  });
  rmSync(bin, { recursive: true });
  expect(news).toEqual([{ kind: 'unfit' }]);
  expect(ksh.news).toEqual([{ kind: 'unfit' }]);
  expect(readdirSync(temporary)).toEqual([]);
});
