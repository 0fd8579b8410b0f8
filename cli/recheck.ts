/**
 * `mendd recheck`: lets the daemon run checks of a host now, and leaves with the worst Nagios state. Unlike `mendd check` it counts:
 * what comes of it is a result like every other.
 */
import type { Command } from 'commander';
import { exitCodes, MenddError } from '../core/errors.ts';
import type { CheckRow } from './api-types.ts';
import type { ApiClient } from './client.ts';
import { addCommand, type ChangeOptions, openSession, withChange } from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { resolveTarget, splitTarget } from './names.ts';
import type { Output } from './output.ts';
import { checkColumns, worstCode } from './states.ts';
import { showDuration } from './times.ts';
import { pauseFor } from './wait.ts';

/** Asked of the daemon at once; what runs at once on a host is its own affair. */
const atOnce = 5;
/** Where the daemon has no room it is asked again, so often; and so much later where it does not say when. Milliseconds. */
const mostAsked = 10;
const againMs = 5_000;

export function addRecheck(program: Command): void {
  const summary =
    'let the daemon run checks of a host now, not when they are due; needs a token with the scope act. Exit code: the worst state';
  const command = addCommand(program, 'recheck <host> [check]', summary, [
    'recheck web-1/running',
    'recheck web-1           # all that are not told by others',
  ]);
  withChange(command).action(recheck);
}

async function recheck(target: string, named: string | undefined, options: ChangeOptions): Promise<void> {
  const wanted = splitTarget(target, named);
  const { client, out } = await openSession(options);
  const { host, check } = await resolveTarget(client, wanted);
  const checks = check === undefined ? await askedChecks(client, host) : [check];
  const rows: CheckRow[] = [];
  const failures: Error[] = [];
  for (let from = 0; from < checks.length && failures.length === 0; from += atOnce) {
    const asked = checks.slice(from, from + atOnce).map((each) => run(client, out, host, each));
    for (const came of await Promise.all(asked)) {
      if (came instanceof Error) failures.push(came);
      else rows.push(came);
    }
  }
  const [failure] = failures;
  // What was run is told also when the rest could not be.
  if (failure === undefined || rows.length > 0) out.list('checks', rows, checkColumns, 'Nothing was run.');
  if (failure !== undefined) throw failure;
  const unasked = rows.filter(({ stale, status }) => stale || status.state === 'pending');
  for (const row of unasked)
    out.talk(`${row.host}/${row.check}: no new result; \`mendd hosts\` says whether the host can be asked.`);
  const states = rows.map((row) => (unasked.includes(row) ? 'unknown' : row.status.state));
  process.exitCode = options.dryRun === true ? exitCodes.ok : worstCode(states);
}

/** Errors: 64 when there is none. */
async function askedChecks(client: ApiClient, host: string): Promise<string[]> {
  const rows = await client.list<CheckRow>('/api/v1/checks', { host });
  const checks = rows.filter(({ kind }) => kind !== 'passive').map(({ check }) => check);
  if (checks.length === 0)
    throw usageError(`${host} has no checks that are run.`, '`mendd checks` lists all.');
  return checks;
}

/** Or why it was not run. */
async function run(
  client: ApiClient,
  out: Output,
  host: string,
  check: string,
): Promise<CheckRow | MenddError | CommandError> {
  const path = `/api/v1/checks/${encodeURIComponent(host)}/${encodeURIComponent(check)}/run`;
  for (let asked = 1; ; asked += 1) {
    try {
      return await client.postSlow<CheckRow>(path, {});
    } catch (error) {
      if (!(error instanceof MenddError || error instanceof CommandError)) throw error;
      if (!(error instanceof CommandError) || error.exitCode !== exitCodes.tryAgain || asked === mostAsked)
        return error;
      const waitMs = error.retryAfterMs ?? againMs;
      out.talk(`${host}/${check}: ${error.message} Asked again in ${showDuration(waitMs)}.`);
      await pauseFor(waitMs);
    }
  }
}
