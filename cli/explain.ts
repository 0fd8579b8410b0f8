/** `mendd explain`: why an action runs or not: each gate with what it saw, and when it could open; now or at a past moment. */
import type { Command } from 'commander';
import type { DecisionRow, ExplainAnswer, ExplanationRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { gateLines } from './gates.ts';
import { resolveAction, resolveTarget, splitTarget } from './names.ts';
import type { Hue, Output } from './output.ts';
import { plain } from './plain-text.ts';
import { readInstant, showAge, showInstant } from './times.ts';

interface ExplainOptions extends ApiOptions {
  at?: string;
}

export function addExplain(program: Command): void {
  const command = addCommand(program, 'explain <host/check> [action]', 'why an action runs or not', [
    'explain web-1',
    'explain web-1/running restart',
    'explain web-1/running --at 2026-03-01T02:41:00Z   # as it was decided then',
    'explain web-1/running --at 3h -o json              # the same JSON for now and then',
  ]);
  withApi(command)
    .option('--at <time>', 'as it was decided at that time: 2026-03-01T02:41:00Z, or 3h for three hours ago')
    .action(explain);
}

async function explain(target: string, named: string | undefined, options: ExplainOptions): Promise<void> {
  const wanted = splitTarget(target);
  const at = options.at === undefined ? undefined : readInstant('--at', options.at);
  const { client, out } = await openSession(options);
  const past = at !== undefined && (wanted.check?.includes('.') ?? true) && (named?.includes('.') ?? true);
  // What was decided in the past may be about names that are gone.
  const { host, check } = past ? wanted : await resolveTarget(client, wanted);
  const action = past || named === undefined ? named : await resolveAction(client, host, named);
  const answer = await client.get<ExplainAnswer>('/api/v1/explain', { host, check, action, at });
  if (answer.explanations.length === 0 && answer.decisions.length === 0) {
    // Nothing at all may be a name that never was.
    if (past) await resolveTarget(client, wanted);
    const about = action === undefined ? target : `${action} on ${target}`;
    out.talk(
      at === undefined
        ? `No action watches ${about}.`
        : `Nothing was decided about ${about} at ${showInstant(at)}.`,
    );
  }
  out.value(answer, () =>
    answer.explanations.flatMap((each) => explanationLines(out, each, storedOf(each, answer.decisions))),
  );
}

const hues: Readonly<Record<string, Hue>> = { act: 'good', would_act: 'good', held: 'warn', gave_up: 'bad' };

function verdictText(out: Output, verdict: string, reason: string): string {
  const word = plain(verdict.replaceAll('_', ' '));
  const why = reason === verdict ? '' : `: ${plain(reason.replaceAll('_', ' '))}`;
  return `${out.paint(hues[verdict], word)}${why}`;
}

/** The stored decision that an explanation of the past was read from. */
function storedOf(explanation: ExplanationRow, decisions: readonly DecisionRow[]): DecisionRow | undefined {
  const { ladder, action, verdict } = explanation;
  if (verdict === 'nothing') return undefined;
  return decisions.find((each) => each.ladder === ladder && each.action === action);
}

function explanationLines(
  out: Output,
  explanation: ExplanationRow,
  stored: DecisionRow | undefined,
): string[] {
  const { host, action, check, verdict, reason, gates, rungs, earliest } = explanation;
  const width = Math.max(0, ...rungs.map((rung) => rung.action.length));
  const ladder = rungs.map(({ action: name, kind, status, why }) => {
    // Without a problem no rung waits for the one before it.
    const [standing, about] =
      verdict === 'nothing' && status === 'waiting' ? ['', kind] : [status, `${kind}; ${why}`];
    return `    ${plain(standing).padEnd(9)} ${plain(name).padEnd(width)}  ${plain(about)}`;
  });
  return [
    `${out.paint('strong', plain(`${host}/${check}`))} → ${plain(action)}: ${verdictText(out, verdict, reason)}${storedText(stored)}`,
    ...(earliest === undefined ? [] : [`  earliest ${showInstant(earliest)} (${showAge(earliest)})`]),
    ...gateLines(out, gates, '  '),
    ...(stored?.runId === undefined ? [] : [`  run ${plain(stored.runId)}`]),
    ...(ladder.length === 0 ? [] : ['  ladder', ...ladder]),
    '',
  ];
}

/** Repeats are stored once, with the figures of the last. */
function storedText(stored: DecisionRow | undefined): string {
  if (stored === undefined) return '';
  const { at, lastAt, count } = stored;
  return count > 1
    ? ` (${showInstant(at)} to ${showInstant(lastAt)}, ${count} times; figures of the last)`
    : ` (${showInstant(at)})`;
}
