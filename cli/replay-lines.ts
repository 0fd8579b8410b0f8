/** How a replay is told to people. It decides nothing. */
import type { ReplayGap, ReplayReport } from '../daemon/replay.ts';
import type { ReplayDifference } from '../daemon/replay-compare.ts';
import type { Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showDuration, showInstant } from './times.ts';

const shownRows = 100;

/** A difference with its times as RFC 3339 text. */
export type DifferenceRow = Omit<ReplayDifference, 'atMs' | 'thenAtMs'> & { at: string; thenAt?: string };

export function differenceRow({ atMs, thenAtMs, ...rest }: ReplayDifference): DifferenceRow {
  const thenAt = thenAtMs === undefined ? {} : { thenAt: new Date(thenAtMs).toISOString() };
  return { at: new Date(atMs).toISOString(), ...thenAt, ...rest };
}

export const differenceColumns: readonly Column<DifferenceRow>[] = [
  { title: 'AT', cell: ({ at }) => showInstant(at) },
  {
    title: 'RUNS',
    cell: ({ kind }) => kind.replaceAll('_', ' '),
    hue: ({ kind }) => (kind === 'only_then' ? 'bad' : 'warn'),
  },
  { title: 'HOST/CHECK', cell: ({ host, check }) => (check === '' ? host : `${host}/${check}`) },
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'WHY', cell: (row) => whyText(row) },
];

function whyText({ kind, at, thenAt, reason, gate, outcome, isFollowing }: DifferenceRow): string {
  const held = `${reason.replaceAll('_', ' ')}${gate === undefined || gate === reason ? '' : ` (gate ${gate})`}`;
  const shiftMs = Date.parse(at) - Date.parse(thenAt ?? at);
  const shift = `${showDuration(Math.abs(shiftMs))} ${shiftMs < 0 ? 'sooner' : 'later'}`;
  const by = kind === 'only_then' ? 'now' : kind === 'only_now' || shiftMs < 0 ? 'then' : 'now';
  return [
    ...(kind === 'moved' ? [shift] : []),
    `${by}: ${held}`,
    ...(outcome === 'unknown' ? ['what it would have come to is not known'] : []),
    ...(isFollowing ? ['follows one of which that is not known'] : []),
  ].join('; ');
}

const gaps: Readonly<Record<ReplayGap, string>> = {
  runs_without_results: 'runs from before the results that are kept: not compared',
  runs_of_unknown_hosts: 'runs on hosts that are not defined: not compared',
  runs_about_older_problems:
    'runs about problems that began before the first result that was played: not compared',
  runs_by_persons: 'runs that a person commanded: played as they were',
  results_of_unknown_hosts: 'results of hosts that are not defined: left out',
  results_of_unknown_checks: 'results of checks that are not defined: left out',
  checks_without_results: 'checks without a recorded result: nothing is known of them',
  facts_not_asked_then:
    'questions to hosts that nobody asked then: taken for nobody at work there, and up for long',
};

export function replayLines(out: Output, report: ReplayReport, rows: readonly DifferenceRow[]): string[] {
  const { actions, messages, left, results, revision } = report;
  const [since, until, began] = [report.sinceMs, report.untilMs, report.beganAtMs].map((ms) =>
    showInstant(new Date(ms).toISOString()),
  );
  const more = rows.length - shownRows;
  const stopped = report.isComplete
    ? []
    : [out.paint('bad', `stopped at ${until}: there are more results than are played at once`)];
  const short = `compared from ${since} on: of before ${began} no result is kept, and what was a problem by then counts once it was OK`;
  return [
    `${since} to ${until} under revision ${plain(revision)}: ${results} results, played from ${began} on`,
    ...(report.isWarm ? [] : [short]),
    ...stopped,
    ...(actions.length === 0 ? ['no action ran, then or now'] : ['', ...out.table(actions, actionColumns)]),
    ...(rows.length === 0 ? [] : ['', ...out.table(rows.slice(0, shownRows), differenceColumns)]),
    ...(more > 0 ? [`and ${more} more; -o ndjson tells all`] : []),
    ...(messages.length === 0 ? [] : ['', ...out.table(messages, messageColumns)]),
    ...(left.length === 0 ? [] : ['', ...left.map(({ why, count }) => `${count} ${gaps[why]}`)]),
    ...(rows.some(({ outcome }) => outcome === 'unknown')
      ? ['', ...caution.map((line) => out.paint('quiet', line))]
      : []),
  ];
}

const caution = [
  'Results come as they were recorded, with the effect of what was done then and without that of what was not.',
  'An action that ran only in the replay is taken to have ended with 0; those results judge whether it helped.',
];

const actionColumns: readonly Column<ReplayReport['actions'][number]>[] = [
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'RECORDED', cell: ({ recorded }) => String(recorded) },
  { title: 'REPLAYED', cell: ({ replayed }) => String(replayed) },
  { title: 'SAME', cell: ({ same }) => String(same) },
  { title: 'MOVED', cell: ({ moved }) => String(moved) },
  { title: 'ONLY THEN', cell: ({ onlyThen }) => String(onlyThen) },
  { title: 'ONLY NOW', cell: ({ onlyNow }) => String(onlyNow) },
];

const messageColumns: readonly Column<ReplayReport['messages'][number]>[] = [
  { title: 'MESSAGES TO', cell: ({ target }) => target },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'RECORDED', cell: ({ recorded }) => String(recorded) },
  { title: 'REPLAYED', cell: ({ replayed }) => String(replayed) },
];
