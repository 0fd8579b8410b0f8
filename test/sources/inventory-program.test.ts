import { existsSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../daemon/clock.ts';
import { runProgram } from '../../sources/inventory-program.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const clock = systemClock;

function program(script: string, over: { args?: string[]; timeoutMs?: number; signal?: AbortSignal } = {}) {
  const directory = temporaryTree({ program: `#!/bin/sh\n${script}\n` }, ['program']);
  const request = {
    path: `${directory}/program`,
    args: over.args ?? [],
    directory,
    clock,
    timeoutMs: 20_000,
  };
  return { directory, told: runProgram({ ...request, ...over }) };
}

test('its output is what it tells; its arguments are no shell text; it runs in the definitions', async () => {
  const { directory, told } = program('printf "%s|" "$@"; pwd; cat; echo talk >&2', {
    args: ['--list', '$(touch x)', 'a b'],
  });
  expect(await told).toEqual({ ok: true, text: `--list|$(touch x)|a b|${directory}\n` });
  expect(existsSync(`${directory}/x`)).toBe(false);
});

test('nothing of the environment of mendd reaches it', async () => {
  vi.stubEnv('MENDD_TEST_SECRET', 'hunter2');
  const told = await program('env').told;
  vi.unstubAllEnvs();
  expect(told).toMatchObject({ ok: true });
  expect(JSON.stringify(told)).not.toContain('hunter2');
});

test('a failure is told with the last line of its complaint', async () => {
  expect(await program('echo first >&2; echo "no credentials" >&2; echo "{}"; exit 3').told).toEqual({
    ok: false,
    problem: 'it ended with exit code 3: no credentials',
  });
  expect(await program('kill -9 $$').told).toEqual({ ok: false, problem: 'it was ended by SIGKILL' });
});

test('one that does not end is ended, with all that it started', async () => {
  const { directory, told } = program("trap '' TERM; sleep 300 & echo $! >pid; wait; sleep 300", {
    timeoutMs: 1_400,
  });
  expect(await told).toEqual({ ok: false, problem: 'it did not end within 1 s' });
  const pid = Number(readFileSync(`${directory}/pid`, 'utf8'));
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'));
});

test('one that prints without end is ended', async () => {
  expect(await program('exec yes').told).toEqual({
    ok: false,
    problem: 'it prints more than 16,777,216 bytes',
  });
});

test('what it leaves in the background holds nothing up', async () => {
  const { told } = program('sleep 300 & echo "{}"');
  expect(await told).toEqual({ ok: true, text: '{}\n' });
});

test('one that is not there, or is asked while mendd stops, is an answer', async () => {
  const request = { path: '/nonexistent/program', args: [], directory: '/', clock, timeoutMs: 1_000 };
  expect(await runProgram(request)).toEqual({ ok: false, problem: 'it cannot be started: ENOENT' });
  const signal = AbortSignal.abort();
  expect(await runProgram({ ...request, signal })).toEqual({ ok: false, problem: 'mendd is stopping' });
  const ending = new AbortController();
  const { told } = program('sleep 300', { signal: ending.signal });
  ending.abort();
  expect(await told).toEqual({ ok: false, problem: 'mendd is stopping' });
});
