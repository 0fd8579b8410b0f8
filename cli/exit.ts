/**
 * The one boundary where an error becomes a sentence, a hint and an exit code. It prints on stderr only, and lets bugs through.
 */
import { CommanderError } from 'commander';
import { exitCodes, MenddError } from '../core/errors.ts';
import { plain } from './plain-text.ts';

/** A failure of one command that is none of the environment's: a wrong name, a refused request, a run that failed. */
export class CommandError extends Error {
  readonly exitCode: number;
  readonly hint: string | undefined;
  /** More lines that explain it, each told as it is. */
  readonly details: readonly string[];
  /** When asking again may help, as far as that was told. Milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    exitCode: number,
    message: string,
    more: { hint?: string; details?: readonly string[]; retryAfterMs?: number } = {},
  ) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.hint = more.hint;
    this.details = more.details ?? [];
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** The command was typed wrong: an unknown name, a value that means nothing. */
export function usageError(message: string, hint?: string): CommandError {
  return new CommandError(exitCodes.usage, message, hint === undefined ? {} : { hint });
}

/** Names such as HEAD mean nothing to the daemon's copy of a repository. Errors: 64. */
export function mustBeCommit(commit: string): void {
  if (/^[0-9a-f]{7,64}$/.test(commit)) return;
  const hint = 'Write at least seven digits of its hash; `mendd config` lists those that were in force.';
  throw usageError(`\`${commit}\` is no beginning of a commit.`, hint);
}

/** Runs a command line to its end and sets the exit code. Errors: those that are bugs. */
export async function runToExit(command: () => Promise<unknown>): Promise<void> {
  // A reader that has seen enough (`mendd runs | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  try {
    await command();
  } catch (error) {
    process.exitCode = tell(error);
  }
}

function tell(error: unknown): number {
  if (error instanceof CommanderError) return commanderExit(error);
  if (error instanceof MenddError) {
    // Problems start with their place, so that editors and people can follow it.
    const prefix = error.code === 'DEFINITIONS_INVALID' ? '' : 'mendd: ';
    say(`${prefix}${error.message}`, error.hint, []);
    return error.exitCode;
  }
  if (error instanceof CommandError) {
    say(`mendd: ${error.message}`, error.hint, error.details);
    return error.exitCode;
  }
  throw error;
}

function say(sentence: string, hint: string | undefined, details: readonly string[]): void {
  const lines = [sentence, ...details, ...(hint === undefined || hint === '' ? [] : [hint])];
  process.stderr.write(`${lines.map((line) => plain(line, { lines: true })).join('\n')}\n`);
}

/** commander has printed its own words already. Asked-for help is a success; help in place of a command is not. */
function commanderExit(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}
