/**
 * What silences, downtimes and acknowledgements have in common on the command line: whom they cover, when they end, how they are
 * listed and ended.
 */
import type { Command } from 'commander';
import { hostCheck } from '../core/definitions.ts';
import { formatDuration } from '../core/duration.ts';
import { fullNames } from '../core/names.ts';
import type { Matcher } from '../core/safety.ts';
import type { CheckRow, SuppressionRow, WindowRow } from './api-types.ts';
import type { ApiClient } from './client.ts';
import {
  type ApiOptions,
  addCommand,
  bodyOf,
  collect,
  type MaybeReason,
  openSession,
  withApi,
  withChange,
  withMaybeReason,
} from './command.ts';
import { usageError } from './exit.ts';
import { pickName } from './names.ts';
import type { Column } from './output.ts';
import { readDuration, readTime, showDuration, showInstant, showWhen } from './times.ts';

export interface CoverOptions {
  label?: string[];
  check?: string[];
}

export interface EndOptions {
  for?: string;
  until?: string;
}

export function withCover(command: Command): Command {
  return command
    .option('--label <key=value>', 'only hosts with this label; all of several', collect)
    .option('--check <glob>', "only these checks; `host` is the host's own trouble", collect);
}

export function withEnd(command: Command): Command {
  return command
    .option('--for <duration>', 'how long: 30m, 2h, 7d')
    .option('--until <time>', 'when it ends: 2026-03-01T06:00:00Z, zone UTC without one');
}

/** Errors: 64 when it says nothing, or names a check that there is none of. */
export async function coverOf(
  client: ApiClient,
  hosts: readonly string[],
  options: CoverOptions,
): Promise<Partial<Matcher>> {
  const { label = [], check = [] } = options;
  if (hosts.length + label.length + check.length === 0)
    throw usageError('It covers nothing yet.', "Name hosts, --label or --check; '*' means all hosts.");
  const labels = label.map((pair) => {
    const [, key, value] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined)
      throw usageError(`--label: \`${pair}\` is no label.`, 'Write key=value.');
    return [key, value] as const;
  });
  const checks = await fullChecks(client, check);
  return {
    ...(hosts.length === 0 ? {} : { hosts }),
    ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
    ...(checks.length === 0 ? {} : { checks }),
  };
}

function isShort(name: string): boolean {
  return name !== hostCheck && /^[^.*?[{]+$/.test(name);
}

/** A short name would cover nothing; globs and full names stay. */
async function fullChecks(client: ApiClient, wanted: readonly string[]): Promise<string[]> {
  if (!wanted.some((name) => isShort(name.replace(/^!/, '')))) return [...wanted];
  const rows = await client.list<CheckRow>('/api/v1/checks');
  const known = [...new Set(rows.map(({ check }) => check))];
  return wanted.flatMap((written) => {
    const mark = written.startsWith('!') ? '!' : '';
    const name = written.slice(mark.length);
    if (!isShort(name)) return [written];
    const names = fullNames(name, known);
    return (names.length > 0 ? names : [pickName('check', name, known)]).map((full) => mark + full);
  });
}

/** As the API takes it. Errors: 64 for both, or for none where one is needed. */
export function endOf(options: EndOptions, needed: boolean): { for?: string; until?: string } {
  if (options.for !== undefined && options.until !== undefined)
    throw usageError('--for and --until both say when it ends.', 'Give one of them.');
  if (options.for !== undefined) return { for: formatDuration(readDuration('--for', options.for)) };
  if (options.until !== undefined) return { until: readTime('--until', options.until) };
  if (!needed) return {};
  throw usageError('It has no end.', 'Give --for 2h, or --until 2026-03-01T06:00:00Z.');
}

/** The commands `list` and `remove` of one kind. */
export function addListAndRemove(parent: Command, kind: 'silence' | 'downtime'): void {
  const list = addCommand(parent, 'list', `list the ${kind}s that have not ended`, [`${kind} list`], {
    isDefault: true,
  });
  withListFilter(withApi(list)).action((options: ListOptions) => listSuppressions(kind, options));
  const remove = addCommand(parent, 'remove <id>', `end a ${kind} before its time`, [
    `${kind} remove 01JD3V8Q6Z0000000000000000`,
  ]);
  withMaybeReason(withChange(remove)).action(async (id: string, options: ApiOptions & MaybeReason) => {
    const { client, out } = await openSession(options);
    const ended = await removeSuppression(client, id, bodyOf(options));
    out.value(ended, () => [`Ended: the ${ended.kind} ${id}.`]);
  });
}

export interface ListOptions extends ApiOptions {
  host?: string;
  label?: string;
}

export function withListFilter(command: Command): Command {
  return command
    .option('--host <host>', 'only those that are for this host')
    .option('--label <labels>', 'only those that are for a host with key=value, or key; all of several');
}

export async function listSuppressions(kind: SuppressionRow['kind'], options: ListOptions): Promise<void> {
  const { client, out } = await openSession(options);
  const { host, label } = options;
  const rows = await client.list<SuppressionRow>('/api/v1/suppressions', { kind, host, label });
  out.list('suppressions', rows, suppressionColumns, `There is no ${kind}.`);
}

export function removeSuppression(client: ApiClient, id: string, why: MaybeReason): Promise<SuppressionRow> {
  return client.delete<SuppressionRow>(`/api/v1/suppressions/${encodeURIComponent(id)}`, why);
}

export const suppressionColumns: readonly Column<SuppressionRow>[] = [
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'COVERS', cell: coverText },
  { title: 'WHEN', cell: whenText },
  { title: 'BY', cell: ({ by }) => by },
  { title: 'ID', cell: ({ id }) => id },
  { title: 'REASON', cell: ({ reason }) => reason },
];

export function coverText(row: SuppressionRow): string {
  if (row.kind === 'acknowledgement') return `${row.host}/${row.check}${row.sticky ? ' (sticky)' : ''}`;
  const { hosts, labels, checks } = row.match;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const which = [...hosts, ...pairs].join(' ') || '*';
  return checks.length === 0 ? which : `${which} / ${checks.join(' ')}`;
}

export function whenText(row: SuppressionRow): string {
  if (row.kind === 'downtime') return windowText(row.window);
  if (row.endsAt === undefined) return 'until the problem ends';
  return row.kind === 'silence' ? spanText(row.startsAt, row.endsAt) : `until ${showWhen(row.endsAt)}`;
}

function windowText(window: WindowRow): string {
  if (window.kind === 'recurring')
    return `${showDuration(window.lastsMs)} from each \`${window.cron}\` ${window.timezone}`;
  const span = spanText(window.startsAt, window.endsAt);
  return window.kind === 'fixed' ? span : `${showDuration(window.lastsMs)} from a problem, ${span}`;
}

function spanText(startsAt: string | null, endsAt: string): string {
  const begins =
    startsAt !== null && Date.parse(startsAt) > Date.now() ? `from ${showInstant(startsAt)} ` : '';
  return `${begins}until ${showWhen(endsAt)}`;
}
