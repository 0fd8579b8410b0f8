/**
 * Owns what a person is told beside problems and recoveries: a question whether an action may run, what the daemon would
 * have done, and what concerns the daemon as a whole. Pure; the shape is that of actions/message.ts.
 */
import type { Approval } from '../core/safety.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { Run } from '../core/types.ts';
import { inert } from './inert-text.ts';
import {
  bodyOf,
  clockWords,
  cut,
  type MessageBody,
  nameOf,
  oneLine,
  type Story,
  shownLines,
  spanWords,
  storyBody,
  symptomLines,
  timeText,
  triedData,
  triedLines,
  whyLine,
} from './message-words.ts';

const commandLimit = 2000;
const sentenceLimit = 1000;

/** `tried`: the runs of this ladder in this episode, oldest first. The answer is bound to what stands here. */
export function approvalMessage(story: Story & { approval: Approval; tried: readonly Run[] }): MessageBody {
  const { host, ladder, nowMs, approval } = story;
  const { id, action, reason, expiresAtMs } = approval;
  const command = commandText(approval.command);
  const tried = repairs(story.tried);
  const title = `${host} ${ladder.runbook}: may ${nameOf(action)} run?`;
  const leftMs = expiresAtMs - nowMs;
  const lines = [
    title,
    '',
    ...symptomLines(story),
    '',
    `${nameOf(action)} on ${host} would run:`,
    ...shownLines(command),
    `Because: ${sentence(reason)}`,
    '',
    ...triedLines(tried),
    '',
    `It waits until ${clockWords(expiresAtMs, nowMs)} (${spanWords(leftMs)}); without an answer it is not done.`,
    `Yes:  mendd approve ${quoteShell(id)}`,
    `No:   mendd reject ${quoteShell(id)}`,
    `API:  POST /api/v1/approvals/${encodeURIComponent(id)}/approve or /reject`,
    whyLine(story),
  ];
  return {
    ...storyBody('approval', story, title, lines),
    approval: id,
    action,
    command,
    reason: sentence(reason),
    expires: timeText(expiresAtMs),
    tag: approval.tag,
    tried: triedData(tried),
  };
}

/** `action` is its id; `command` the text that would run. */
export function proposalMessage(
  story: Story & { action: string; command: string; reason: string; tried: readonly Run[] },
): MessageBody {
  const { host, ladder, action } = story;
  const command = commandText(story.command);
  const reason = sentence(story.reason);
  const tried = repairs(story.tried);
  const title = `${host} ${ladder.runbook}: would run ${nameOf(action)}`;
  const lines = [
    title,
    '',
    ...symptomLines(story),
    '',
    `Nothing was done: ${nameOf(action)} is in mode propose. On ${host} it would have run:`,
    ...shownLines(command),
    `Because: ${reason}`,
    '',
    ...triedLines(tried),
    '',
    `To run it yourself: mendd act ${host} ${quoteShell(action)}`,
    whyLine(story),
  ];
  return {
    ...storyBody('proposal', story, title, lines),
    action,
    command,
    reason,
    tried: triedData(tried),
  };
}

/** What concerns more than one ladder of one host. */
export interface Notice {
  /** What it is about, for receivers that sort, e.g. `brake.engaged`. */
  topic: string;
  /** A few words: `brake on for role=web`. */
  title: string;
  /** What happened, a sentence or a few. */
  sentence: string;
  /** What a person should do; absent when there is nothing to do. */
  todo?: string;
  nowMs: number;
  host?: string;
  /** Action id. */
  action?: string;
}

export function noticeMessage(notice: Notice): MessageBody {
  const { topic, nowMs, host, action } = notice;
  const title = `${host === undefined ? '' : `${host}: `}${oneLine(notice.title)}`;
  const what = sentence(notice.sentence);
  const todo = notice.todo === undefined ? undefined : sentence(notice.todo);
  const lines = [
    title,
    '',
    what,
    '',
    todo === undefined ? 'Nothing is needed of you.' : `What to do: ${todo}`,
  ];
  return {
    ...bodyOf('notice', title, lines, nowMs),
    topic,
    title,
    sentence: what,
    ...(todo === undefined ? {} : { todo }),
    ...(host === undefined ? {} : { host }),
    ...(action === undefined ? {} : { action }),
  };
}

/** What a person asked for to see whether messages arrive. `target` is a name under `notify`. */
export function testMessage(target: string, by: string, nowMs: number): MessageBody {
  return noticeMessage({
    topic: 'notify.test',
    title: 'test message',
    sentence: `${by} asked for it, to see whether messages to ${target} arrive.`,
    nowMs,
  });
}

/** Messages are no repairs. */
function repairs(tried: readonly Run[]): Run[] {
  return tried.filter((run) => run.kind !== 'notify');
}

function commandText(command: string): string {
  return cut(inert(command), commandLimit);
}

function sentence(text: string): string {
  return cut(oneLine(text), sentenceLimit);
}
