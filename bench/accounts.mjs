// The CPU of everything that one contender starts. A control group counts it where one may be made: children of children that
// outlive their parents too. Elsewhere /proc does, which misses those. Linux only.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { end, start } from './processes.mjs';

const msPerTick = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const parent = groupParent();
const open = new Set();
process.on('exit', () => {
  for (const group of open) removeNow(group);
});

/** For the notes under a table. */
export const accounting =
  parent === undefined
    ? 'CPU from /proc, in steps of 10 ms: a process that outlived its parent is missing'
    : 'CPU from a control group for each contender, which counts every process it ever had';

/**
 * `start` and `command` put a process into the account, `cpuMs` is user and system time of all that were ever in it, `stop`
 * ends what is left in it. Several may be open; where /proc counts, only one may have children that end at a time.
 */
export function openAccount(name) {
  return parent === undefined
    ? procAccount()
    : groupAccount(join(parent, `mendd-bench-${process.pid}-${name}`));
}

function groupAccount(group) {
  mkdirSync(group);
  open.add(group);
  const enter = ['/bin/sh', '-c', `echo $$ >"${group}/cgroup.procs" && exec "$@"`, 'sh'];
  return {
    command: (argv) => [...enter, ...argv],
    start: (program, args, options) => start(enter[0], [...enter.slice(1), program, ...args], options),
    cpuMs: () => Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'))[1]) / 1000,
    pids: () => pidsIn(group),
    kill: () => killAll(group),
    async stop() {
      for (const deadlineMs = performance.now() + 10_000; performance.now() < deadlineMs; ) {
        if (pidsIn(group).length === 0) break;
        killAll(group);
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
      rmdirSync(group);
      open.delete(group);
    },
  };
}

function procAccount() {
  const children = new Set();
  const pids = () => tree([...children].filter((child) => child.exitCode === null).map((child) => child.pid));
  return {
    command: (argv) => argv,
    start(program, args, options) {
      const child = start(program, args, options);
      children.add(child);
      return child;
    },
    cpuMs: () => endedChildrenCpuMs() + treeCpuMs([...children].map((child) => child.pid)),
    pids,
    kill: () => killPids(pids()),
    stop: async () => void (await Promise.all([...children].map(end))),
  };
}

/** Where this process may make control groups: beside itself, or at the top as root. Undefined: nowhere. */
function groupParent() {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const mount = /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(mounts)?.[1];
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (mount === undefined || own === undefined) return undefined;
  const directory = join(mount, own);
  const probe = join(directory, `mendd-bench-${process.pid}`);
  try {
    mkdirSync(probe);
    const counts = existsSync(join(probe, 'cpu.stat'));
    rmdirSync(probe);
    return counts ? directory : undefined;
  } catch {
    // Not allowed, or read-only: the other way is as good for all but a few.
    return undefined;
  }
}

function pidsIn(group) {
  return readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
}

function killAll(group) {
  killPids(pidsIn(group));
}

function killPids(pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}

/** While this process exits, when nothing can be awaited. */
function removeNow(group) {
  for (let turn = 0; turn < 200; turn += 1) {
    try {
      killAll(group);
      rmdirSync(group);
      return;
    } catch (error) {
      if (error.code === 'ENOENT') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/**
 * User and system time of these processes, of all that live below them, and of all of those that have ended.
 * Units: milliseconds. Limits: steps of one clock tick, 10 ms. Source: proc_pid_stat(5).
 */
function treeCpuMs(pids) {
  const ticks = tree(pids).flatMap((pid) => statFields(pid)?.slice(11, 15) ?? []);
  return sum(ticks) * msPerTick;
}

function tree(pids) {
  const below = new Map();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const fields = statFields(name);
    if (fields === undefined) continue;
    const parentPid = Number(fields[1]);
    below.set(parentPid, [...(below.get(parentPid) ?? []), Number(name)]);
  }
  const all = [...pids];
  for (const pid of all) all.push(...(below.get(pid) ?? []));
  return all;
}

/** User and system time of all processes that this one started, that have ended, and all of theirs. Milliseconds. */
function endedChildrenCpuMs() {
  return sum(statFields('self').slice(13, 15)) * msPerTick;
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
