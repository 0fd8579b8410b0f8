/**
 * Owns one run of a program of the ops box that delivers a message: no shell, an environment of its own, the message as JSON on its
 * standard input, one hard deadline after which it and all it started are killed. Exit code 0 is delivered.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { NotifyTarget } from '../core/definitions.ts';
import type { OutboxMessage } from '../core/ports.ts';
import type { Delivery } from './deliver.ts';
import { incidentOf } from './incident.ts';
import { cutBytes, inertLine } from './inert-text.ts';

export type ExecTarget = Extract<NotifyTarget, { kind: 'exec' }>;

/** Of what it prints, on both streams together; the rest is read and dropped. */
const outputBytes = 4096;
/** For the rest of its output, once it has ended. Milliseconds. */
const outputWaitMs = 1000;
/** Of a value in its environment. */
const valueBytes = 2000;
/** What of our own environment it gets: where programs, a home and a language are, and nothing secret. */
const inherited = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'] as const;

/** Never rejects for what the program does. */
export function runProgram(target: ExecTarget, message: OutboxMessage): Promise<Delivery> {
  const child = start(target, message);
  if (!('stdin' in child)) return Promise.resolve(child);
  return new Promise((resolve) => {
    const output = readOutput(child);
    let late = '';
    let grace: NodeJS.Timeout | undefined;
    const deadline = setTimeout(() => {
      late = `no end within ${target.timeoutMs / 1000} s`;
      if (killGroup(child)) return;
      late += ', and it cannot be killed';
      finish(undefined);
    }, target.timeoutMs);
    const finish = (failure: string | undefined): void => {
      clearTimeout(deadline);
      clearTimeout(grace);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      const words = cutBytes(inertLine(output()), 300);
      const answer = words === '' ? {} : { answer: words };
      const error = late === '' ? failure : late;
      resolve(
        error === undefined ? { ok: true, ...answer } : { ok: false, error, permanent: false, ...answer },
      );
    };
    child.once('error', (error: NodeJS.ErrnoException) => finish(codeOf(error)));
    child.once('exit', (code, signal) => {
      // What it left behind has had its time, and would hold its output open.
      killGroup(child);
      const failure = whyFailed(code, signal);
      grace = setTimeout(finish, outputWaitMs, failure);
      child.once('close', () => finish(failure));
    });
    // It need not read the message.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${JSON.stringify(message.body)}\n`);
  });
}

function start(target: ExecTarget, message: OutboxMessage): ChildProcessWithoutNullStreams | Delivery {
  try {
    return spawn(target.path, [...target.args], {
      cwd: '/',
      env: environmentOf(message),
      shell: false,
      // A group of its own, so that all of it can be killed.
      detached: true,
      stdio: 'pipe',
    });
  } catch (error) {
    return { ok: false, error: codeOf(error as NodeJS.ErrnoException), permanent: false };
  }
}

function environmentOf(message: OutboxMessage): Record<string, string> {
  const { id, title, severity, resolved, labels, url } = incidentOf(message);
  const told = {
    MENDD_KEY: message.key,
    MENDD_KIND: textOf(message.body['kind']) ?? message.kind,
    MENDD_SUBJECT: title,
    MENDD_SEVERITY: severity,
    MENDD_RESOLVED: resolved ? '1' : '0',
    MENDD_INCIDENT: id,
    MENDD_URL: url ?? '',
    MENDD_HOST: message.host,
    MENDD_RUNBOOK: labels['runbook'] ?? '',
    MENDD_CHECK: textOf(message.body['check']) ?? '',
  };
  return Object.fromEntries([
    ...inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ...Object.entries(told).map(([name, value]) => [name, cutBytes(inertLine(value), valueBytes)]),
  ]) as Record<string, string>;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function readOutput(child: ChildProcessWithoutNullStreams): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      if (size < outputBytes) chunks.push(chunk.subarray(0, outputBytes - size));
      size += chunk.length;
    });
  }
  return () => Buffer.concat(chunks).toString();
}

function whyFailed(code: number | null, signal: string | null): string | undefined {
  if (code === 0) return undefined;
  return code === null ? `it was killed by ${signal ?? 'a signal'}` : `exit code ${code}`;
}

/** The message of such an error may repeat arguments; its code does not. */
function codeOf({ code }: NodeJS.ErrnoException): string {
  return `it cannot be started (${code ?? 'no code'})`;
}

/** False when it may not be killed, as when it has become another user's. */
function killGroup({ pid }: ChildProcessWithoutNullStreams): boolean {
  if (pid === undefined) return true;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // No such process: the group is gone already, which is what was wanted.
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    return code === 'ESRCH';
  }
  return true;
}
