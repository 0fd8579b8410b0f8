/** A fleet of real machines for one test file: up, the namespace the daemon lives in, down. Mechanics live in fleet.sh. */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CallFleet, type Exit, Machine } from './machine.ts';

const script = fileURLToPath(new URL('fleet.sh', import.meta.url));
let fleets = 0;
/** How long a slow machine may take; alone the next login to a host that was down may be put off by half of it. */
export const patienceMs = 60_000;

export interface FleetRequest {
  machines: readonly string[];
  /** Of each machine's disk, as tmpfs reads it (`256m`). */
  size?: string;
  /** The next `upFleet` removes this one when that process is gone. Default: this process. */
  ownerPid?: number;
}

export interface Fleet {
  machines: readonly Machine[];
  /** Errors: throws for a name that is not in the fleet. */
  machine(name: string): Machine;
  /** Name of the network namespace that reaches the machines. */
  opsNamespace: string;
  /** Private key that root and mendd accept on every machine. */
  identityFile: string;
  knownHostsFile: string;
  /** Directory of this fleet, removed by `down`; tests may put sockets and the like there. */
  dir: string;
  /** Starts a program where the daemon belongs; the child's pid is the program's own. */
  spawnInOps(argv: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Removes everything the fleet made, programs in its namespaces included. */
  down(): Promise<void>;
}

/**
 * Starts machines and returns when all are up: units settled, sshd answering. Also removes fleets of test processes
 * that are gone. Errors: throws with the words of fleet.sh.
 */
export async function upFleet(request: FleetRequest): Promise<Fleet> {
  fleets += 1;
  const id = `t${process.pid}-${fleets}`;
  const call: CallFleet = (...args) => run(args, { ...process.env, FLEET: id, SSH_TIMEOUT: '3' });
  const down = async () => {
    const exit = await call('down');
    if (exit.code !== 0) throw new Error(`fleet.sh down: exit ${exit.code}: ${exit.stderr}`);
  };
  const size = request.size === undefined ? [] : ['-s', request.size];
  const up = await call('up', '-o', String(request.ownerPid ?? process.pid), ...size, ...request.machines);
  if (up.code !== 0) {
    await down();
    throw new Error(`fleet.sh up: exit ${up.code}: ${up.stderr}`);
  }
  const dir = join('/run/mendd-fleet', id);
  const machines = request.machines.map((name) => {
    const home = join(dir, 'machines', name);
    return new Machine(name, readFileSync(join(home, 'address'), 'utf8').trim(), home, call);
  });
  const opsNamespace = `mendd-${id}-ops`;
  return {
    machines,
    machine(name) {
      const found = machines.find((machine) => machine.name === name);
      if (found === undefined) throw new Error(`no machine ${name} in this fleet`);
      return found;
    },
    opsNamespace,
    identityFile: join(dir, 'key'),
    knownHostsFile: join(dir, 'known_hosts'),
    dir,
    spawnInOps: (argv, options = {}) =>
      spawn('nsenter', [`--net=/run/netns/${opsNamespace}`, '--', ...argv], options),
    down,
  };
}

/** Asks until `read` answers. Limits: `withinMs`, then throws with what was awaited. */
export async function until<T>(
  what: string,
  read: () => Promise<T | undefined> | T | undefined,
  withinMs = patienceMs,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Exit> {
  return new Promise((resolve, reject) => {
    execFile(script, args, { env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
      else reject(error);
    });
  });
}
