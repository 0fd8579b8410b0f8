/** `mendd submit` as a process against a real API over a daemon made of data. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { ToldResult } from '../../core/told-port.ts';
import { cliAgainstApi } from '../support/cli-api.ts';
import { mendd, menddFile } from '../support/mendd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

let told: ToldResult[];

const cli = cliAgainstApi((daemon) => {
  told = [];
  const taken = daemon.told.submit.bind(daemon.told);
  daemon.told.submit = (results, isDry) => (told.push(...results), taken(results, isDry));
});

const submit = (...args: string[]) => cli.as('submit', 'submit', ...args);

test('a result is told, and exit code and words say what became of it', async () => {
  const taken = await submit('web-1/backup', '--exit-code', '1', '--text', 'slow | s=3', '--ttl', '26h');
  expect(taken).toMatchObject({ code: 0, stdout: '1 result was taken.\n' });
  expect(told).toEqual([
    { host: 'web-1', check: 'backup', exitCode: 1, output: 'slow | s=3', ttlMs: 26 * 3_600_000 },
  ]);
  const refused = await submit('web-9', 'backup', '--state', 'ok');
  expect([refused.code, refused.stdout]).toEqual([
    1,
    expect.stringMatching(/^HOST +CHECK +REFUSED\nweb-9 +backup/),
  ]);
});

test.each([
  [[]],
  [['web-1']],
  [['web-1', 'backup']],
  [['web-1', 'backup', '--state', 'ok', '--exit-code', '0']],
  [['web-1', 'backup', '--state', 'fine']],
  [['web-1', 'backup', '--exit-code', '256']],
  [['web-1', 'backup', '--state', 'ok', '--', 'true']],
  [['web-1', '--stdin']],
  [['web-1', 'backup', '--state', 'ok', '--plugin']],
  [['web-1', 'backup', '--', '']],
  [['--stdin', '--ttl', '1h']],
  [['--stdin', '--state', 'ok']],
  [['--stdin', '--plugin']],
])('%j is a wrong use', async (args) => {
  expect((await submit(...args)).code).toBe(64);
  expect(told).toEqual([]);
});

test.each([
  ['lines', '\n', 'done'],
  ['blocks, with lines of their own', '\n\u0017', 'done\nas planned'],
])('%s of send_nsca come on standard input', async (_what, end, output) => {
  const env = { PATH: process.env['PATH'] ?? '', MENDD_API: cli.url, MENDD_TOKEN: 'secret-submit' };
  const lines = Array.from({ length: 600 }, (_, i) => `web-1\tjob-${i}\t0\t${output}${end}`).join('');
  const stdout = await new Promise((resolve) => {
    const args = [menddFile, 'submit', '--stdin'];
    const child = execFile(process.execPath, args, { env }, (_error, text) => resolve(text));
    child.stdin?.end(lines);
  });
  expect([stdout, told.length]).toEqual(['600 results were taken.\n', 600]);
  expect(told[599]).toMatchObject({ check: 'job-599', output });
});

test('a command is run, its output and exit code are its own, and its end is told', async () => {
  const script = 'echo copying; echo "no | space" >&2; exit 3';
  const failed = await submit('web-1', 'backup', '--', 'sh', '-c', script);
  expect(failed).toMatchObject({ code: 3, stdout: 'copying\n', stderr: 'no | space\n' });
  expect(told[0]).toMatchObject({
    state: 'critical',
    output: expect.stringContaining('exit code 3 after 0 s: '),
  });
  expect(told[0]?.output).not.toMatch(/no \| space/);
  expect(told[0]?.atMs).toEqual(expect.any(Number));
  expect((await submit('web-1/backup', '--', 'true')).code).toBe(0);
  expect(told[1]?.state).toBe('ok');
  const plugin = await submit(
    'web-1/backup',
    '--plugin',
    '--',
    'sh',
    '-c',
    'echo "WARNING - old | age=3"; exit 1',
  );
  expect(plugin.code).toBe(1);
  expect(told[2]).toMatchObject({ exitCode: 1, output: 'WARNING - old | age=3\n' });
});

test('a job does not fail for an absent daemon, and one that comes back is told', async () => {
  const env = { MENDD_API: 'http://127.0.0.1:1', MENDD_TOKEN: 'secret-submit' };
  const args = ['submit', 'web-1', 'backup', '--patience', '0s'];
  const job = await mendd([...args, '--', 'true'], { env });
  expect([job.code, job.stderr]).toEqual([0, expect.stringContaining('could not be told')]);
  expect((await mendd([...args, '--state', 'ok'], { env })).code).toBe(69);
  cli.daemon.historyProblem = 'no space';
  const patient = submit('web-1', 'backup', '--state', 'ok');
  await expect.poll(() => told.length).toBe(1);
  cli.daemon.historyProblem = undefined;
  expect(await patient).toMatchObject({ code: 0 });
});

test('a dry run does not run the command', async () => {
  const tree = temporaryTree({});
  const dry = await submit('web-1', 'backup', '--dry-run', '--', 'touch', `${tree}/ran`);
  expect([dry.code, dry.stderr]).toEqual([64, expect.stringContaining('would run the command')]);
  expect([existsSync(`${tree}/ran`), told]).toEqual([false, []]);
});

test('what a command leaves running is not waited for', async () => {
  const startedMs = performance.now();
  const left = await submit('web-1', 'backup', '--', 'sh', '-c', 'sleep 20 & echo done; exit 3');
  expect([left.code, left.stdout, performance.now() - startedMs < 15_000]).toEqual([3, 'done\n', true]);
  expect(told[0]).toMatchObject({ state: 'critical', output: expect.stringContaining('exit code 3') });
});

test('a command that cannot be run is told as critical, with the exit code of a shell', async () => {
  const tree = temporaryTree({ file: 'text' });
  const absent = await submit('web-1', 'backup', '--', '/nonexistent/program');
  expect([absent.code, absent.stderr]).toEqual([127, expect.stringContaining('cannot be run')]);
  expect(told[0]).toMatchObject({ state: 'critical', output: expect.stringContaining('cannot be run') });
  expect((await submit('web-1', 'backup', '--plugin', '--', `${tree}/file`)).code).toBe(126);
  expect(told[1]).toMatchObject({ state: 'critical' });
});

test('a reader that has gone ends neither the command nor the telling of its result', async () => {
  // It goes on once nobody reads any more.
  const script = 'echo first; read _ <gone; echo second; echo third >&2; exit 3';
  const asked = `{ "$0" "$1" submit web-1/backup -- sh -c '${script}' 2>&1; echo $? >code; }`;
  const line = `mkfifo gone; ${asked} | { head -1; exec <&-; echo >gone; }`;
  const cwd = temporaryTree({});
  const env = { PATH: process.env['PATH'] ?? '', MENDD_API: cli.url, MENDD_TOKEN: 'secret-submit' };
  await promisify(execFile)('bash', ['-c', line, process.execPath, menddFile], { cwd, env });
  expect(told).toEqual([
    expect.objectContaining({ state: 'critical', output: expect.stringMatching(/third/) }),
  ]);
  expect(readFileSync(join(cwd, 'code'), 'utf8')).toBe('3\n');
});
