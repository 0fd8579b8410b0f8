/**
 * Owns what a person is told of a problem: one message with all that was tried, one for its recovery. Pure. The
 * body is what webhooks receive; its `subject` and `text` are what mail shows, readable on a phone at night.
 */
import type { ActionDefinition, LadderDefinition } from '../core/definitions.ts';
import type { OutboxMessage } from '../core/ports.ts';
import type { Run } from '../core/types.ts';
import {
  clockWords,
  type MessageBody,
  nameOf,
  outputOf,
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

/** `tried`: the runs of this ladder in this episode, oldest first. */
export function problemMessage(story: Story & { tried: readonly Run[] }): MessageBody {
  const { host, ladder, status } = story;
  const check = nameOf(ladder.trigger.check);
  const tried = story.tried.filter((run) => run.kind !== 'notify');
  const sent = tried.filter((run) => run.status !== 'cancelled' && run.status !== 'expired');
  const left = untried(ladder, sent);
  const gaveUp = sent.length > 0 && left.length === 0;
  const state = status?.state ?? 'unknown';
  const after = countedNames(sent);
  const finding = gaveUp
    ? `gave up after ${after}`
    : `${check} is ${state}${after === '' ? '' : ` after ${after}`}`;
  const title = `${host} ${ladder.runbook}: ${finding}`;
  const lines = [
    title,
    '',
    ...symptomLines(story),
    '',
    ...(ladder.rungs.length === 0 ? ['No action watches it.'] : triedLines(tried)),
    '',
    nextWords(left, gaveUp),
    whyLine(story),
  ];
  return {
    ...storyBody('problem', story, title, lines),
    gaveUp,
    tried: triedData(tried),
    untried: left.map((action) => nameOf(action.id)),
  };
}

/** `problem`: the message whose problem this ends. */
export function recoveryMessage(
  story: Story & { problem: Pick<OutboxMessage, 'key' | 'body'> },
): MessageBody {
  const { host, ladder, nowMs, status, problem } = story;
  const check = nameOf(ladder.trigger.check);
  const okSinceMs = status?.state === 'ok' ? status.sinceMs : nowMs;
  const { since, state: was } = problem.body;
  const problemSinceMs = typeof since === 'string' ? Date.parse(since) : Number.NaN;
  const lasted = Number.isNaN(problemSinceMs) ? '' : `, after ${spanWords(okSinceMs - problemSinceMs)}`;
  const title = `${host} ${ladder.runbook}: recovered`;
  const lines = [
    title,
    '',
    `${check} is OK since ${clockWords(okSinceMs, nowMs)}${lasted}`,
    ...shownLines(outputOf(status)),
  ];
  return {
    ...storyBody('recovery', story, title, lines),
    state: 'ok',
    ...(typeof since === 'string' ? { since } : {}),
    recovered: timeText(okSinceMs),
    problem: problem.key,
    ...(typeof was === 'string' ? { was } : {}),
  };
}

/** Repairs behind the last one that was sent; all of them before the first. */
function untried(ladder: LadderDefinition, sent: readonly Run[]): ActionDefinition[] {
  const last = ladder.rungs.findLastIndex((rung) => sent.some((run) => run.action === rung.id));
  return ladder.rungs.slice(last + 1).filter((rung) => rung.effect.kind !== 'notify' && rung.enabled);
}

function nextWords(left: readonly ActionDefinition[], gaveUp: boolean): string {
  if (gaveUp) return 'Next: nothing more happens by itself until it recovers. It needs you.';
  if (left.length === 0) return 'Next: there is no repair to try. It needs you.';
  const names = left.map((action) => nameOf(action.id)).join(', ');
  return `Next: ${names}, once nothing holds it back.`;
}

/** `restart x3, reboot`, in the order of the first run of each. */
function countedNames(runs: readonly Run[]): string {
  const counts = new Map<string, number>();
  for (const run of runs) counts.set(nameOf(run.action), (counts.get(nameOf(run.action)) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} x${count}`)).join(', ');
}
