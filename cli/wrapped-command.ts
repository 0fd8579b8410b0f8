/** Runs a command for `mendd submit`, lets its output through, and makes a result of how it ended. It tells nobody. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { usageError } from './exit.ts';

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

/** `asPlugin`: what it says is its own; otherwise any exit code but 0 is CRITICAL. Errors: 64 when it cannot be started. */
export async function runWrapped(
  [program = '', ...args]: readonly string[],
  asPlugin: boolean,
): Promise<Wrapped> {
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
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGTERM', pass).on('SIGINT', pass);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', (error) => reject(usageError(`${program} cannot be run: ${error.message}.`)));
    child.on('close', (...ended) => resolve(ended));
  }).finally(() => process.off('SIGTERM', pass).off('SIGINT', pass));
  const durationMs = Date.now() - startedAtMs;
  const at = durationMs > longestMs ? {} : { at: new Date(startedAtMs).toISOString() };
  const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  if (asPlugin) return { exitCode, result: { exitCode, output: plugin.toString('utf8'), durationMs, ...at } };
  const lines = kept.toString('utf8').trimEnd().split('\n');
  const last = (lines.at(-1) ?? '').replaceAll('|', '/').slice(0, 1_000);
  const how =
    exitCode === 0 ? 'ended well' : signal === null ? `exit code ${exitCode}` : `ended by ${signal}`;
  const text = `${how} after ${Math.round(durationMs / 1_000)} s${last === '' ? '' : `: ${last}`}`;
  const more = lines.length > 1 ? `\n${lines.join('\n').replaceAll('|', '/')}` : '';
  const output = `${text} | time=${(durationMs / 1_000).toFixed(3)}s;;;0${more}`;
  return { exitCode, result: { state: exitCode === 0 ? 'ok' : 'critical', output, durationMs, ...at } };
}
