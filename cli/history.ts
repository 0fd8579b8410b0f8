/** `mendd history`: changes of state of a host and its checks, or of many, newest first; also of those that are gone. */
import type { Command } from 'commander';
import { formatDuration } from '../core/duration.ts';
import type { CheckRow, ResultRow, TransitionRow } from './api-types.ts';
import type { ApiClient, Query } from './client.ts';
import { type ApiOptions, addCommand, countOption, openSession, withApi } from './command.ts';
import { usageError } from './exit.ts';
import { type CheckTarget, pickName, resolveTarget, splitTarget } from './names.ts';
import type { Column } from './output.ts';
import { readRollups, rollupColumns } from './rollups.ts';
import { stateHue } from './states.ts';
import { readDuration, readInstant, showDuration, showInstant } from './times.ts';
import { showOrWatch, type WatchOptions, withWatch } from './watch.ts';

interface HistoryOptions extends ApiOptions, WatchOptions {
  label?: string;
  state?: string;
  results: boolean;
  sums?: string;
  since?: string;
  limit: number;
}

export function addHistory(program: Command): void {
  const command = addCommand(
    program,
    'history [host] [check]',
    'changes of state, newest first; without a host, of all',
    [
      'history web-1',
      'history web-1/running --since 2d',
      "history --label role=web --state critical      # or 'web-*' as the host",
      'history web-1/running --results --limit 20',
      'history web-1/running --sums 1h --since 7d      # also of what is older than its results',
    ],
  );
  withWatch(withApi(command))
    .option('--label <labels>', 'only on hosts with key=value, or key; all of several')
    .option('--state <states>', 'only changes to one of these, such as critical,unreachable')
    .option('--results', 'every result of one check, not only the changes', false)
    .option('--sums <step>', 'what the results of one check come to in each step: 5m, 1h')
    .option('--since <time>', 'only since: 2026-03-01T02:41:00Z, or 3h')
    .addOption(countOption('--limit <count>', 'at most so many', 50))
    .action(history);
}

async function history(
  target: string | undefined,
  name: string | undefined,
  options: HistoryOptions,
): Promise<void> {
  const { label, state } = options;
  const isList = options.sums !== undefined || options.results;
  if (isList && (label ?? state) !== undefined)
    throw usageError('--label and --state are for changes.', 'Leave out --results and --sums.');
  if (options.sums !== undefined && options.results)
    throw usageError('--results and --sums are two lists.', 'Give one of them.');
  const since = options.since === undefined ? undefined : readInstant('--since', options.since);
  if (target === undefined || (name === undefined && /^[^/]*[*?][^/]*$/.test(target))) {
    if (isList) throw usageError('The results of one check are listed.', 'Write HOST/CHECK.');
    return ofMany({ host: target, label, state, since }, options);
  }
  const wanted = splitTarget(target, name);
  const session = await openSession(options);
  const { client, out } = session;
  const { host, check } = await completed(client, wanted);
  if (options.sums !== undefined) {
    if (check === undefined) throw usageError('--sums needs a check.', `Write ${host}/CHECK.`);
    const path = `/api/v1/checks/${encodeURIComponent(host)}/${encodeURIComponent(check)}/rollups`;
    const step = formatDuration(readDuration('--sums', options.sums));
    const sums = () => readRollups(client, path, { since, step }, options.limit);
    return showOrWatch(session, options, sums, (rows) =>
      out.list('rollups', rows, rollupColumns, 'No result.'),
    );
  }
  if (options.results) {
    if (check === undefined) throw usageError('--results needs a check.', `Write ${host}/CHECK.`);
    const path = `/api/v1/checks/${encodeURIComponent(host)}/${encodeURIComponent(check)}/history`;
    const read = () => client.list<ResultRow>(path, { since }, options.limit);
    return showOrWatch(session, options, read, (rows) =>
      out.list('results', rows, resultColumns, 'No result.'),
    );
  }
  const query = { host, check, label, state, since };
  const read = async (): Promise<TransitionRow[]> => {
    const rows = await client.list<TransitionRow>('/api/v1/transitions', query, options.limit);
    // Nothing at all may be a name that never was.
    if (rows.length === 0) await resolveTarget(client, wanted);
    return rows;
  };
  await showOrWatch(session, options, read, (rows) =>
    out.list('transitions', rows, transitionColumns, 'No change of state.'),
  );
}

async function ofMany(query: Query, options: HistoryOptions): Promise<void> {
  const session = await openSession(options);
  const read = () => session.client.list<TransitionRow>('/api/v1/transitions', query, options.limit);
  const [at, ...rest] = transitionColumns;
  await showOrWatch(session, options, read, (rows) =>
    session.out.list('transitions', rows, [at, hostColumn, ...rest], 'No change of state.'),
  );
}

/** A check that is no longer defined keeps its history under its full name. */
async function completed(client: ApiClient, { host, check }: CheckTarget): Promise<CheckTarget> {
  if (check === undefined || check.includes('.')) return check === undefined ? { host } : { host, check };
  const rows = await client.list<CheckRow>('/api/v1/checks', { host });
  return {
    host,
    check: pickName(
      'check',
      check,
      rows.map((row) => row.check),
      host,
    ),
  };
}

const hostColumn: Column<TransitionRow> = { title: 'HOST', cell: (row) => row.host };

const transitionColumns: readonly [Column<TransitionRow>, ...Column<TransitionRow>[]] = [
  { title: 'AT', cell: (row) => showInstant(row.at) },
  { title: 'CHECK', cell: (row) => row.check ?? '(host)' },
  { title: 'FROM', cell: (row) => row.from.toUpperCase(), hue: (row) => stateHue(row.from) },
  { title: 'TO', cell: (row) => row.to.toUpperCase(), hue: (row) => stateHue(row.to) },
  { title: 'TYPE', cell: (row) => `${row.type} ${row.attempt}` },
  { title: 'TEXT', cell: (row) => [...marksOf(row), row.text].join(' ') },
];

function marksOf({ flapping, afterAction }: TransitionRow): string[] {
  return [...(flapping ? ['[flapping]'] : []), ...(afterAction ? ['[after an action]'] : [])];
}

const resultColumns: readonly Column<ResultRow>[] = [
  { title: 'AT', cell: (row) => showInstant(row.startedAt) },
  { title: 'STATE', cell: (row) => row.state.toUpperCase(), hue: (row) => stateHue(row.state) },
  { title: 'TOOK', cell: (row) => showDuration(row.durationMs) },
  { title: 'TEXT', cell: (row) => row.text },
];
