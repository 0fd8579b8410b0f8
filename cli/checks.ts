/** `mendd checks`: the checks as the daemon sees them, problems first. */
import type { Command } from 'commander';
import type { CheckRow, HostRow } from './api-types.ts';
import type { ApiClient } from './client.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { byState, checkColumns } from './states.ts';
import { showOrWatch, type WatchOptions, withWatch } from './watch.ts';

interface ChecksOptions extends ApiOptions, WatchOptions {
  host?: string;
  state?: string;
  label?: string;
  problems: boolean;
}

export function addChecks(program: Command): void {
  const command = addCommand(program, 'checks', 'list the checks, problems first', [
    'checks --problems',
    "checks --host 'web-*' --state critical,unknown",
    'checks --label role=worker -o ndjson',
  ]);
  withWatch(withApi(command))
    .option('--host <glob>', 'only on hosts with such a name')
    .option('--state <states>', 'only ok, warning, critical, unknown or pending (a comma between several)')
    .option('--label <labels>', 'only on hosts with key=value, or key; all of several')
    .option('--problems', 'only warning, critical and unknown', false)
    .action(async (options: ChecksOptions) => {
      const session = await openSession(options);
      await showOrWatch(
        session,
        options,
        () => read(session.client, options),
        (rows) => {
          rows.sort((a, b) => byState(a.status.state, b.status.state));
          session.out.list('checks', rows, checkColumns, 'No check matches.');
        },
      );
    });
}

async function read(client: ApiClient, options: ChecksOptions): Promise<CheckRow[]> {
  const { host, state, label } = options;
  const problems = options.problems ? 'true' : undefined;
  const checks = await client.list<CheckRow>('/api/v1/checks', { host, state, problems });
  if (label === undefined) return checks;
  const hosts = await client.list<HostRow>('/api/v1/hosts', { host, label });
  const chosen = new Set(hosts.map(({ name }) => name));
  return checks.filter((row) => chosen.has(row.host));
}
