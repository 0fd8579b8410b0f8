/** `mendd runbooks`: the runbooks in force, or one of them with its checks and ladders. */
import type { Command } from 'commander';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import type { Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showDuration } from './times.ts';

interface RunbooksOptions extends ApiOptions {
  host?: string;
}

/** As the API tells it, as far as it is shown. */
interface RunbookRow {
  id: string;
  title: string;
  enabled: boolean;
  hosts: string[];
  source: string;
  checks: { id: string; kind: string; everyMs?: number; cron?: string; maxAttempts: number }[];
  ladders: {
    id: string;
    trigger: { check: string; on: string; states: string[] };
    rungs: { id: string; kind: string; mode: string; enabled: boolean }[];
  }[];
}

export function addRunbooks(program: Command): void {
  const command = addCommand(program, 'runbooks [runbook]', 'list the runbooks in force, or show one', [
    'runbooks',
    "runbooks --host 'web-*'",
    'runbooks queue-workers',
  ]);
  withApi(command)
    .option('--host <glob>', 'only those that are for such a host')
    .action(async (id: string | undefined, options: RunbooksOptions) => {
      const { client, out } = await openSession(options);
      if (id === undefined) {
        const rows = await client.list<RunbookRow>('/api/v1/runbooks', { host: options.host });
        out.list('runbooks', rows, columns, 'No runbook matches.');
        return;
      }
      const runbook = await client.get<RunbookRow>(`/api/v1/runbooks/${encodeURIComponent(id)}`);
      out.value(runbook, () => linesOf(out, runbook));
    });
}

const columns: readonly Column<RunbookRow>[] = [
  { title: 'RUNBOOK', cell: ({ id }) => id },
  { title: 'HOSTS', cell: ({ hosts }) => String(hosts.length) },
  { title: 'CHECKS', cell: ({ checks }) => String(checks.length) },
  { title: 'LADDERS', cell: ({ ladders }) => String(ladders.length) },
  {
    title: 'STATE',
    cell: ({ enabled }) => (enabled ? 'on' : 'disabled'),
    hue: (row) => (row.enabled ? undefined : 'warn'),
  },
  { title: 'SOURCE', cell: ({ source }) => source },
];

const checkColumns: readonly Column<RunbookRow['checks'][number]>[] = [
  { title: 'CHECK', cell: ({ id }) => id },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'ATTEMPTS', cell: ({ maxAttempts }) => String(maxAttempts) },
  {
    title: 'EVERY',
    cell: ({ kind, everyMs, cron }) =>
      kind === 'passive' ? 'never asked' : everyMs === undefined ? (cron ?? '') : showDuration(everyMs),
  },
];

function linesOf(out: Output, { title, enabled, hosts, source, checks, ladders }: RunbookRow): string[] {
  const ways = ladders.map(({ trigger, rungs }) => {
    const when = trigger.on === 'recovery' ? 'recovered' : trigger.states.join(', ');
    const steps = rungs.map((rung) => `${rung.id} (${rung.enabled ? rung.mode : 'disabled'})`);
    return `  ${plain(`${trigger.check} ${when}: ${steps.join(' → ')}`)}`;
  });
  return [
    `${out.paint('strong', plain(title))}${enabled ? '' : ` ${out.paint('warn', 'disabled')}`}  ${plain(source)}`,
    `${hosts.length} host${hosts.length === 1 ? '' : 's'}`,
    '',
    ...out.table(checks, checkColumns, '  '),
    ...(ways.length === 0 ? [] : ['', out.paint('strong', 'Ladders'), ...ways]),
  ];
}
