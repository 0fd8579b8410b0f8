/** `mendd checks`: the checks as the daemon sees them, problems first. */
import type { Command } from 'commander';
import type { CheckRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { byState, checkColumns } from './states.ts';
import { showOrWatch, type WatchOptions, withWatch } from './watch.ts';

interface ChecksOptions extends ApiOptions, WatchOptions {
  host?: string;
  check?: string;
  state?: string;
  label?: string;
  stale: boolean;
  problems: boolean;
}

export function addChecks(program: Command): void {
  const command = addCommand(program, 'checks', 'list the checks, problems first', [
    'checks --problems',
    "checks --host 'web-*' --state critical,unknown",
    "checks --label role=worker --check '*.backup' -o ndjson",
    'checks --stale',
  ]);
  withWatch(withApi(command))
    .option('--host <glob>', 'only on hosts with such a name')
    .option('--check <glob>', 'only checks with such a full name')
    .option('--state <states>', 'only ok, warning, critical, unknown or pending (a comma between several)')
    .option('--label <labels>', 'only on hosts with key=value, or key; all of several')
    .option('--stale', 'only those without a fresh result', false)
    .option('--problems', 'only warning, critical and unknown', false)
    .action(async (options: ChecksOptions) => {
      const session = await openSession(options);
      const { host, check, state, label } = options;
      const [stale, problems] = [onlyIf(options.stale), onlyIf(options.problems)];
      const query = { host, check, state, label, stale, problems };
      await showOrWatch(
        session,
        options,
        () => session.client.list<CheckRow>('/api/v1/checks', query),
        (rows) => {
          rows.sort((a, b) => byState(a.status.state, b.status.state));
          session.out.list('checks', rows, checkColumns, 'No check matches.');
        },
      );
    });
}

function onlyIf(wanted: boolean): 'true' | undefined {
  return wanted ? 'true' : undefined;
}
