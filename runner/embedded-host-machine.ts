/**
 * The machine inside an embedded host: a directory with a small systemd of shell scripts, one unit with a real
 * process, a boot id and an uptime of its own. It owns files and processes and knows nothing of SSH.
 *
 * It is no sandbox: scripts run on this computer as this user. What makes it a machine of its own is a PATH with
 * its own systemctl, reboot, shutdown, sudo and journalctl in front, its own HOME, and that /run/mendd,
 * /proc/uptime and /proc/sys/kernel/random/boot_id are replaced in the text of scripts before they run.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { machineScripts } from './embedded-host-scripts.ts';

export const workerUnit = 'queue-worker';

export interface MachineCounts {
  /** The first boot included. */
  boots: number;
  /** Times the worker was started, also without success. */
  workerStarts: number;
}

export interface Machine {
  /** Environment of everything that runs on it. */
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  bootId: () => string;
  counts: () => MachineCounts;
  workerState: () => 'active' | 'failed' | 'inactive';
  /** `crash`: a restart mends it. `broken`: restarts seem to work and do not, until a reboot. */
  breakWorker: (kind: 'crash' | 'broken') => void;
  /** While on, the worker is found in the other state each time its state is asked. */
  setWorkerFlapping: (on: boolean) => void;
  /** Script text as this machine must run it. */
  translate: (script: string) => string;
  /** Refreshes what only looks like a file of the kernel. */
  tick: () => void;
  rebootRequested: () => boolean;
  /** A new boot id, an empty /run, enabled units started. */
  boot: () => Promise<void>;
  /** Ends every process of this machine. */
  halt: () => void;
}

const kernelPaths =
  /(?<![\w./-])\/(?:(?:var\/)?run\/mendd|proc\/uptime|proc\/sys\/kernel\/random\/boot_id)\b/g;
/** The directory's name is put into scripts unquoted. */
const plainPath = /^\/[\w./+-]+$/;

/** Errors: throws when the directory's path has characters that scripts would have to quote. */
export function createMachine(name: string, directory: string): Machine {
  if (!plainPath.test(directory))
    throw new Error(`an embedded host cannot live in ${directory}: use plain letters`);
  const at = (...parts: string[]): string => join(directory, ...parts);
  const unit = (file: string): string => at('units', workerUnit, file);
  const home = at('home');
  const env = {
    PATH: `${at('bin')}:${process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'}`,
    HOME: home,
    USER: 'mendd',
    LOGNAME: 'mendd',
    LANG: 'C.UTF-8',
    MENDD_EMBEDDED_HOST: directory,
  };
  let boots = 0;
  let bootId = '';
  let bootedMonoMs = 0;

  for (const folder of ['bin', 'home', 'proc/sys/kernel/random', `units/${workerUnit}`]) {
    mkdirSync(at(folder), { recursive: true, mode: 0o700 });
  }
  for (const [script, text] of Object.entries(machineScripts(name, directory, process.pid))) {
    writeFileSync(at('bin', script), text);
    chmodSync(at('bin', script), 0o755);
  }
  for (const [file, text] of Object.entries({ state: 'inactive', starts: '0', enabled: '', pid: '' })) {
    writeFileSync(unit(file), `${text}\n`);
  }

  const tick = (): void => {
    const upSec = (performance.now() - bootedMonoMs) / 1000;
    writeFileSync(at('proc/uptime'), `${upSec.toFixed(2)} 0.00\n`);
  };
  const killWorker = (): void => kill(Number(read(unit('pid'))), 'SIGKILL');

  return {
    env,
    home,
    bootId: () => bootId,
    counts: () => ({ boots, workerStarts: Number(read(unit('starts'))) }),
    workerState() {
      const state = read(unit('state'));
      return state === 'active' || state === 'failed' ? state : 'inactive';
    },
    breakWorker(kind) {
      if (kind === 'broken') writeFileSync(unit('broken'), '');
      writeFileSync(unit('state'), 'failed\n');
      killWorker();
      appendFileSync(unit('journal'), `${workerUnit}: Main process exited, code=killed, status=9/KILL\n`);
    },
    setWorkerFlapping(on) {
      if (on) writeFileSync(unit('flapping'), '');
      else rmSync(unit('flapping'), { force: true });
    },
    translate: (script) => script.replace(kernelPaths, (path) => at(path.replace(/^\/var/, ''))),
    tick,
    rebootRequested: () => existsSync(at('reboot')),
    async boot() {
      rmSync(at('reboot'), { force: true });
      rmSync(at('run'), { recursive: true, force: true });
      mkdirSync(at('run'), { mode: 0o700 });
      boots += 1;
      bootId = randomUUID();
      bootedMonoMs = performance.now();
      writeFileSync(at('proc/sys/kernel/random/boot_id'), `${bootId}\n`);
      tick();
      rmSync(unit('broken'), { force: true });
      writeFileSync(unit('state'), 'inactive\n');
      await promisify(execFile)(at('bin/systemctl'), ['start', '--', workerUnit], { env, cwd: home });
    },
    halt() {
      killWorker();
      for (const pid of familyOf(directory)) kill(pid, 'SIGKILL');
    },
  };
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

function kill(pid: number, signal: 'SIGKILL'): void {
  if (!Number.isInteger(pid) || pid <= 1) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    // ESRCH: it has ended. EPERM: the number belongs to somebody else by now.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Processes that carry the machine's mark in their environment; only Linux tells. */
function familyOf(directory: string): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  const mark = `MENDD_EMBEDDED_HOST=${directory}`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && environmentOf(entry).includes(mark))
    .map(Number);
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch (error) {
    // It has ended meanwhile, or belongs to another user.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM' || code === 'ESRCH') return [];
    throw error;
  }
}
