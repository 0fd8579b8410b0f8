/**
 * Runs a program that tells hosts: no shell, nothing on its standard input, an environment of its own, a limit on time
 * and output. It reads nothing of what the program says.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import type { Readable } from 'node:stream';
import type { Clock } from '../core/ports.ts';
import type { Told } from './inventory-told.ts';
import { toldBytesLimit } from './inventory-told.ts';

export interface ProgramRequest {
  path: string;
  args: readonly string[];
  /** Where it runs. */
  directory: string;
  clock: Clock;
  timeoutMs: number;
  signal?: AbortSignal;
  env?: Readonly<Record<string, string>>;
}

const complaintBytes = 16_384;
const complaintLength = 300;
/** From the request to end until it is killed. Milliseconds. */
const graceMs = 2_000;

/** Nothing of mendd's own environment, which may hold secrets. */
function environment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: homedir(),
    LANG: 'C.UTF-8',
  };
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** What it printed. Never rejects for what the program does. */
export async function runProgram(request: ProgramRequest): Promise<Told> {
  if (request.signal?.aborted === true) return { ok: false, problem: 'mendd is stopping' };
  let child: Child;
  try {
    child = spawn(request.path, request.args, {
      cwd: request.directory,
      env: { ...environment(), ...request.env },
      // A group of its own, so that what it starts ends with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    return { ok: false, problem: `it cannot be started: ${error.message}` };
  }
  return new Promise((resolve) => watch(child, request, resolve));
}

function watch(child: Child, request: ProgramRequest, resolve: (told: Told) => void): void {
  const { clock, timeoutMs, signal } = request;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let complaint = '';
  let cut: string | undefined;
  let isOver = false;
  const cancels: (() => void)[] = [];
  const over = (told: Told): void => {
    if (isOver) return;
    isOver = true;
    for (const cancel of cancels) cancel();
    signal?.removeEventListener('abort', stop);
    signalGroup(child, 'SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
    resolve(told);
  };
  const end = (problem: string): void => {
    if (cut !== undefined) return;
    cut = problem;
    signalGroup(child, 'SIGTERM');
    cancels.push(clock.after(graceMs, () => over({ ok: false, problem })));
  };
  const stop = (): void => end('mendd is stopping');
  cancels.push(clock.after(timeoutMs, () => end(`it did not end within ${Math.round(timeoutMs / 1000)} s`)));
  signal?.addEventListener('abort', stop, { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > toldBytesLimit) end(`it prints more than ${toldBytesLimit.toLocaleString('en-US')} bytes`);
    else chunks.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-complaintBytes);
  });
  child.once('error', (error: NodeJS.ErrnoException) =>
    over({ ok: false, problem: `it cannot be started: ${error.code ?? error.message}` }),
  );
  child.once('exit', (exitCode, killedBy) => {
    const tell = (): void => {
      if (cut !== undefined) over({ ok: false, problem: cut });
      else if (exitCode === 0) over({ ok: true, text: Buffer.concat(chunks).toString('utf8') });
      else over({ ok: false, problem: `${endOf(exitCode, killedBy)}${lastLine(complaint)}` });
    };
    // What it left in the background may hold the streams open.
    cancels.push(clock.after(graceMs, tell));
    child.once('close', tell);
  });
}

function endOf(exitCode: number | null, killedBy: string | null): string {
  return exitCode === null ? `it was ended by ${killedBy}` : `it ended with exit code ${exitCode}`;
}

function lastLine(complaint: string): string {
  const lines = complaint
    .split('\n')
    .map((line) => line.replaceAll(/\p{Cc}+/gu, ' ').trim())
    .filter((line) => line !== '');
  const line = lines.at(-1);
  return line === undefined ? '' : `: ${line.slice(0, complaintLength)}`;
}

function signalGroup({ pid }: Child, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    // All of it may be gone already, or belong to another user.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
