/**
 * The `tcp` check: whether a port accepts a connection, and how fast. Asked by Node from the ops box, and with
 * whatever a target has when it runs there. It sends no byte.
 */
import { connect } from 'node:net';
import type { CheckPlan } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import { describeNetworkFailure } from './network-failure.ts';
import { type ProbeClock, timedProbe } from './probe.ts';
import {
  type Exited,
  lastLine,
  limitWords,
  resultFromRun,
  stateOfTime,
  type TimeLimits,
  timePerf,
  timeWords,
  type Verdict,
} from './verdict.ts';

interface TcpProbe extends TimeLimits {
  port: number;
}

export function planTcpProbe(probe: TcpProbe, address: string, clock: ProbeClock): CheckPlan {
  const where = placeWords(address, probe.port);
  return timedProbe(clock, async (limits) => {
    const outcome = await openOnce(address, probe.port, limits.signal);
    if (outcome === undefined) return judgeConnection(where, probe, limits.elapsedMs());
    if (limits.expired()) return { state: 'critical', text: `${where} no answer in ${limits.words}` };
    const { words, ownFault } = describeNetworkFailure(outcome);
    return { state: ownFault ? 'unknown' : 'critical', text: `${where} ${words}` };
  });
}

/** Resolves with the error, or with nothing when it connected. */
function openOnce(host: string, port: number, signal: AbortSignal): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', resolve);
  });
}

/**
 * On a target: bash, python3 or nc, the first that is there. The time is taken with `date +%s%N`; where that
 * knows no nanoseconds there is no response time, and a check with limits on it is UNKNOWN.
 */
export function planTcpCommand(probe: TcpProbe, address: string, timeoutMs: number): CheckPlan {
  const limitSec = innerLimitSec(timeoutMs);
  const words = `${quoteShell(address)} ${probe.port}`;
  return {
    kind: 'command',
    script: [
      'export LC_ALL=C',
      `if command -v timeout >/dev/null 2>&1; then limited() { timeout ${limitSec} "$@"; }`,
      'else limited() { "$@"; }; fi',
      'from=$(date +%s%N)',
      'if command -v bash >/dev/null 2>&1; then',
      `  limited bash -c 'exec 3<>"/dev/tcp/$0/$1"' ${words}`,
      'elif command -v python3 >/dev/null 2>&1; then',
      `  python3 -c ${quoteShell(pythonConnect)} ${words} ${limitSec}`,
      'elif command -v nc >/dev/null 2>&1; then',
      `  limited nc -z -w ${limitSec} ${words}`,
      'else',
      `  echo 'there is no bash, python3 or nc to open a connection with' >&2; exit 127`,
      'fi',
      'code=$?',
      'echo "time $from $(date +%s%N)"',
      'exit $code',
    ].join('\n'),
    read: (outcome) => resultFromRun(readTcp(probe, address, limitSec, outcome), outcome),
  };
}

const pythonConnect = `import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])).close()
except socket.timeout:
    sys.exit(124)
except OSError as error:
    sys.exit(str(error))`;

/** Leaves the runner's own limit room, so that a silent port is a verdict and not a time-out of the check. */
export function innerLimitSec(timeoutMs: number): number {
  return Math.max(1, Math.ceil(timeoutMs / 1000) - 1);
}

/** From a line `time FROM TO` in nanoseconds. */
export function readShellTime(stdout: string): number | undefined {
  const match = /^time (\d{16,}) (\d{16,})$/m.exec(stdout);
  return match === null ? undefined : Number(BigInt(match[2] ?? 0) - BigInt(match[1] ?? 0)) / 1e6;
}

/** What tools say when the asking machine is at fault, or the tool. */
export const ownFaultWords =
  /not known|name resolution|resolve host|unable to resolve|network is unreachable|no such file|(?:invalid|unknown|unrecognized) option|usage:/i;

function readTcp(probe: TcpProbe, address: string, limitSec: number, outcome: Exited): Verdict {
  const where = placeWords(address, probe.port);
  if (outcome.exitCode === 0) return judgeConnection(where, probe, readShellTime(outcome.stdout));
  // 124 and 143: cut off by timeout(1) of coreutils and of busybox.
  if (outcome.exitCode === 124 || outcome.exitCode === 143) {
    return { state: 'critical', text: `${where} no answer in ${limitSec} s` };
  }
  const said = lastLine(outcome.stderr);
  const cause = said.slice(said.lastIndexOf(': ') + 1).trim() || 'could not connect';
  const ownFault = outcome.exitCode >= 125 || ownFaultWords.test(outcome.stderr);
  return {
    state: ownFault ? 'unknown' : 'critical',
    text: `${where} ${ownFault ? said || `could not ask (exit ${outcome.exitCode})` : cause}`,
  };
}

function judgeConnection(where: string, limits: TimeLimits, tookMs: number | undefined): Verdict {
  const state = stateOfTime(tookMs, limits);
  const time = tookMs === undefined ? '' : ` in ${timeWords(tookMs)}`;
  const doubt = state === 'unknown' ? ', but this host cannot measure the response time' : '';
  return {
    state,
    text: `${where} connected${time}${limitWords(state, limits)}${doubt}`,
    perfdata: timePerf(tookMs, limits),
  };
}

function placeWords(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
