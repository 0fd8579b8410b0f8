/** Puts what is said in a conversation together: the problems as they stand, what is behind them, and the built-in words. Reads only. */
import { goneMessage, type ToldProblem, tellingMessage } from '../actions/conversation-message.ts';
import { incidentUrl } from '../actions/deep-links.ts';
import { problemMessage, recoveryMessage } from '../actions/message.ts';
import { bodyOf, type MessageBody, oneLine, outputOf, timeText } from '../actions/message-words.ts';
import { type Conversation, type Member, placeOf } from '../core/conversation.ts';
import { hostCheck } from '../core/definitions.ts';
import type { MemberFacts, Saying } from '../core/telling.ts';
import { finishMessage } from './finish-message.ts';
import { type StoryParts, statusOf, storyOf, toldLadderOf } from './message-story.ts';

export interface Said {
  before: Conversation;
  after: Conversation;
  say: Saying;
  factsOf: (member: Member) => MemberFacts;
}

/** One problem that cannot be put into words must not keep people from the others, nor the daemon from its work: it is told as it is. */
export function conversationBody(parts: StoryParts, said: Said): MessageBody {
  try {
    return wordsOf(parts, said);
  } catch (error) {
    const { say, after } = said;
    const [first] = after.members;
    const title = `${first?.host ?? 'mendd'} ${first?.check ?? ''}: ${say}`;
    const lines = [title, '', `mendd could not put it into words, which is a bug: ${oneLine(String(error))}`];
    const body = bodyOf(say === 'recovery' ? 'recovery' : 'problem', title, lines, parts.clock.nowMs());
    return { ...body, say, severity: after.severity ?? 'critical', conversation: after.id };
  }
}

function wordsOf(parts: StoryParts, said: Said): MessageBody {
  const { before, after, say } = said;
  const { fleet, clock } = parts;
  const shown = after.members.filter((member) => isShown(member, said));
  const problems = shown.map((member) => problemOf(parts, member, said));
  const roots = new Set(shown.map((member) => said.factsOf(member).root));
  const [root] = roots;
  const isForeign = roots.size === 1 && !shown.some((member) => placeOf(member) === root);
  const single = after.members.length === 1 ? singleBody(parts, said) : undefined;
  const body = tellingMessage({
    say,
    problems,
    shared: after.shared,
    behind: say === 'recovery' ? [] : behindOf(parts, shown),
    nowMs: clock.nowMs(),
    ...(single === undefined ? {} : { single }),
    ...(root !== undefined && isForeign && say !== 'recovery' ? { root } : {}),
  });
  const thread = before.first === undefined ? {} : { thread: before.first };
  return finishMessage(fleet.definitions, { ...body, ...thread, conversation: after.id }, after);
}

/** Of a recovery all that was told; else what lasts and was told, and what ended since the message before. */
function isShown(member: Member, { before, say }: Said): boolean {
  if (member.toldMs === undefined) return false;
  if (say === 'recovery' || member.overMs === undefined) return true;
  return !before.members.some((each) => isSame(each, member) && each.overTold === true);
}

function isSame(one: Member, other: Member): boolean {
  return one.host === other.host && one.ladder === other.ladder && one.episode === other.episode;
}

function problemOf({ fleet }: StoryParts, member: Member, { before, factsOf }: Said): ToldProblem {
  const { host, runbook, ladder, check, severity, sinceMs, overMs } = member;
  const status = statusOf(fleet, host, check);
  const known = before.members.find((each) => isSame(each, member));
  const url = incidentUrl(fleet.definitions.daemon.api.publicUrl, host, check);
  const { root } = factsOf(member);
  return {
    host,
    runbook,
    ladder,
    check,
    state: member.over === 'gone' ? 'gone' : overMs === undefined ? (status?.state ?? 'unknown') : 'ok',
    severity,
    output: outputOf(status),
    sinceMs,
    isGone: member.over === 'gone',
    isNew: known?.toldMs === undefined || known.news === true,
    isBehind: root !== undefined && overMs === undefined,
    labels: fleet.definitions.hosts.get(host)?.labels ?? {},
    ...(overMs === undefined ? {} : { overMs }),
    ...(url === undefined ? {} : { url }),
  };
}

/** The words of the one problem that a conversation is about. */
function singleBody(parts: StoryParts, said: Said): MessageBody | undefined {
  const { after, say } = said;
  const [member] = after.members;
  if (member === undefined) return undefined;
  const { host, episode, sinceMs, toldSeverity } = member;
  const { fleet, clock } = parts;
  const nowMs = clock.nowMs();
  const ladder = toldLadderOf(fleet, member);
  if (ladder === undefined) return goneMessage(problemOf(parts, member, said), nowMs);
  if (say !== 'recovery') return problemMessage(storyOf(parts, host, ladder, episode));
  const was = toldSeverity === 'error' ? 'unknown' : (toldSeverity ?? 'critical');
  const problem = { key: after.first ?? '', body: { since: timeText(sinceMs), state: was } };
  const status = statusOf(fleet, host, ladder.trigger.check);
  return recoveryMessage({ host, ladder, nowMs, problem, ...(status === undefined ? {} : { status }) });
}

/** Hosts that cannot be reached because one of these hosts cannot. */
function behindOf({ fleet }: StoryParts, shown: readonly Member[]): string[] {
  const roots = new Set(shown.filter(({ check }) => check === hostCheck).map(({ host }) => host));
  if (roots.size === 0) return [];
  return [...fleet.states()].flatMap(([name, { host }]) =>
    host.state === 'unreachable' && host.behind !== undefined && roots.has(host.behind) ? [name] : [],
  );
}
