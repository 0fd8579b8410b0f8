// Starts processes, waits for them, and ends every one of them by its pid. What CPU they used is in accounts.mjs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const started = new Set();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** A child that ends with this process at the latest. `options` as for spawn(). */
export function start(command, args, options) {
  const child = spawn(command, args, options);
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
}

/** Asks a child to end and waits until it has; after ten seconds it is not asked any more. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

/** Runs to the end and returns what it wrote to standard output. Throws when it fails. */
export async function run([command, ...args], input = '', options = {}) {
  const child = start(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (part) => {
      text[name] += part;
    });
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${text.stderr || text.stdout}`);
  return text.stdout;
}

/**
 * Asks again and again until the answer is not undefined, and rests most of the time, since who answers is measured. Throws
 * after the deadline with what was awaited.
 */
export async function until(what, ask, withinMs = 30_000, everyMs = 50) {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const askedMs = performance.now();
    const answer = await ask();
    const restMs = Math.max(everyMs, 5 * (performance.now() - askedMs));
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, restMs);
    });
  }
}
