// Starts processes, knows what CPU they used, and ends every one of them by its pid. Linux only: it reads /proc.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

const started = new Set();
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** A child that ends with this process at the latest. */
export function start(command, args, stdio) {
  const child = spawn(command, args, { stdio });
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
export async function run(command, args, input = '') {
  const child = start(command, args, ['pipe', 'pipe', 'pipe']);
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

/** Asks again and again until the answer is not undefined. Throws after the deadline with what was awaited. */
export async function until(what, ask, withinMs = 30_000) {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

const msPerTick = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/**
 * User and system time of these processes, of all that live below them, and of all of those that have ended.
 * Units: milliseconds. Limits: steps of one clock tick, 10 ms. Source: proc_pid_stat(5).
 */
export function treeCpuMs(pids) {
  const below = new Map();
  const ticksOf = new Map();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const fields = statFields(name);
    if (fields === undefined) continue;
    const pid = Number(name);
    const parent = Number(fields[1]);
    below.set(parent, [...(below.get(parent) ?? []), pid]);
    ticksOf.set(pid, sum(fields.slice(11, 15)));
  }
  const tree = [...pids];
  for (const pid of tree) tree.push(...(below.get(pid) ?? []));
  return sum(tree.map((pid) => ticksOf.get(pid) ?? 0)) * msPerTick;
}

/** User and system time of all processes that this one started, that have ended, and all of theirs. Milliseconds. */
export function endedChildrenCpuMs() {
  return sum(statFields('self').slice(13, 15)) * msPerTick;
}

/** What `work` cost: `{ cpuMs, hostsCpuMs, wallMs }`. The other two arguments answer totals that only grow. */
export async function measureWork(clientCpuMs, hostsCpuMs, work) {
  const before = { client: clientCpuMs(), hosts: hostsCpuMs(), wall: performance.now() };
  await work();
  return {
    cpuMs: clientCpuMs() - before.client,
    hostsCpuMs: hostsCpuMs() - before.hosts,
    wallMs: performance.now() - before.wall,
  };
}

/** From `state` on: the name before it may hold anything. Undefined when the process is gone. */
function statFields(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
    throw error;
  }
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + Number(number), 0);
}
