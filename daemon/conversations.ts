/**
 * Carries what core/telling.ts decides: keeps the conversations with their targets in the ledger and queues what is said in them,
 * both in one transaction, so that no death of the process tells twice or forgets whom it told.
 */
import { randomUUID } from 'node:crypto';
import { type Conversation, type Member, placeOf } from '../core/conversation.ts';
import type { LadderDefinition } from '../core/definitions.ts';
import type { NewMessage } from '../core/message-port.ts';
import { routesOf, sharedBy } from '../core/message-routes.ts';
import type { MessageRoute } from '../core/messages-config.ts';
import type { ActiveSuppression } from '../core/safety.ts';
import { coverOf } from '../core/suppression.ts';
import {
  type Asked,
  join,
  type MemberFacts,
  type Policy,
  type Step,
  stepConversation,
  whereToJoin,
} from '../core/telling.ts';
import { troubleOf } from '../core/trouble.ts';
import { isUnwatched, isWatched } from '../core/unwatched.ts';
import { conversationBody } from './conversation-body.ts';
import { ConversationIndex } from './conversation-index.ts';
import type { History } from './history.ts';
import { type StoryParts, severityOf, statusOf, toldLadderOf } from './message-story.ts';
import { covers, rootOf, subjectOf } from './message-subject.ts';
import { type Quiet, QuietHours } from './quiet-hours.ts';

/** Between two messages of what is no group. Milliseconds. */
const shortestIntervalMs = 60_000;
/** Problems that one turn takes up, and messages that it makes: about 15 ms of work. */
const messagesAtOnce = 60;
/** Conversations that one turn looks at; most often nothing is to be said. */
const stepsAtOnce = 250;

/** What one turn makes. */
interface Batch {
  written: Map<string, Conversation>;
  /** Not told yet, for another reason than before or with more in it. */
  held: Conversation[];
  messages: NewMessage[];
  nowMs: number;
  factsOf: (member: Member) => MemberFacts;
}

export interface ConversationsOptions extends StoryParts {
  history: Pick<History, 'add'>;
  onQueued: () => void;
}

export class Conversations {
  readonly #options: ConversationsOptions;
  #index = new ConversationIndex();
  /** A write failed: it may be in the ledger all the same. */
  #isDoubtful = true;
  /** Ids that this round of turns has still to look at, and those that cannot wait for it. */
  #left: string[] = [];
  #urgent: string[] = [];
  /** To be told with the next turn. */
  #asked: Asked[] = [];
  readonly quiet = new QuietHours();

  /** Errors: MenddError when the ledger cannot be read. */
  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#readAgain();
  }

  /** Those that have not ended. */
  open(): readonly Conversation[] {
    return this.#index.all();
  }

  /** The routes that a problem takes as it is now; none without a state. */
  routesOf(host: string, ladder: LadderDefinition): MessageRoute[] {
    const { fleet } = this.#options;
    const subject = subjectOf(fleet, host, ladder);
    return subject === undefined
      ? []
      : routesOf(fleet.definitions.daemon.messages?.routes ?? [], subject, covers);
  }

  /**
   * The targets of these routes are to be told; a repetition with the same cause changes nothing. With the next turn: in a mass failure
   * one write serves them all. Whoever asks asks again after a death of the process.
   */
  ask(...problem: Parameters<Conversations['askNow']>): void {
    this.#asked.push(...this.#askedOf(...problem));
  }

  /** The same, durable when it returns. Errors: MenddError. */
  askNow(
    host: string,
    ladder: LadderDefinition,
    episode: string,
    routes: readonly MessageRoute[],
    cause: string,
  ): void {
    this.#work(this.#askedOf(host, ladder, episode, routes, cause), []);
  }

  #askedOf(
    host: string,
    ladder: LadderDefinition,
    episode: string,
    routes: readonly MessageRoute[],
    cause: string,
  ): Asked[] {
    const { clock, fleet } = this.#options;
    const nowMs = clock.nowMs();
    const subject = subjectOf(fleet, host, ladder);
    const state = fleet.state(host);
    if (subject === undefined || state === undefined) return [];
    const { check } = ladder.trigger;
    const status = statusOf(fleet, host, check);
    const root = rootOf(state, host, check);
    const member = {
      host,
      ladder: ladder.id,
      runbook: ladder.runbook,
      check,
      episode,
      cause,
      severity: subject.severity,
      sinceMs: status?.problemSinceMs ?? status?.sinceMs ?? nowMs,
      askedMs: nowMs,
    };
    return routes.flatMap((route) => {
      const shared = sharedBy(route, subject);
      return route.to.map((target) => ({
        member,
        target,
        route: route.name,
        ...(shared === undefined ? {} : { shared }),
        ...(root === undefined ? {} : { root }),
      }));
    });
  }

  /** Whether somebody, or that target, is told of this problem, or about to be. */
  hasMember(host: string, { id, trigger }: LadderDefinition, episode: string, to?: string): boolean {
    return this.#index
      .find([placeOf({ host, check: trigger.check })])
      .filter(({ target }) => to === undefined || target === to)
      .some(({ members }) =>
        members.some((each) => each.host === host && each.ladder === id && each.episode === episode),
      );
  }

  /**
   * What was asked and what is due, a bounded number at a time; true when more of it waits that should be told at once. Errors:
   * MenddError; the next turn tries again.
   */
  turn(): boolean {
    this.#readAgain();
    if (this.#left.length === 0) this.#left = this.open().map(({ id }) => id);
    const asked = this.#asked.slice(0, messagesAtOnce);
    const urgent = this.#urgent.slice(0, stepsAtOnce);
    const rest = this.#work(asked, [...urgent, ...this.#left.splice(0, stepsAtOnce - urgent.length)]);
    this.#asked = this.#asked.slice(asked.length);
    this.#urgent = [...rest, ...this.#urgent.slice(urgent.length)];
    return this.#asked.length + this.#urgent.length > 0;
  }

  /** A check is OK again: the next turn looks at its conversations first. */
  recovered(host: string, check: string): void {
    this.#urgent.push(...this.#index.find([placeOf({ host, check })]).map(({ id }) => id));
  }

  /** Those of `ids` that it did not come to. */
  #work(asked: readonly Asked[], ids: readonly string[]): string[] {
    const { coordinator, fleet, clock, onQueued } = this.#options;
    this.#readAgain();
    const nowMs = clock.nowMs();
    const { suppressions } = fleet.view();
    const batch: Batch = {
      written: new Map(),
      held: [],
      messages: [],
      nowMs,
      factsOf: (member) => this.factsOf(member, suppressions),
    };
    this.#isDoubtful = true;
    const changed = new Set<string>();
    for (const each of asked) {
      const { places, keys } = whereToJoin(each);
      const joined = join(this.#index.find(places, keys), each, randomUUID);
      if (joined === undefined) continue;
      // What begins is told as it began; those that join it in this turn are looked at together.
      if (joined.members.length === 1) {
        this.#step(joined, batch, true);
        continue;
      }
      this.#index.put(joined);
      changed.add(joined.id);
    }
    const rest: string[] = [];
    for (const id of new Set([...changed, ...ids])) {
      const conversation = this.#index.get(id);
      const isNew = changed.has(id);
      if (conversation === undefined) continue;
      if (isNew || batch.messages.length < messagesAtOnce) this.#step(conversation, batch, isNew);
      else rest.push(id);
    }
    if (batch.written.size > 0) coordinator.converse([...batch.written.values()], batch.messages);
    this.#isDoubtful = false;
    for (const held of batch.held) this.#tellHeld(held);
    if (batch.messages.length > 0) onQueued();
    return rest;
  }

  /** Of a route and of one target of it; undefined outside of quiet hours. */
  quietOf(target: string, route: MessageRoute | undefined, nowMs: number): Quiet | undefined {
    const own = this.#options.fleet.definitions.daemon.notify.get(target)?.quiet ?? [];
    return this.quiet.of([...(route?.quiet ?? []), ...own], nowMs);
  }

  factsOf(member: Member, suppressions: ReadonlyMap<string, readonly ActiveSuppression[]>): MemberFacts {
    const { fleet, clock } = this.#options;
    const state = fleet.state(member.host);
    const status = state && troubleOf(state, member.check);
    const known = { severity: member.severity, suppressed: false };
    const plan = fleet.plan(member.host);
    if (plan === undefined || state === undefined || status === undefined || !toldLadderOf(fleet, member))
      return { ...known, state: 'gone' };
    if (status.state === 'ok') return { ...known, state: 'ok' };
    if (status.state === 'pending') return { ...known, state: 'unknown' };
    const active = suppressions.get(member.host) ?? [];
    const kinds = ['silence', 'downtime', 'acknowledgement'] as const;
    const root = rootOf(state, member.host, member.check);
    // An action watches it by now, and tells when it is spent.
    const isTaken = isUnwatched(member.ladder) && isWatched(plan, member.check, status.state);
    return {
      state: 'problem',
      severity: isTaken ? member.severity : severityOf[status.state],
      suppressed: kinds.some((kind) => coverOf(kind, active, member.check, status, clock.nowMs())),
      ...(root === undefined ? {} : { root }),
    };
  }

  /** Errors: MenddError; then it is still doubtful. */
  #readAgain(): void {
    if (!this.#isDoubtful) return;
    const index = new ConversationIndex();
    for (const each of this.#options.coordinator.conversations(Number.MAX_SAFE_INTEGER - 1)) index.put(each);
    this.#index = index;
    this.#isDoubtful = false;
  }

  #policyOf({ route: name, target }: Conversation, nowMs: number): Policy {
    const route = this.#options.fleet.definitions.daemon.messages?.routes.find((each) => each.name === name);
    const quiet = this.quietOf(target, route, nowMs);
    const { group, repeat } = route ?? {};
    return {
      waitMs: group?.waitMs ?? 0,
      intervalMs: group?.intervalMs ?? shortestIntervalMs,
      ...(repeat === undefined ? {} : { repeat }),
      ...(quiet === undefined ? {} : { quietExcept: quiet.pass }),
    };
  }

  #step(before: Conversation, batch: Batch, isNew: boolean): void {
    const { nowMs, factsOf } = batch;
    const step = stepConversation(before, factsOf, this.#policyOf(before, nowMs), nowMs);
    if (step.conversation === before && !isNew) return;
    const { say, rest } = step;
    const key = `${before.id}~${step.conversation.messages}`;
    const isFirst = say !== undefined && before.first === undefined;
    const after = isFirst ? { ...step.conversation, first: key } : step.conversation;
    if (say !== undefined) batch.messages.push(this.#messageOf(before, after, say, key, batch));
    else if (after.hold !== undefined && (isNew || after.hold !== before.hold)) batch.held.push(after);
    for (const each of rest === undefined ? [after] : [after, rest]) {
      batch.written.set(each.id, each);
      this.#index.put(each);
    }
  }

  /** Whoever looks at it learns that nobody is told yet, and why. */
  #tellHeld(conversation: Conversation): void {
    const { target, route, hold, members } = conversation;
    const [host, check] = [common(conversation, 'host'), common(conversation, 'check')];
    this.#options.history.add('message.held', {
      ...(host === undefined ? {} : { host }),
      ...(check === undefined ? {} : { check }),
      data: { target, route, hold, problems: members.length },
    });
  }

  #messageOf(
    before: Conversation,
    after: Conversation,
    say: NonNullable<Step['say']>,
    key: string,
    { factsOf, nowMs }: Batch,
  ): NewMessage {
    return {
      key,
      target: after.target,
      kind: say === 'recovery' ? 'recovery' : 'problem',
      host: common(after, 'host') ?? '',
      ladder: common(after, 'ladder') ?? '',
      body: conversationBody(this.#options, { before, after, say, factsOf }),
      createdAtMs: nowMs,
      nextAttemptAtMs: nowMs,
      conversation: after.id,
    };
  }
}

/** What all members have in common. */
function common({ members }: Conversation, name: 'host' | 'ladder' | 'check'): string | undefined {
  const [first, ...others] = members.map((each) => each[name]);
  return others.every((each) => each === first) ? first : undefined;
}
