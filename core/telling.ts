/**
 * Decides who is told what and when: which conversation a problem belongs to, and what is said in it at a moment, with the
 * reason when nothing is. Pure; the stages are those of Alertmanager's dispatcher: group, inhibit, mute, repeat.
 */
import { type Conversation, type Hold, isWorse, type Member, placeOf, worst } from './conversation.ts';
import type { Severity } from './daemon-config.ts';
import { isUnwatched } from './unwatched.ts';

/** More begin a conversation of their own, so that each message and each write stays small. */
export const mostMembers = 200;
/** What is behind another trouble waits so long for that one to be told. Milliseconds. */
export const rootWaitMs = 120_000;
/** After the end of some problems of several, for the others to end as well. Milliseconds. */
const shortestSettleMs = 30_000;

/** A problem that somebody is to be told of. */
export interface Asked {
  member: Omit<Member, 'toldMs' | 'toldSeverity' | 'news' | 'overMs' | 'over' | 'overTold'>;
  target: string;
  route: string;
  /** Values of `group.by`; absent without a group. */
  shared?: Readonly<Record<string, string>>;
  /** Place of the trouble that explains it, when there is one. */
  root?: string;
}

/** What is known of a member at this moment. */
export interface MemberFacts {
  /** `unknown`: nothing can be said, so nothing changes. */
  state: 'problem' | 'ok' | 'gone' | 'unknown';
  severity: Severity;
  /** Place of the trouble that explains it. */
  root?: string;
  /** A silence, downtime or acknowledgement covers it. */
  suppressed: boolean;
}

/** What its route says of a conversation at this moment. */
export interface Policy {
  waitMs: number;
  intervalMs: number;
  repeat?: { everyMs: number; times: number };
  /** Present in quiet hours: what is told all the same. */
  quietExcept?: readonly Severity[];
}

/** `repeat`: the same again, since nobody cared. */
export type Saying = 'problem' | 'update' | 'repeat' | 'recovery';

export interface Step {
  /** The same object when nothing changed. */
  conversation: Conversation;
  say?: Saying;
  /** Begins when this one ends. */
  rest?: Conversation;
}

/** The conversation that it joins or begins; undefined when it is in one already and there is nothing new. */
export function join(
  open: readonly Conversation[],
  asked: Asked,
  newId: () => string,
): Conversation | undefined {
  const { member, target, route, shared, root } = asked;
  const own = open.filter((each) => each.target === target && each.endedMs === undefined);
  const known = joinUnwatched(own, asked);
  if (known !== 'none') return known;
  const isSame = (each: Member): boolean =>
    each.host === member.host && each.ladder === member.ladder && each.episode === member.episode;
  const present = own.find(({ members }) =>
    members.some((each) => isSame(each) && each.overMs === undefined),
  );
  if (present !== undefined) {
    const found = present.members.find((each) => isSame(each) && each.overMs === undefined);
    if (found === undefined || found.cause === member.cause) return undefined;
    const told: Member =
      found.toldMs === undefined
        ? { ...found, cause: member.cause }
        : { ...found, cause: member.cause, news: true };
    return replace(present, found, told);
  }
  const place = placeOf(member);
  const isBehind = root !== undefined && root !== place;
  const key = isBehind ? `root ${root}` : keyOf(route, shared, place);
  const withRoom = own.filter(({ members }) => members.length < mostMembers);
  const found =
    (isBehind && withRoom.find(({ members }) => members.some((each) => isAt(each, root)))) ||
    withRoom.find((each) => each.key === `root ${place}`) ||
    withRoom.find((each) => each.key === key);
  if (!found) {
    const begun = { id: newId(), target, route, key, shared: (!isBehind && shared) || {} };
    return { ...begun, openedMs: member.askedMs, messages: 0, repeats: 0, members: [member] };
  }
  // Another problem of the same ladder takes the place of the one that is over.
  const others = found.members.filter((each) => each.host !== member.host || each.ladder !== member.ladder);
  const former = found.members.find((each) => !others.includes(each));
  return { ...found, members: [...others, former === undefined ? member : following(member, former)] };
}

/** To whom the end of the former one was not told, it is the same problem still, with news. */
function following(member: Asked['member'], { toldMs, toldSeverity, overTold }: Member): Member {
  if (toldMs === undefined || overTold === true) return member;
  return { ...member, toldMs, news: true, ...(toldSeverity === undefined ? {} : { toldSeverity }) };
}

/**
 * A problem is one problem although an action comes to watch it, or watches it no more: who is told of it already is not told anew, and
 * what an action came to is news of it. `none`: it is not told of yet in one of these ways.
 */
function joinUnwatched(own: readonly Conversation[], { member }: Asked): Conversation | undefined | 'none' {
  const isMeant = (each: Member): boolean =>
    each.overMs === undefined &&
    placeOf(each) === placeOf(member) &&
    (isUnwatched(member.ladder) || isUnwatched(each.ladder));
  const present = own.find(({ members }) => members.some(isMeant));
  const found = present?.members.find(isMeant);
  if (present === undefined || found === undefined) return 'none';
  if (isUnwatched(member.ladder)) return undefined;
  const { sinceMs, askedMs, toldMs, toldSeverity } = found;
  const told = toldMs === undefined ? {} : { toldMs, news: true as const };
  const known = toldSeverity === undefined ? {} : { toldSeverity };
  return replace(present, found, { ...member, sinceMs, askedMs, ...told, ...known });
}

/** Where those that it may join are to be found: by a member at one of these places, or by one of these keys. */
export function whereToJoin({ member, route, shared, root }: Asked): { places: string[]; keys: string[] } {
  const place = placeOf(member);
  const places = root === undefined ? [place] : [place, root];
  return { places, keys: [...places.map((each) => `root ${each}`), keyOf(route, shared, place)] };
}

function keyOf(route: string, shared: Readonly<Record<string, string>> | undefined, place: string): string {
  return shared === undefined ? `root ${place}` : `group ${JSON.stringify([route, shared])}`;
}

function isAt(member: Member, place: string): boolean {
  return member.overMs === undefined && placeOf(member) === place;
}

function replace(conversation: Conversation, before: Member, after: Member): Conversation {
  return {
    ...conversation,
    members: conversation.members.map((each) => (each === before ? after : each)),
  };
}

/** What is said now, and what is remembered of it. */
export function stepConversation(
  before: Conversation,
  factsOf: (member: Member) => MemberFacts,
  policy: Policy,
  nowMs: number,
): Step {
  const facts = new Map<Member, MemberFacts>();
  let isChanged = false;
  const members = before.members.map((member) => {
    const known = factsOf(member);
    const after = refresh(member, known, nowMs);
    isChanged ||= after !== member;
    facts.set(after, known);
    return after;
  });
  const conversation = isChanged ? { ...before, members } : before;
  const scene: Scene = { conversation, facts, policy, nowMs };
  return conversation.sentMs === undefined ? stepUntold(scene) : stepTold(scene, conversation.sentMs);
}

interface Scene {
  conversation: Conversation;
  facts: ReadonlyMap<Member, MemberFacts>;
  policy: Policy;
  nowMs: number;
}

function refresh(member: Member, { state, severity }: MemberFacts, nowMs: number): Member {
  if (member.overMs !== undefined || state === 'unknown') return member;
  if (state !== 'problem') return { ...member, overMs: nowMs, over: state === 'gone' ? 'gone' : 'recovered' };
  const isNews = member.toldSeverity !== undefined && isWorse(severity, member.toldSeverity);
  if (severity === member.severity && (!isNews || member.news === true)) return member;
  return { ...member, severity, ...(isNews ? { news: true as const } : {}) };
}

function stepUntold({ conversation, facts, policy, nowMs }: Scene): Step {
  const active = conversation.members.filter(({ overMs }) => overMs === undefined);
  if (active.length === 0) return { conversation: { ...conversation, endedMs: nowMs } };
  const tellable = active.filter((member) => facts.get(member)?.suppressed !== true);
  if (tellable.length === 0) return hold(conversation, 'suppressed');
  const isCause = tellable.some((member) => !isExplained(member, facts));
  const waitMs = isCause ? policy.waitMs : Math.max(policy.waitMs, rootWaitMs);
  if (isWithin(conversation.openedMs, waitMs, nowMs))
    return hold(conversation, isCause ? 'grouping' : 'behind');
  if (isQuiet(policy, tellable)) return hold(conversation, 'quiet');
  return said(conversation, 'problem', tellable, nowMs);
}

function stepTold({ conversation, facts, policy, nowMs }: Scene, sentMs: number): Step {
  const { members, repeats, severity = 'critical' } = conversation;
  const active = members.filter(({ overMs }) => overMs === undefined);
  const shown = active.filter((member) => facts.get(member)?.suppressed !== true);
  const causes = shown.filter((member) => !isExplained(member, facts));
  if (causes.length === 0 && !active.some(({ toldMs }) => toldMs !== undefined)) {
    if (isHeld(policy, severity)) return hold(conversation, 'quiet');
    return endTold(conversation, active, nowMs);
  }
  const fresh = causes.filter(({ toldMs, news }) => toldMs === undefined || news === true);
  const overs = members.filter(
    ({ toldMs, overMs, overTold }) => toldMs !== undefined && overMs !== undefined && overTold !== true,
  );
  if (fresh.length + overs.length > 0) {
    if (
      isWithin(sentMs, policy.intervalMs, nowMs) ||
      (fresh.length === 0 && isSettling(overs, policy, nowMs))
    )
      return hold(conversation, 'interval');
    if (isQuiet(policy, [...fresh, ...overs])) return hold(conversation, 'quiet');
    return said(conversation, 'update', shown, nowMs);
  }
  const { repeat } = policy;
  const urgent = causes.filter((member) => member.severity === 'critical');
  const isDue =
    repeat !== undefined &&
    urgent.length > 0 &&
    repeats < repeat.times &&
    !isWithin(sentMs, repeat.everyMs, nowMs);
  if (!isDue) return hold(conversation, undefined);
  if (isQuiet(policy, urgent)) return hold(conversation, 'quiet');
  return said({ ...conversation, repeats: repeats + 1 }, 'repeat', shown, nowMs);
}

/** What ends together is told together, best as one recovery. */
function isSettling(overs: readonly Member[], { waitMs, intervalMs }: Policy, nowMs: number): boolean {
  const times = overs.map(({ overMs = 0 }) => overMs);
  const settlesMs = Math.max(waitMs, shortestSettleMs);
  return (
    isWithin(Math.max(...times), settlesMs, nowMs) &&
    isWithin(Math.min(...times), Math.max(intervalMs, settlesMs), nowMs)
  );
}

/** What was told is over. What was held back until now waits on in a conversation of its own. */
function endTold(conversation: Conversation, left: readonly Member[], nowMs: number): Step {
  const members = conversation.members.filter((each) => !left.includes(each));
  const { conversation: told } = said({ ...conversation, members }, 'recovery', [], nowMs);
  const ended = { conversation: { ...told, endedMs: nowMs }, say: 'recovery' as const };
  if (left.length === 0) return ended;
  const { target, route, key, shared } = conversation;
  const id = `${conversation.id}+`;
  const rest = { id, target, route, key, shared, openedMs: nowMs, messages: 0, repeats: 0, members: left };
  return { ...ended, rest };
}

function hold(conversation: Conversation, reason: Hold | undefined): Step {
  if (conversation.hold === reason) return { conversation };
  const { hold: _before, ...bare } = conversation;
  return { conversation: reason === undefined ? bare : { ...bare, hold: reason } };
}

function said(before: Conversation, say: Saying, told: readonly Member[], nowMs: number): Step {
  const { hold: _held, ...bare } = before;
  const members = before.members.map((member): Member => {
    const { news: _news, ...old } = member;
    if (member.overMs !== undefined) return { ...old, ...(member.toldMs === undefined ? {} : overTold) };
    if (!told.includes(member)) return member;
    const toldSeverity = worst([member.severity, member.toldSeverity ?? 'info']);
    return { ...old, toldMs: member.toldMs ?? nowMs, toldSeverity };
  });
  const severity = worst([before.severity ?? 'info', ...told.map((member) => member.severity)]);
  const conversation = { ...bare, members, sentMs: nowMs, messages: before.messages + 1, severity };
  return { conversation, say };
}

const overTold = { overTold: true as const };

/** The trouble that explains it is told in its place. */
export function isExplained(member: Member, facts: ReadonlyMap<Member, MemberFacts>): boolean {
  const root = facts.get(member)?.root;
  return root !== undefined && root !== placeOf(member);
}

function isQuiet({ quietExcept }: Policy, members: readonly Member[]): boolean {
  if (quietExcept === undefined) return false;
  return !members.some(({ severity, toldSeverity }) =>
    quietExcept.includes(worst([severity, toldSeverity ?? 'info'])),
  );
}

function isHeld({ quietExcept }: Policy, severity: Severity): boolean {
  return quietExcept !== undefined && !quietExcept.includes(severity);
}

/** A wall clock that was set back ends the wait. */
function isWithin(sinceMs: number, lengthMs: number, nowMs: number): boolean {
  const elapsedMs = nowMs - sinceMs;
  return elapsedMs >= 0 && elapsedMs < lengthMs;
}
