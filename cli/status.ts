/**
 * `mendd status`: the verdict, the automation switch, and what needs a person first. Leaves with the worst Nagios state, so that
 * it can be a check itself.
 */
import type { Command } from 'commander';
import { foldRuns } from '../core/repeated-runs.ts';
import type { CheckRow, NowAnswer } from './api-types.ts';
import type { ApiClient } from './client.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { definitionLines } from './definition-lines.ts';
import type { Column, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { passingLines, restraintLines } from './restraint-lines.ts';
import { checkColumns, hostColumns, nagiosCodes, runColumns, stateHue, worstCode } from './states.ts';
import { suppressionColumns } from './suppressions.ts';
import { showAge, showDuration, showInstant } from './times.ts';
import { showOrWatch, type WatchOptions, withWatch } from './watch.ts';

interface Situation {
  now: NowAnswer;
  /** Checks without a fresh result: their last state is not believed. */
  stale: CheckRow[];
}

const shownHealed = 5;
const shownStale = 50;
const shownBehind = 10;

export function addStatus(program: Command): void {
  const summary =
    'what needs you, what heals itself, what is wrong. Exit code: the worst state, as of a Nagios plugin';
  const command = withApi(
    addCommand(program, 'status', summary, ['status', 'status --watch', 'status -o json']),
  );
  withWatch(command).action(async (options: ApiOptions & WatchOptions) => {
    const session = await openSession(options);
    const { client, out } = session;
    await showOrWatch(
      session,
      options,
      () => read(client),
      (situation) => show(out, situation),
    );
  });
}

async function read(client: ApiClient): Promise<Situation> {
  const [now, stale] = await Promise.all([
    client.get<NowAnswer>('/api/v1/now'),
    client.list<CheckRow>('/api/v1/checks', { stale: 'true' }, shownStale),
  ]);
  return { now, stale };
}

function show(out: Output, situation: Situation): void {
  const { now, stale } = situation;
  const state = stateOf(situation);
  out.value({ state, ...now, stale }, () => lines(out, situation, state));
  process.exitCode = nagiosCodes[state] ?? 0;
}

/** What nothing is known of is UNKNOWN, never OK: stale checks, a fleet without a single verdict, a daemon that does not do its work. */
function stateOf({ now, stale }: Situation): string {
  const blind = now.verdict.ok === 0 && now.worst.length === 0;
  const states = [
    ...(blind || !now.health.ready ? ['unknown'] : []),
    ...now.worst.map(({ status }) => status.state),
    ...now.unreachable.map(() => 'unreachable'),
    ...stale.map(() => 'unknown'),
  ];
  const code = worstCode(states);
  return Object.keys(nagiosCodes).find((name) => nagiosCodes[name] === code) ?? 'ok';
}

function lines(out: Output, { now, stale }: Situation, state: string): string[] {
  const { verdict, automation, definitions, totals } = now;
  const healed = now.healed.slice(0, shownHealed);
  const section = (title: string, rows: readonly string[]): string[] =>
    rows.length === 0 ? [] : ['', out.paint('strong', title), ...rows];
  const shown = new Set(now.worst.map((row) => `${row.host}/${row.check}`));
  const onlyStale = stale.filter((row) => !shown.has(`${row.host}/${row.check}`));
  const needs = [...restraintLines(out, now), ...now.needsYou.map((each) => needLine(out, each))];
  return [
    `${out.paint(stateHue(state), state.toUpperCase())}: ${plain(verdict.sentence)}`,
    automationLine(out, automation),
    ...passingLines(now),
    ...definitionLines(out, definitions),
    ...section('Needs you', [
      ...unwellLines(out, now),
      ...needs,
      ...moreLines(verdict.needYou - needs.length, 'mendd checks --problems'),
    ]),
    ...section('Healing itself', tableOf(now.healing, runColumns, out)),
    ...section('Problems', [
      ...tableOf(now.worst, checkColumns, out),
      ...moreLines(verdict.problems - now.worst.length, 'mendd checks --problems'),
    ]),
    ...section('Unreachable', [
      ...tableOf(now.unreachable, hostColumns, out),
      ...behindLines(now.unreachable),
      ...moreLines(verdict.unreachable - now.unreachable.length, 'mendd hosts --state unreachable'),
    ]),
    ...section('Not fresh', [
      ...tableOf(onlyStale, checkColumns, out),
      ...moreLines(verdict.stale - stale.length, 'mendd checks --stale'),
    ]),
    ...section('Held back by people', [
      ...tableOf(now.suppressions, suppressionColumns, out),
      ...moreLines(
        (totals?.suppressions ?? 0) - now.suppressions.length,
        'mendd silence list, mendd downtime list',
      ),
    ]),
    ...section('Healed in the last day', [
      ...tableOf(healed, runColumns, out),
      ...moreLines(
        (totals?.healed ?? now.healed.length) - healed.length,
        'mendd runs --status verified --since 24h',
      ),
    ]),
  ];
}

/** `left`: how many of a list that is never whole are not shown; `command` lists all. */
function moreLines(left: number, command: string): string[] {
  return left > 0 ? [`  and ${left} more: ${command}`] : [];
}

/** Why the daemon does not do its work; a ledger that is not trusted has a line of its own. */
function unwellLines(out: Output, { health, automation: { quarantine } }: NowAnswer): string[] {
  return health.problems
    .filter((problem) => quarantine === undefined || !problem.includes(quarantine.text))
    .map((problem) => `  ${out.paint('bad', 'MENDD IS NOT WELL')} ${plain(problem)}`);
}

function tableOf<T>(items: readonly T[], columns: readonly Column<T>[], out: Output): string[] {
  return items.length === 0 ? [] : out.table(items, columns, '  ');
}

function automationLine(out: Output, { mode, paused, fleetRuns }: NowAnswer['automation']): string {
  const budget = `${fleetRuns.used} of ${fleetRuns.limit} repairs used in ${showDuration(fleetRuns.perMs)}`;
  if (paused !== undefined) {
    const until = paused.until === undefined ? 'until resumed' : `until ${showInstant(paused.until)}`;
    return `${out.paint('warn', 'automation PAUSED')} by ${plain(paused.by)} ${until}: ${plain(paused.reason)} · ${budget}`;
  }
  return `${modeWords[mode]} · ${budget}`;
}

const modeWords: Readonly<Record<NowAnswer['automation']['mode'], string>> = {
  observe: 'automation only observes: nothing acts',
  propose: 'automation only proposes: nothing acts',
  approve: 'automation asks before it acts',
  auto: 'automation on',
};

/** Hosts behind another are told under it, not one by one. */
function behindLines(roots: NowAnswer['unreachable']): string[] {
  return roots
    .filter(({ behind }) => behind.length > 0)
    .map(({ name, behind }) => {
      const shown = behind.slice(0, shownBehind).join(', ');
      const more = behind.length > shownBehind ? ` and ${behind.length - shownBehind} more` : '';
      return `  ${plain(`behind ${name}: ${shown}${more}`)}`;
    });
}

function needLine(out: Output, { explanation, status, runs, next }: NowAnswer['needsYou'][number]): string {
  const { host, check, reason } = explanation;
  const oldestFirst = runs.toSorted((a, b) => Date.parse(a.decidedAt) - Date.parse(b.decidedAt));
  const steps = foldRuns(oldestFirst).map(
    ({ run, times }) => `${run.action} ${run.status.replaceAll('_', ' ')}${times > 1 ? ` ×${times}` : ''}`,
  );
  const outcome = oldestFirst.at(-1)?.outcome;
  const why = outcome === undefined ? '' : ` (${outcome})`;
  const tried = steps.length === 0 ? 'nothing tried' : `${steps.join(', ')}${why}`;
  const state = out.paint(stateHue(status.state), status.state.toUpperCase());
  const then = next.action === undefined ? next.why : `next ${next.action}`;
  const words = `${host}/${check} for ${showAge(status.since)}: ${reason.replaceAll('_', ' ')}; ${tried}; ${then}`;
  return `  ${state} ${plain(words)}`;
}
