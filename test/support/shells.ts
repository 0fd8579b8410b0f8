/** Gives tests the POSIX shells of this machine, each with a PATH of its own, so that single tools can be missing. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runner, RunOutcome } from '../../core/ports.ts';

export interface Shell {
  name: string;
  /** Empty HOME of this shell's scripts. */
  home: string;
  /** Directory that is its whole PATH. */
  bin: string;
  remove(): void;
}

const tools =
  'cat chmod cksum date dd echo env false find flock grep head id kill ls mkdir mkfifo mv printf ps rm rmdir sed seq setsid sha256sum sleep sort tail touch tr true uname wc yes'.split(
    ' ',
  );

const places: Record<string, string> = {
  dash: '/usr/bin/dash',
  bash: '/bin/bash',
  busybox: '/bin/busybox',
};

export const shellNames = ['dash', 'bash', 'busybox'].filter((name) => existsSync(places[name] ?? ''));

export function makeShell(name: string, options: { without?: string[] } = {}): Shell {
  const place = places[name];
  if (place === undefined) throw new Error(`no shell ${name}`);
  const root = mkdtempSync(join(tmpdir(), `mendd-${name}-`));
  const bin = join(root, 'bin');
  const home = join(root, 'home');
  mkdirSync(bin);
  mkdirSync(home);
  for (const tool of tools) {
    if (options.without?.includes(tool)) continue;
    if (name === 'busybox' && !applets().includes(tool)) continue;
    const program =
      name === 'busybox'
        ? place
        : ['/usr/bin', '/bin'].map((folder) => join(folder, tool)).find((path) => existsSync(path));
    if (program !== undefined) symlinkSync(program, join(bin, tool));
  }
  symlinkSync(place, join(bin, 'sh'));
  return { name, home, bin, remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** What this busybox was built with; a name it lacks would only fail when it is called. */
function applets(): string[] {
  return execFileSync(places['busybox'] ?? '', ['--list'], { encoding: 'utf8' }).split('\n');
}

export interface ShellRunner extends Runner {
  /** The processes of runs that have not ended, newest last. */
  processes(): ChildProcess[];
}

/** A Runner whose one host is the given shell. It does not limit time: what it runs must end by itself. */
export function shellRunner(shell: Shell): ShellRunner {
  const running: ChildProcess[] = [];
  return {
    processes: () => running,
    run: (request) =>
      new Promise<RunOutcome>((resolve) => {
        const startedAtMs = Date.now();
        const ended = () => ({ startedAtMs, durationMs: Date.now() - startedAtMs });
        const refusal = request.beforeSend?.();
        if (refusal !== undefined) return resolve({ kind: 'not_sent', reason: refusal, ...ended() });
        const child = spawn(join(shell.bin, 'sh'), ['-c', request.script], {
          env: { PATH: shell.bin, HOME: shell.home, ...request.env },
          detached: true,
          stdio: 'pipe',
        });
        running.push(child);
        // EPIPE when the script ends without reading: its own business.
        child.stdin.on('error', () => undefined);
        child.stdin.end(request.stdin ?? '');
        let stdout = '';
        let stderr = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
        child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
        child.on('close', (code, signal) => {
          running.splice(running.indexOf(child), 1);
          const ran = { stdout, stderr, truncated: false, ...ended() };
          resolve(
            code === null
              ? { kind: 'killed', signal: signal ?? '', ...ran }
              : { kind: 'exited', exitCode: code, ...ran },
          );
        });
        return undefined;
      }),
    update: () => undefined,
    connections: () => ({ open: 0, connecting: 0, waiting: 0, evicted: 0, turnedAway: 0 }),
    batches: () => ({ execs: 0, checks: 0, again: 0 }),
    close: () => Promise.resolve(),
  };
}
