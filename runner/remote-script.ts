/**
 * Builds what a host executes: a short constant command for the login shell, and sh text that goes through
 * its standard input. Text only; it never sends anything.
 *
 * The command of an SSH exec request (and of sudo) is readable by every user of the host in `ps` and in logs,
 * must be valid in csh and fish, and Linux limits it to 128 KiB. So it carries nothing but the name of a shell;
 * script and environment follow as data, and that moment is the one at which an action is really sent.
 */
import type { SudoDefinition } from '../core/definitions.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { RunEnd } from './run-watch.ts';

/**
 * What ends a script in time on the host: coreutils' `timeout` (it kills the process group), a watchdog in an
 * own session, or a watchdog that reaches the main process only.
 */
export type Limiter = 'timeout' | 'setsid' | 'shell';

export interface ScriptRequest {
  script: string;
  timeoutMs: number;
  sudo?: SudoDefinition;
  env?: Readonly<Record<string, string>>;
  stdin?: string | Uint8Array;
}

/** Seconds between TERM and KILL for a script that is out of time. */
export const killGraceMs = 5_000;

export interface RemoteScript {
  /** For the login shell, whichever it is. */
  command: string;
  /** Written to the command's standard input, which is then closed. */
  input: Buffer;
}

export function remoteScript(request: ScriptRequest, limiter: Limiter): RemoteScript {
  const closed = request.stdin === undefined;
  const body = Buffer.from(wrap(request, limiter, closed));
  const prefix = request.sudo ? `sudo -n -u ${quoteShell(request.sudo.user)} -- ` : '';
  if (request.stdin === undefined) return { command: `exec ${prefix}/bin/sh -s`, input: body };
  // dd takes the script's bytes off the stream one by one, so that the rest is left for the script to read.
  const reader = `eval "$(dd bs=1 count=${body.length} 2>/dev/null)"`;
  return {
    command: `exec ${prefix}/bin/sh -c '${reader}'`,
    input: Buffer.concat([body, Buffer.from(request.stdin)]),
  };
}

/** A brace group: sh parses it to its end before it runs any of it, so a cut-off text runs nothing. */
export function wrap(request: ScriptRequest, limiter: Limiter, closedStdin: boolean): string {
  const environment = Object.entries({ LC_ALL: 'C', LANG: 'C', ...request.env })
    .map(([name, value]) => `${environmentName(name)}=${quoteShell(value)}`)
    .join(' ');
  const run = `/bin/sh -c ${quoteShell(request.script)}`;
  const limit =
    limiter === 'timeout'
      ? limitByTimeout(run, request.timeoutMs, closedStdin)
      : limitByWatchdog(run, request.timeoutMs, closedStdin, limiter === 'setsid');
  return `{ export ${environment}\n${limit}\n}\n`;
}

export function environmentName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new RangeError(`not a variable name: ${name}`);
  return name;
}

function limitByTimeout(run: string, timeoutMs: number, closedStdin: boolean): string {
  const limitSec = Math.max(1, timeoutMs) / 1000;
  return `exec timeout -k ${killGraceMs / 1000} ${limitSec} ${run}${closedStdin ? ' </dev/null' : ''}`;
}

/** A background list gets /dev/null as its stdin (POSIX XCU 2.9.3.1), hence the detour over descriptor 3. */
function limitByWatchdog(run: string, timeoutMs: number, closedStdin: boolean, ownSession: boolean): string {
  const session = ownSession ? 'setsid ' : '';
  const group = ownSession ? '-' : '';
  const input = closedStdin ? '</dev/null' : '<&3 3<&-';
  const limitSec = Math.ceil(timeoutMs / 1000);
  const watch = `sleep ${limitSec}; kill -TERM ${group}$1; sleep ${killGraceMs / 1000}; kill -KILL ${group}$1`;
  return [
    ...(closedStdin ? [] : ['exec 3<&0']),
    `${session}${run} ${input} &`,
    'run=$!',
    `${session}/bin/sh -c '${watch}' watchdog "$run" </dev/null >/dev/null 2>&1 3<&- &`,
    'dog=$!',
    'wait "$run"; code=$?',
    // The second form is for a watchdog that did not get as far as its own session yet.
    `kill -TERM ${group}$dog 2>/dev/null || kill -TERM $dog 2>/dev/null`,
    'exit "$code"',
  ].join('\n');
}

const marker = 'mendd-host-answers:';

/**
 * Asked once on every new connection. Besides choosing the limiter it proves that the login runs commands at
 * all: /usr/sbin/nologin exits 1, which a check would otherwise read as a verdict.
 */
export const probeScript = `{
if timeout --foreground -k 1 5 true 2>/dev/null; then l=timeout
elif command -v setsid >/dev/null 2>&1; then l=setsid
else l=shell; fi
echo
echo ${marker}$l
exit 0
}
`;

/** Undefined when the marker is missing: something else than sh answered. Noise of start-up files is skipped. */
export function readProbe(stdout: string): Limiter | undefined {
  for (const line of stdout.split('\n')) {
    if (!line.startsWith(marker)) continue;
    const found = line.slice(marker.length).trim();
    if (found === 'timeout' || found === 'setsid' || found === 'shell') return found;
  }
  return undefined;
}

/**
 * Whether an end by exit code or signal, `durationMs` after the start, is the limiter's doing: 124 from
 * `timeout`, 137 or KILL when it had to kill, 143 or TERM from the watchdog.
 */
export function endedByLimit(end: RunEnd, durationMs: number, limitMs: number): boolean {
  if (durationMs < limitMs) return false;
  return 'signal' in end
    ? end.signal === 'SIGKILL' || end.signal === 'SIGTERM'
    : end.exitCode === 124 || end.exitCode === 137 || end.exitCode === 143;
}
