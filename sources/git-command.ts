/**
 * Runs the `git` program: no shell, no prompt, no settings of anybody, no hooks, one protocol, a limit on time and output.
 * It knows no repository and judges no answer.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../core/ports.ts';

export interface GitRequest {
  args: readonly string[];
  clock: Clock;
  timeoutMs: number;
  /** Of standard output; more is a failure. */
  outputBytes?: number;
  stdin?: string;
  /** The one that may be spoken: `ssh`, `https`, `git` or `file`. None without it. */
  protocol?: string;
  /** Added to what every command gets. */
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export type GitOutcome =
  | {
      kind: 'exited';
      exitCode: number;
      stdout: Buffer /** Its complaint, one line, never empty. */;
      said: string;
    }
  | { kind: 'failed'; problem: string };

const outputBytesDefault = 1024 * 1024;
const complaintBytes = 16 * 1024;
const complaintLength = 400;
/** From the request to end until it is killed: it removes its lock files meanwhile. Milliseconds. */
const graceMs = 2_000;

/** Everything that could make git run a program of somebody else or change what is fetched. */
const settings: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.alternateRefsCommand=',
  'credential.helper=',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'http.followRedirects=false',
  // What git tidies up it tidies up within our limits, not in the background.
  'gc.autoDetach=false',
  'maintenance.autoDetach=false',
];

/** What the ops box says of itself, and git needs. */
const passed = [
  'PATH',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];

/** What remotes colour their words with. */
const colour = new RegExp(`${String.fromCodePoint(0x1b)}\\[[0-9;]*[A-Za-z]`, 'g');

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Never rejects for what git or a remote does. */
export async function runGit(request: GitRequest): Promise<GitOutcome> {
  const { args, signal } = request;
  if (signal?.aborted === true) return { kind: 'failed', problem: 'mendd is stopping' };
  const options = settings.flatMap((setting) => ['-c', setting]);
  const child: Child = spawn('git', [...options, ...args], {
    // A group of its own: git starts ssh and others, which have to end with it.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environment(request),
    cwd: '/',
  });
  return new Promise((resolve) => watch(child, request, resolve));
}

function environment({ protocol, env }: GitRequest): Record<string, string> {
  const own = passed.flatMap((name) => {
    const value = process.env[name] ?? process.env[name.toUpperCase()];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(own),
    LC_ALL: 'C',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    SSH_ASKPASS_REQUIRE: 'never',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_ALLOW_PROTOCOL: protocol ?? '',
    ...env,
  };
}

function watch(child: Child, request: GitRequest, resolve: (outcome: GitOutcome) => void): void {
  const { clock, timeoutMs, outputBytes = outputBytesDefault, stdin = '', signal } = request;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let complaint = '';
  let cut: string | undefined;
  let cancelKill: (() => void) | undefined;
  const end = (problem: string): void => {
    if (cut !== undefined) return;
    cut = problem;
    signalGroup(child, 'SIGTERM');
    cancelKill = clock.after(graceMs, () => signalGroup(child, 'SIGKILL'));
  };
  const stop = (): void => end('mendd is stopping');
  const cancelLimit = clock.after(timeoutMs, () => end(`no answer within ${Math.round(timeoutMs / 1000)} s`));
  signal?.addEventListener('abort', stop, { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > outputBytes) end(`it answers more than ${outputBytes.toLocaleString('en-US')} bytes`);
    else chunks.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-complaintBytes);
  });
  // It may end before it has read everything; its end says why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  let isOver = false;
  const over = (outcome: GitOutcome): void => {
    if (isOver) return;
    isOver = true;
    cancelLimit();
    cancelKill?.();
    signal?.removeEventListener('abort', stop);
    // What it started and left behind, such as an ssh that hangs.
    signalGroup(child, 'SIGKILL');
    resolve(outcome);
  };
  child.once('error', (error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT' ? 'the program `git` is not installed' : error.message;
    over({ kind: 'failed', problem: missing });
  });
  // Not `close`: whatever it started may hold the streams open.
  child.once('exit', (exitCode, killedBy) => {
    const told = (): void => {
      if (cut !== undefined) over({ kind: 'failed', problem: cut });
      else if (exitCode === null) over({ kind: 'failed', problem: `git was ended by ${killedBy}` });
      else
        over({
          kind: 'exited',
          exitCode,
          stdout: Buffer.concat(chunks),
          said: lastWords(complaint, exitCode),
        });
    };
    const cancel = clock.after(graceMs, told);
    child.once('close', () => {
      cancel();
      told();
    });
  });
}

/** All of it may be gone already. */
function signalGroup({ pid }: Child, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The lines that say what is wrong; a remote may write anything among them. */
function lastWords(complaint: string, exitCode: number): string {
  const lines = complaint
    .replaceAll(colour, '')
    .split('\n')
    .map((line) => line.replaceAll(/\p{Cc}+/gu, ' ').trim())
    .filter((line) => line !== '');
  const errors = lines.filter((line) => /^(fatal|error|remote|ssh|Host key|.*Permission denied)/i.test(line));
  const words = (errors.length > 0 ? errors : lines.slice(-3)).join(' · ');
  return words === '' ? `git ended with ${exitCode}` : words.slice(0, complaintLength);
}
