/** `mendd runs`: what was done, newest first; with an id, the whole story of one run. */
import type { Command } from 'commander';
import type { RunRow, RunStory } from './api-types.ts';
import { type ApiOptions, addCommand, countOption, openSession, withApi } from './command.ts';
import { usageError } from './exit.ts';
import { gateLines } from './gates.ts';
import { resolveAction } from './names.ts';
import type { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { runColumns, runHue } from './states.ts';
import { readInstant, showInstant } from './times.ts';
import { showOrWatch, type WatchOptions, withWatch } from './watch.ts';

interface RunsOptions extends ApiOptions, WatchOptions {
  host?: string;
  label?: string;
  action?: string;
  status?: string;
  since?: string;
  limit: number;
}

const filters = [
  'host',
  'label',
  'action',
  'status',
  'since',
  'limit',
] as const satisfies (keyof RunsOptions)[];

export function addRuns(program: Command): void {
  const command = addCommand(program, 'runs [run-id]', 'list the runs of actions, or tell the story of one', [
    'runs --host web-1 --since 7d',
    'runs --status failed --label role=web',
    "runs 'web-1~queue-workers.restart~lx3k2a~1'",
  ]);
  withWatch(withApi(command))
    .option('--host <glob>', 'only on hosts with such a name')
    .option('--label <labels>', 'only on hosts with key=value, or key; all of several')
    .option('--action <action>', 'only this action')
    .option('--status <status>', 'only with this status, such as verified or failed')
    .option('--since <time>', 'only decided since: 2026-03-01T02:41:00Z, or 3h')
    .addOption(countOption('--limit <count>', 'at most so many', 50))
    .action((id: string | undefined, options: RunsOptions, self: Command) => {
      if (id === undefined) return listRuns(options);
      const filter = filters.find((name) => self.getOptionValueSource(name) === 'cli');
      if (filter !== undefined) throw usageError(`--${filter} is for the list.`, 'Leave it out, or the id.');
      return tellRun(id, options);
    });
}

async function listRuns(options: RunsOptions): Promise<void> {
  const session = await openSession(options);
  const { client, out } = session;
  const { host, label, status } = options;
  const since = options.since === undefined ? undefined : readInstant('--since', options.since);
  const named = options.action;
  // A short name can be completed only where one host's actions are known; history may hold names that are gone.
  const short = named !== undefined && host !== undefined && !/[*?]/.test(host) && !named.includes('.');
  const action = short ? await resolveAction(client, host, named) : named;
  const read = () =>
    client.list<RunRow>('/api/v1/runs', { host, label, status, action, since }, options.limit);
  await showOrWatch(session, options, read, (runs) => out.list('runs', runs, runColumns, 'No run matches.'));
}

async function tellRun(id: string, options: RunsOptions): Promise<void> {
  const session = await openSession(options);
  const { client, out } = session;
  const read = () => client.get<RunStory>(`/api/v1/runs/${encodeURIComponent(id)}`);
  await showOrWatch(session, options, read, (run) => out.value(run, () => runLines(out, run)));
}

export function runLines(out: Output, run: RunStory): string[] {
  const exit = run.exitCode === undefined ? undefined : String(run.exitCode);
  return [
    `${out.paint(runHue(run.status), run.status)}  ${out.paint('strong', plain(`${run.action} on ${run.host}`))}`,
    ...fact('id', run.id),
    ...fact('command', run.command),
    ...fact('decided', `${showInstant(run.decidedAt)} by ${run.decidedBy}`),
    ...fact('reason', run.reason),
    ...fact('exit code', exit),
    ...fact('outcome', run.outcome),
    '',
    ...run.events.map(
      ({ at, status, text }) => `  ${showInstant(at)}  ${plain(status).padEnd(12)} ${plain(text)}`,
    ),
    ...section('gates at the decision', gateLines(out, run.gates, '  ')),
    ...section('evidence taken before', outputLines(run.evidence)),
    ...section('stdout', outputLines(run.stdout)),
    ...section('stderr', outputLines(run.stderr)),
  ];
}

function fact(name: string, text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : [`  ${name.padEnd(10)}${plain(text)}`];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines];
}

function outputLines(text: string | undefined): string[] {
  if (text === undefined || text.trim() === '') return [];
  return plain(text, { lines: true })
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}
