/** `mendd decisions`: what was decided about ladders and why, newest first. */
import type { Command } from 'commander';
import type { DecisionRow } from './api-types.ts';
import { type ApiOptions, addCommand, countOption, openSession, withApi } from './command.ts';
import type { Column } from './output.ts';
import { readInstant, showInstant } from './times.ts';
import { showOrWatch, type WatchOptions, withWatch } from './watch.ts';

interface DecisionsOptions extends ApiOptions, WatchOptions {
  host?: string;
  check?: string;
  action?: string;
  since?: string;
  limit: number;
}

export function addDecisions(program: Command): void {
  const command = addCommand(program, 'decisions', 'what was decided, and by which reason, newest first', [
    'decisions --host web-1 --since 1d',
    'decisions --action queue-workers.restart --limit 20',
  ]);
  withWatch(withApi(command))
    .option('--host <host>', 'only on this host')
    .option('--check <check>', 'only about this check, by its full name')
    .option('--action <action>', 'only about this action, by its full name')
    .option('--since <time>', 'only since: 2026-03-01T02:41:00Z, or 3h')
    .addOption(countOption('--limit <count>', 'at most so many', 50))
    .action(async (options: DecisionsOptions) => {
      const session = await openSession(options);
      const { client, out } = session;
      const { host, check, action } = options;
      const since = options.since === undefined ? undefined : readInstant('--since', options.since);
      const query = { host, check, action, since };
      const read = () => client.list<DecisionRow>('/api/v1/decisions', query, options.limit);
      await showOrWatch(session, options, read, (rows) =>
        out.list('decisions', rows, columns, 'Nothing was decided.'),
      );
    });
}

const columns: readonly Column<DecisionRow>[] = [
  { title: 'AT', cell: ({ at }) => showInstant(at) },
  { title: 'HOST', cell: ({ host }) => host },
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'VERDICT', cell: ({ verdict }) => verdict.replaceAll('_', ' ') },
  { title: 'TIMES', cell: ({ count }) => String(count) },
  { title: 'REASON', cell: ({ reason }) => reason.replaceAll('_', ' ') },
];
