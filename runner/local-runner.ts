/** Runs scripts on the ops box itself, each in its own process group; no SSH. */
import { type ChildProcess, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import type { Clock, RunOutcome, RunRequest } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import {
  endedByLimit,
  killGraceMs,
  type Limiter,
  probeScript,
  readProbe,
  remoteScript,
} from './remote-script.ts';
import { RunWatch } from './run-watch.ts';
import { failure, lostWhileRunning } from './ssh-failure.ts';

/** Beyond limit and grace, for a sudo child that this user cannot kill. */
const surrenderMs = 3_000;

interface Command {
  file: string;
  args: string[];
  env: Record<string, string>;
  /** undefined: /dev/null. */
  input?: string | Uint8Array;
}

export class LocalRunner {
  readonly #clock: Clock;
  readonly #running = new Set<() => void>();
  #limiter: Promise<Limiter> | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async run(request: RunRequest): Promise<RunOutcome> {
    // sudo drops the environment and shields its child from our signals, so there the limit runs inside.
    const limiter = request.sudo ? await (this.#limiter ??= this.#probe()) : undefined;
    return this.#spawn(request, command(request, limiter));
  }

  /** Kills what runs. */
  close(): void {
    this.#closed = true;
    for (const kill of this.#running) kill();
  }

  async #probe(): Promise<Limiter> {
    const request: RunRequest = {
      target: { kind: 'local' },
      script: probeScript,
      timeoutMs: 10_000,
      purpose: 'check',
    };
    const outcome = await this.#spawn(request, command(request, undefined));
    return (outcome.kind === 'exited' ? readProbe(outcome.stdout) : undefined) ?? 'shell';
  }

  /** Most failures come as an event later; too large an argument list or no memory come at once. */
  #start(
    file: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    hasInput: boolean,
  ): ChildProcess | Error {
    try {
      return spawn(file, args, {
        cwd: '/',
        env,
        // Its own session and process group, so that the whole family can be killed.
        detached: true,
        stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      if (error instanceof Error && 'syscall' in error) return error;
      throw error;
    }
  }

  async #spawn(request: RunRequest, { file, args, env, input }: Command): Promise<RunOutcome> {
    const { signal } = request;
    const refusal = this.#closed
      ? 'the runner is closed'
      : signal?.aborted
        ? 'aborted before it was sent'
        : request.beforeSend?.();
    if (refusal !== undefined) {
      return { kind: 'not_sent', reason: refusal, startedAtMs: this.#clock.nowMs(), durationMs: 0 };
    }
    let limitReached = false;
    const child = this.#start(file, args, env, input !== undefined);
    if (child instanceof Error) {
      const startedAtMs = this.#clock.nowMs();
      return { kind: 'unreachable', failure: notStarted(file, child), startedAtMs, durationMs: 0 };
    }
    const watch = new RunWatch({
      clock: this.#clock,
      request,
      endedByLimit: (end, durationMs) =>
        limitReached || (request.sudo !== undefined && endedByLimit(end, durationMs, request.timeoutMs)),
      release: () => {
        signal?.removeEventListener('abort', abandon);
        this.#running.delete(abandon);
        // What it left in the background keeps running, but no longer writes to us.
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
        child.unref();
      },
    });
    const abandon = (): void => {
      killGroup(child.pid, 'SIGKILL');
      watch.closed(() => lostWhileRunning('the run was aborted'));
    };
    if (child.stdout && child.stderr) watch.drain(child.stdout, child.stderr);
    child.on('error', (error) => {
      if (child.pid === undefined) watch.unreachable(notStarted(file, error));
    });
    child.on('exit', (code, name) => {
      watch.ended(code === null ? { signal: name ?? 'unknown' } : { exitCode: code });
    });
    child.on('close', () => watch.closed(() => lostWhileRunning('the process vanished')));
    // EPIPE when the script does not read its input: its own business.
    child.stdin?.on('error', () => undefined);
    if (input !== undefined) child.stdin?.end(input);
    signal?.addEventListener('abort', abandon);
    this.#running.add(abandon);
    // Under sudo the limit inside goes first; this one is for a sudo that hangs itself.
    const limitMs = request.timeoutMs + (request.sudo ? killGraceMs : 0);
    const kill = (name: 'SIGTERM' | 'SIGKILL'): void => {
      limitReached = true;
      killGroup(child.pid, name);
    };
    watch.after(limitMs, () => kill('SIGTERM'));
    watch.after(limitMs + killGraceMs, () => kill('SIGKILL'));
    watch.after(limitMs + killGraceMs + surrenderMs, () => watch.timedOut());
    return watch.outcome;
  }
}

function notStarted(file: string, error: Error): TransportFailure {
  return failure(
    'channel',
    `${file} cannot be started: ${error.message}`,
    'Is the ops box out of processes or memory?',
  );
}

function killGroup(pid: number | undefined, name: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    // ESRCH: it is gone already. EPERM: all that is left belongs to the sudo user, whose own limit ends it.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function command(request: RunRequest, limiter: Limiter | undefined): Command {
  const env = {
    PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: homedir(),
    LANG: 'C.UTF-8',
  };
  if (request.sudo && limiter) {
    const { command: line, input } = remoteScript(request, limiter);
    return { file: '/bin/sh', args: ['-c', line], env, input };
  }
  return {
    file: '/bin/sh',
    args: ['-c', request.script],
    env: { ...env, ...request.env },
    ...(request.stdin === undefined ? {} : { input: request.stdin }),
  };
}
