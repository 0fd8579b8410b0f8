/** `mendd hosts`: the hosts as the daemon sees them, problems first; or one of them, and where each of its values comes from. */
import type { Command } from 'commander';
import type { HostRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { usageError } from './exit.ts';
import type { Column } from './output.ts';
import { byState, hostColumns } from './states.ts';
import { showOrWatch, type WatchOptions, withWatch } from './watch.ts';

interface HostsOptions extends ApiOptions, WatchOptions {
  host?: string;
  state?: string;
  label?: string;
  explain?: string;
}

/** As the API tells it. */
interface OriginRow {
  key: string;
  value: unknown;
  from: string;
}

const originColumns: readonly Column<OriginRow>[] = [
  { title: 'KEY', cell: ({ key }) => key },
  { title: 'VALUE', cell: ({ value }) => (typeof value === 'string' ? value : JSON.stringify(value)) },
  { title: 'FROM', cell: ({ from }) => from },
];

export function addHosts(program: Command): void {
  const command = addCommand(program, 'hosts', 'list the hosts, problems first', [
    'hosts',
    'hosts --state unreachable',
    "hosts --host 'web-*' --label env=prod -o json",
    'hosts --explain web-1',
  ]);
  withWatch(withApi(command))
    .option('--host <glob>', 'only hosts with such a name')
    .option('--state <states>', 'only pending, up or unreachable (a comma between several)')
    .option('--label <labels>', 'only hosts with key=value, or key; all of several')
    .option('--explain <host>', 'every value of one host, and where it comes from')
    .action(async (options: HostsOptions) => {
      const session = await openSession(options);
      const { client, out } = session;
      const { host, state, label, explain } = options;
      if (explain !== undefined) {
        if ((host ?? state ?? label) !== undefined || options.watch)
          throw usageError('--explain is about one host.', 'Leave --host, --state, --label and --watch out.');
        const path = `/api/v1/hosts/${encodeURIComponent(explain)}/origin`;
        const { values } = await client.get<{ values: OriginRow[] }>(path);
        out.list('values', values, originColumns, 'Nothing is known of where its values come from.');
        return;
      }
      const read = () => client.list<HostRow>('/api/v1/hosts', { host, state, label });
      await showOrWatch(session, options, read, (hosts) => {
        hosts.sort((a, b) => byState(a.status.state, b.status.state) || problemsOf(b) - problemsOf(a));
        out.list('hosts', hosts, hostColumns, 'No host matches.');
      });
    });
}

function problemsOf({ checks }: HostRow): number {
  return checks.critical * 10_000 + checks.unknown * 100 + checks.warning;
}
