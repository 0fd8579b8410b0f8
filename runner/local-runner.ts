/** Runs scripts on the ops box itself, each in its own process group; no SSH. */
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import type { Clock, RunOutcome, RunRequest } from '../core/ports.ts';
import { OutputCapture } from './output-capture.ts';
import {
  endedByLimit,
  killGraceMs,
  type Limiter,
  probeScript,
  readProbe,
  remoteScript,
} from './remote-script.ts';
import { failure } from './ssh-failure.ts';
import { defaultOutputBytes } from './ssh-session.ts';

/** After the exit: how long the rest of the output may pause, and take in all. */
const trailingPauseMs = 250;
const trailingLimitMs = 2_000;
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

  #spawn(request: RunRequest, { file, args, env, input }: Command): Promise<RunOutcome> {
    const clock = this.#clock;
    const askedAtMs = clock.nowMs();
    const { signal } = request;
    const notSent = (reason: string): RunOutcome => ({
      kind: 'not_sent',
      reason,
      startedAtMs: askedAtMs,
      durationMs: 0,
    });
    if (this.#closed) return Promise.resolve(notSent('the runner is closed'));
    if (signal?.aborted) return Promise.resolve(notSent('aborted before it was sent'));
    const refusal = request.beforeSend?.();
    if (refusal !== undefined) return Promise.resolve(notSent(refusal));
    return new Promise((resolve) => {
      const startedMonoMs = clock.monotonicMs();
      const outputBytes = request.outputBytes ?? defaultOutputBytes;
      const stdout = new OutputCapture(outputBytes);
      const stderr = new OutputCapture(outputBytes);
      const timers = new Set<() => void>();
      let end: { exitCode?: number; signal?: string } | undefined;
      let endMonoMs = 0;
      let limitReached = false;
      let cancelPause: () => void = () => undefined;
      const child = spawn(file, args, {
        cwd: '/',
        env,
        // Its own session and process group, so that the whole family can be killed.
        detached: true,
        stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      });
      const killGroup = (name: 'SIGTERM' | 'SIGKILL'): void => {
        if (child.pid === undefined) return;
        try {
          process.kill(-child.pid, name);
        } catch (error) {
          // ESRCH: it is gone already. EPERM: all that is left belongs to the sudo user, whose own limit ends it.
          const { code } = error as NodeJS.ErrnoException;
          if (code !== 'ESRCH' && code !== 'EPERM') throw error;
        }
      };
      const after = (delayMs: number, callback: () => void): void => {
        timers.add(clock.after(delayMs, callback));
      };
      const settle = (outcome: RunOutcome): void => {
        for (const cancel of timers) cancel();
        cancelPause();
        signal?.removeEventListener('abort', abandon);
        this.#running.delete(abandon);
        child.stdout?.destroy();
        child.stderr?.destroy();
        child.stdin?.destroy();
        child.unref();
        resolve(outcome);
      };
      const ran = (durationMs: number) => ({
        stdout: stdout.text(),
        stderr: stderr.text(),
        truncated: stdout.truncated || stderr.truncated,
        startedAtMs: askedAtMs,
        durationMs,
      });
      const unreachable = (message: string, hint: string, sent: boolean): void =>
        settle({
          kind: 'unreachable',
          failure: failure(sent ? 'lost' : 'channel', message, hint, sent),
          startedAtMs: askedAtMs,
          durationMs: clock.monotonicMs() - startedMonoMs,
        });
      const conclude = (): void => {
        if (!end) return;
        const durationMs = endMonoMs - startedMonoMs;
        const limited = limitReached || (request.sudo && endedByLimit(end, durationMs, request.timeoutMs));
        if (limited) settle({ kind: 'timed_out', limitMs: request.timeoutMs, ...ran(durationMs) });
        else if (end.signal !== undefined) settle({ kind: 'killed', signal: end.signal, ...ran(durationMs) });
        else settle({ kind: 'exited', exitCode: end.exitCode ?? 0, ...ran(durationMs) });
      };
      const abandon = (): void => {
        killGroup('SIGKILL');
        unreachable('the run was aborted before it ended', 'It was killed; it may have run partly.', true);
      };
      const awaitRest = (): void => {
        cancelPause();
        cancelPause = clock.after(trailingPauseMs, conclude);
      };
      for (const [stream, capture] of [
        [child.stdout, stdout],
        [child.stderr, stderr],
      ] as const) {
        stream?.on('data', (chunk: Buffer) => {
          capture.push(chunk);
          if (end) awaitRest();
        });
      }
      child.on('error', (error) => {
        if (child.pid === undefined) {
          unreachable(
            `${file} cannot be started: ${error.message}`,
            'Is the ops box out of processes or memory?',
            false,
          );
        }
      });
      child.on('exit', (code, name) => {
        endMonoMs = clock.monotonicMs();
        end = code === null ? { signal: name ?? 'unknown' } : { exitCode: code };
        awaitRest();
        after(trailingLimitMs, conclude);
      });
      child.on('close', conclude);
      // EPIPE when the script does not read its input: its own business.
      child.stdin?.on('error', () => undefined);
      if (input !== undefined) child.stdin?.end(input);
      signal?.addEventListener('abort', abandon);
      this.#running.add(abandon);
      const headStartMs = request.sudo ? killGraceMs : 0;
      after(request.timeoutMs + headStartMs, () => {
        limitReached = true;
        killGroup('SIGTERM');
      });
      after(request.timeoutMs + headStartMs + killGraceMs, () => {
        limitReached = true;
        killGroup('SIGKILL');
      });
      after(request.timeoutMs + headStartMs + killGraceMs + surrenderMs, () => {
        settle({
          kind: 'timed_out',
          limitMs: request.timeoutMs,
          ...ran(clock.monotonicMs() - startedMonoMs),
        });
      });
    });
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
