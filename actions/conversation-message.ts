/**
 * Owns what a person is told of problems that belong together: one message for all of them, with what is new, what is over and
 * what is behind it. Pure; of a single problem the words are those of actions/message.ts.
 */
import type { Severity } from '../core/daemon-config.ts';
import type { Saying } from '../core/telling.ts';
import {
  bodyOf,
  clockWords,
  cut,
  type MessageBody,
  nameOf,
  oneLine,
  spanWords,
  timeText,
} from './message-words.ts';

/** One problem as it stands when the message is written. */
export interface ToldProblem {
  host: string;
  runbook: string;
  ladder: string;
  check: string;
  /** `gone`: no longer in the definitions. */
  state: string;
  severity: Severity;
  output: string;
  sinceMs: number;
  overMs?: number;
  isGone: boolean;
  /** Not told before. */
  isNew: boolean;
  /** Told in the place of the trouble that explains it. */
  isBehind: boolean;
  labels: Readonly<Record<string, string>>;
  url?: string;
}

export interface TellingStory {
  say: Saying;
  problems: readonly ToldProblem[];
  shared: Readonly<Record<string, string>>;
  /** The words of the only problem, when there is one. */
  single?: MessageBody;
  /** Trouble that explains all of it and that this target is not told of by itself: `host/check`. */
  root?: string;
  /** Hosts that cannot be reached because of it. */
  behind: readonly string[];
  nowMs: number;
}

/** Problems with a line of their own; the others are counted. */
const shownProblems = 30;
const shownHosts = 20;
/** In the JSON. */
const listedProblems = 200;

export function tellingMessage(story: TellingStory): MessageBody {
  const { single, say, nowMs, problems, root } = story;
  const title = titleOf(story);
  const base = single ?? groupBody(story, title);
  const subject =
    say === 'repeat' ? `[mendd] still: ${base.subject.replace(/^\[mendd\] /, '')}` : base.subject;
  const notes = [
    ...(root === undefined
      ? []
      : ['', `It is most likely because of ${rootName(root)}, which is not OK either.`]),
    ...(story.behind.length === 0 ? [] : ['', behindLine(story.behind)]),
  ];
  const worstOf = problems.map(({ severity }) => severity);
  return {
    ...base,
    subject,
    text: `${[base.text.trimEnd(), ...notes].join('\n')}\n`,
    say,
    ...(root === undefined ? {} : { root }),
    severity:
      (['critical', 'error', 'warning', 'info'] as const).find((each) => worstOf.includes(each)) ?? 'info',
    behind: story.behind.slice(0, listedProblems),
    ...(Object.keys(story.shared).length === 0 ? {} : { shared: story.shared }),
    problems: problems.slice(0, listedProblems).map((each) => dataOf(each, nowMs)),
  };
}

/**
 * What is no longer in the definitions cannot recover; whoever was told of it is told that. `isActionGone`: only the action that told of
 * it, and the check is still asked.
 */
export function goneMessage(problem: ToldProblem, nowMs: number, isActionGone = false): MessageBody {
  const { host, runbook, ladder, check, sinceMs } = problem;
  const title = `${host} ${runbook}: no longer watched`;
  const lines = [
    title,
    '',
    isActionGone
      ? `The action that told of ${nameOf(check)} on ${host} is gone from the definitions; the problem began ${clockWords(sinceMs, nowMs)}.`
      : `${nameOf(check)} on ${host} is gone from the definitions, and with it the problem that began ${clockWords(sinceMs, nowMs)}.`,
    isActionGone
      ? 'Only a route under `messages.routes` tells of it from now on.'
      : 'Nobody looks whether it is over.',
  ];
  return {
    ...bodyOf('recovery', title, lines, nowMs),
    host,
    runbook,
    ladder,
    check,
    state: 'gone',
    since: timeText(sinceMs),
    recovered: timeText(nowMs),
  };
}

function titleOf({ say, problems, shared, root }: TellingStory): string {
  const active = problems.filter(({ overMs, isBehind }) => overMs === undefined && !isBehind);
  const words = Object.entries(shared)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${oneLine(value)}`);
  const of = words.length === 0 ? '' : ` (${words.join(', ')})`;
  if (say === 'recovery') return `all ${problems.length} problems are over${of}`;
  const named = (active.length === 0 ? problems.filter(({ overMs }) => overMs === undefined) : active)
    .map(({ host, runbook }) => `${host} ${runbook}`)
    .slice(0, 3);
  const count = problems.filter(({ overMs }) => overMs === undefined).length;
  const because = root === undefined ? '' : `, behind ${rootName(root)}`;
  return `${count} problem${count === 1 ? '' : 's'}${of}${because}: ${named.join(', ')}${count > named.length ? ' ...' : ''}`;
}

function groupBody(story: TellingStory, title: string): MessageBody {
  const { say, problems, nowMs } = story;
  const lasting = problems.filter(({ overMs }) => overMs === undefined);
  const over = problems.filter(({ overMs }) => overMs !== undefined);
  const lines = [
    title,
    '',
    ...linesOf(lasting, (each) => lastingLine(each, say, nowMs)),
    ...(over.length === 0 || lasting.length === 0 ? [] : ['', 'Over:']),
    ...linesOf(over, (each) => overLine(each, nowMs)),
  ];
  const [first] = problems;
  const sinceMs = problems.reduce((ms, each) => Math.min(ms, each.sinceMs), nowMs);
  const host = problems.every((each) => each.host === first?.host) ? first?.host : undefined;
  return {
    ...bodyOf(say === 'recovery' ? 'recovery' : 'problem', title, lines, nowMs),
    ...(host === undefined ? {} : { host }),
    since: timeText(sinceMs),
    ...(say === 'recovery' ? { recovered: timeText(nowMs), state: 'ok' } : {}),
  };
}

function linesOf(problems: readonly ToldProblem[], line: (problem: ToldProblem) => string): string[] {
  const shown = problems.filter(({ isBehind }) => !isBehind).slice(0, shownProblems);
  const left = problems.length - shown.length;
  return [...shown.map(line), ...(left === 0 ? [] : [`- and ${left} more`])];
}

function lastingLine(
  { host, check, state, sinceMs, output, isNew }: ToldProblem,
  say: Saying,
  nowMs: number,
): string {
  const since = `since ${clockWords(sinceMs, nowMs)} (${spanWords(nowMs - sinceMs)})`;
  const said = output === '' ? '' : `: ${cut(oneLine(output), 120)}`;
  const mark = isNew && say === 'update' ? ', new' : '';
  return `- ${host} ${nameOf(check)} is ${state.toUpperCase()} ${since}${mark}${said}`;
}

function overLine({ host, check, sinceMs, overMs = 0, isGone }: ToldProblem, nowMs: number): string {
  if (isGone) return `- ${host} ${nameOf(check)} is no longer watched: it is gone from the definitions`;
  return `- ${host} ${nameOf(check)} is OK since ${clockWords(overMs, nowMs)}, after ${spanWords(overMs - sinceMs)}`;
}

/** Of a host's own trouble the host alone. */
function rootName(root: string): string {
  return oneLine(root.replace(/\/host$/, ''));
}

function behindLine(hosts: readonly string[]): string {
  const shown = hosts.slice(0, shownHosts).map(oneLine).join(', ');
  const count = `${hosts.length} host${hosts.length === 1 ? '' : 's'} behind it cannot be reached either`;
  return `${count}: ${shown}${hosts.length > shownHosts ? ' ...' : ''}`;
}

function dataOf(problem: ToldProblem, nowMs: number): Record<string, unknown> {
  const { host, runbook, ladder, check, state, severity, sinceMs, overMs, isNew, isBehind, url } = problem;
  return {
    output: cut(oneLine(problem.output), 120),
    host,
    runbook,
    ladder,
    check,
    state,
    severity,
    since: timeText(sinceMs),
    lasted: spanWords((overMs ?? nowMs) - sinceMs),
    ...(overMs === undefined ? {} : { over: timeText(overMs) }),
    new: isNew,
    behind: isBehind,
    ...(url === undefined ? {} : { url }),
  };
}
