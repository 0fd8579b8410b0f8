/**
 * Owns what the end of a command means: exit code, signal and time-out to a check's verdict, with the cause in words.
 * Never sees transport failures: a command whose end is not known has no verdict.
 */
import { formatDuration } from './duration.ts';
import { type PluginOutput, parsePluginOutput, printable } from './plugin-output.ts';
import type { RunOutcome } from './ports.ts';
import type { CheckResult, CheckState } from './types.ts';

/** Outcomes that are a verdict about the check. */
export type FinishedOutcome = Exclude<RunOutcome, { kind: 'unreachable' } | { kind: 'not_sent' }>;

export interface ExitVerdict {
  state: CheckState;
  /** Why it is UNKNOWN although the plugin did not say so. */
  cause?: string;
}

const states: readonly CheckState[] = ['ok', 'warning', 'critical', 'unknown'];

/** What a shell answers for a child that a signal ended: 128 + its number (POSIX, Shell Command Language 2.8.2). */
const signals: Readonly<Record<number, string>> = {
  129: 'SIGHUP',
  130: 'SIGINT',
  131: 'SIGQUIT',
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
  141: 'SIGPIPE',
  143: 'SIGTERM',
};

/**
 * `exit_map` first, then Nagios's 0..3, then UNKNOWN. Nagios itself calls other codes CRITICAL; they tell of a check that
 * did not work rather than of a service that does not, so here they are UNKNOWN, as in Icinga 2.
 */
export function stateOfExit(exitCode: number, exitMap: Readonly<Record<number, CheckState>>): ExitVerdict {
  const state = exitMap[exitCode] ?? states[exitCode];
  return state === undefined ? { state: 'unknown', cause: causeOfExit(exitCode) } : { state };
}

function causeOfExit(exitCode: number): string {
  if (exitCode === 126) return 'not executable (exit code 126)';
  if (exitCode === 127) return 'command not found (exit code 127)';
  const signal = signals[exitCode];
  const outside = `exit code ${exitCode} is outside 0-3`;
  return signal === undefined ? outside : `${outside} (the shell's way to say ${signal})`;
}

/**
 * The verdict of one finished run. The text is the plugin's own; a cause stands before it. Without any stdout the first
 * line of stderr is shown and said to be that.
 * A command that did not end by itself may have been cut in the middle of a number, so its perfdata is dropped; so is
 * the last item of output that was cut at the runner's limit.
 */
export function resultOf(
  outcome: FinishedOutcome,
  exitMap: Readonly<Record<number, CheckState>> = {},
): CheckResult {
  const output = parsePluginOutput(outcome.stdout);
  const { state, cause } = verdictOf(outcome, exitMap);
  const said = output.text === '' && output.longText.trim() === '' ? stderrText(outcome.stderr) : output.text;
  return {
    state,
    text: cause === undefined ? said || '(no output)' : said === '' ? cause : `${cause}: ${said}`,
    longText: outcome.truncated ? `${output.longText}\n(output was cut)`.trimStart() : output.longText,
    perfdata: believable(outcome, output),
    ...(outcome.kind === 'exited' ? { exitCode: outcome.exitCode } : {}),
    startedAtMs: outcome.startedAtMs,
    durationMs: outcome.durationMs,
  };
}

function verdictOf(outcome: FinishedOutcome, exitMap: Readonly<Record<number, CheckState>>): ExitVerdict {
  if (outcome.kind === 'exited') return stateOfExit(outcome.exitCode, exitMap);
  if (outcome.kind === 'killed')
    return { state: 'unknown', cause: `killed by ${signalName(outcome.signal)}` };
  return { state: 'unknown', cause: `timed out after ${formatDuration(outcome.limitMs)}` };
}

/** SSH gives `KILL` (RFC 4254 6.10), Node gives `SIGKILL`. The name comes from the far side, so it is not trusted. */
function signalName(signal: string): string {
  const name = printable(signal).slice(0, 40);
  return /^(SIG|$)/.test(name) ? name || 'a signal' : `SIG${name}`;
}

function stderrText(stderr: string): string {
  const line = printable(stderr)
    .split('\n')
    .find((each) => each.trim() !== '');
  return line === undefined ? '' : `(no output on stdout) stderr: ${line.trim().slice(0, 1000)}`;
}

function believable(outcome: FinishedOutcome, output: PluginOutput): PluginOutput['perfdata'] {
  if (outcome.kind !== 'exited') return [];
  return outcome.truncated ? output.perfdata.slice(0, -1) : output.perfdata;
}
