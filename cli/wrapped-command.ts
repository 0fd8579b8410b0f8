/** Runs a command for `mendd submit`, lets its output through, and makes a result of how it ended. It tells nobody. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { usageError } from './exit.ts';
import { plain } from './plain-text.ts';

export interface Wrapped {
  /** As a shell would leave. */
  exitCode: number;
  result: {
    state?: 'ok' | 'critical';
    exitCode?: number;
    output: string;
    at?: string;
    durationMs: number;
  };
}

/** Of what it printed, the end; the rest went through all the same. Bytes. */
const keptBytes = 16_384;
/** When it began longer ago the result is of when it ended: the daemon takes no older ones. Milliseconds. */
const longestMs = 30 * 60_000;

/** After its end, for what it left behind in its pipes. A child of it that goes on may keep them open for ever. Milliseconds. */
const afterwardsMs = 1_000;

/** How it ended; `error`: it was not started. */
interface Ending {
  code?: number;
  signal?: NodeJS.Signals;
  error?: NodeJS.ErrnoException;
}

/**
 * `asPlugin`: what it says is its own; otherwise any exit code but 0 is CRITICAL, and so is in both cases what cannot be started: 127
 * when it is not there, 126 otherwise, as a shell would leave. Errors: 64 without a command.
 */
export async function runWrapped(
  [program = '', ...args]: readonly string[],
  asPlugin: boolean,
): Promise<Wrapped> {
  if (program === '') throw usageError('Which command?', 'Write it behind --.');
  // The work is done and told whether or not somebody still reads what it says (`| head`).
  for (const stream of [process.stdout, process.stderr])
    stream.removeAllListeners('error').on('error', () => undefined);
  const startedAtMs = Date.now();
  const child = spawn(program, args, { stdio: ['inherit', 'pipe', 'pipe'] });
  let kept = Buffer.alloc(0);
  let plugin = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    kept = Buffer.concat([kept, chunk]).subarray(-keptBytes);
    plugin = Buffer.concat([plugin, chunk]).subarray(0, keptBytes);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    kept = Buffer.concat([kept, chunk]).subarray(-keptBytes);
  });
  const { code, signal, error } = await endOf(child);
  const durationMs = Date.now() - startedAtMs;
  const at = durationMs > longestMs ? {} : { at: new Date(startedAtMs).toISOString() };
  if (error !== undefined) {
    const why = `${program} cannot be run: ${error.message}`;
    process.stderr.write(`mendd: ${plain(why)}\n`);
    const exitCode = error.code === 'ENOENT' ? 127 : 126;
    return { exitCode, result: { state: 'critical', output: why.replaceAll('|', '/'), durationMs, ...at } };
  }
  const exitCode = exitCodeOf(code, signal);
  if (asPlugin) return { exitCode, result: { exitCode, output: plugin.toString('utf8'), durationMs, ...at } };
  const lines = kept.toString('utf8').trimEnd().split('\n');
  const last = (lines.at(-1) ?? '').replaceAll('|', '/').slice(0, 1_000);
  const how =
    exitCode === 0 ? 'ended well' : signal === undefined ? `exit code ${exitCode}` : `ended by ${signal}`;
  const text = `${how} after ${Math.round(durationMs / 1_000)} s${last === '' ? '' : `: ${last}`}`;
  const more = lines.length > 1 ? `\n${lines.join('\n').replaceAll('|', '/')}` : '';
  const output = `${text} | time=${(durationMs / 1_000).toFixed(3)}s;;;0${more}`;
  return { exitCode, result: { state: exitCode === 0 ? 'ok' : 'critical', output, durationMs, ...at } };
}

function exitCodeOf(code: number | undefined, signal: NodeJS.Signals | undefined): number {
  return code ?? 128 + (signal === undefined ? 0 : constants.signals[signal]);
}

/** Passes signals on until then. */
async function endOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Ending> {
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGTERM', pass).on('SIGINT', pass);
  try {
    return await new Promise<Ending>((resolve) => {
      let ending: Ending = {};
      child.on('error', (error) => {
        // One that runs as somebody else cannot be signalled; it is waited for all the same.
        if (child.pid === undefined) resolve({ error });
      });
      child.on('close', () => resolve(ending));
      child.on('exit', (code, signal) => {
        ending = { ...(code === null ? {} : { code }), ...(signal === null ? {} : { signal }) };
        setTimeout(() => resolve(ending), afterwardsMs).unref();
      });
    });
  } finally {
    process.off('SIGTERM', pass).off('SIGINT', pass);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}
