/** `mendd checks`: the checks as the daemon sees them, problems first. */
import type { Command } from 'commander';
import type { CheckRow, HostRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { byState, checkColumns } from './states.ts';

interface ChecksOptions extends ApiOptions {
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
  withApi(command)
    .option('--host <glob>', 'only on hosts with such a name')
    .option('--state <states>', 'only ok, warning, critical, unknown or pending (a comma between several)')
    .option('--label <labels>', 'only on hosts with key=value, or key; all of several')
    .option('--problems', 'only warning, critical and unknown', false)
    .action(async (options: ChecksOptions) => {
      const { client, out } = await openSession(options);
      const { host, state, label } = options;
      const problems = options.problems ? 'true' : undefined;
      const checks = await client.list<CheckRow>('/api/v1/checks', { host, state, problems });
      const chosen =
        label === undefined
          ? undefined
          : new Set((await client.list<HostRow>('/api/v1/hosts', { host, label })).map(({ name }) => name));
      const shown = checks
        .filter((row) => chosen?.has(row.host) ?? true)
        .sort((a, b) => byState(a.status.state, b.status.state));
      out.list('checks', shown, checkColumns, 'No check matches.');
    });
}
