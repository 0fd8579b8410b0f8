/** `mendd hosts`: the hosts as the daemon sees them, problems first. */
import type { Command } from 'commander';
import type { HostRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { byState, hostColumns } from './states.ts';

interface HostsOptions extends ApiOptions {
  host?: string;
  state?: string;
  label?: string;
}

export function addHosts(program: Command): void {
  const command = addCommand(program, 'hosts', 'list the hosts, problems first', [
    'hosts',
    'hosts --state unreachable',
    "hosts --host 'web-*' --label env=prod -o json",
  ]);
  withApi(command)
    .option('--host <glob>', 'only hosts with such a name')
    .option('--state <states>', 'only pending, up or unreachable (a comma between several)')
    .option('--label <labels>', 'only hosts with key=value, or key; all of several')
    .action(async (options: HostsOptions) => {
      const { client, out } = await openSession(options);
      const { host, state, label } = options;
      const hosts = await client.list<HostRow>('/api/v1/hosts', { host, state, label });
      hosts.sort((a, b) => byState(a.status.state, b.status.state) || problemsOf(b) - problemsOf(a));
      out.list('hosts', hosts, hostColumns, 'No host matches.');
    });
}

function problemsOf({ checks }: HostRow): number {
  return checks.critical * 10_000 + checks.unknown * 100 + checks.warning;
}
