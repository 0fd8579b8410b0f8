/**
 * Carries what core/telling.ts decides: keeps the conversations with their targets in the ledger and queues what is said in them,
 * both in one transaction, so that no death of the process tells twice or forgets whom it told.
 */
import { randomUUID } from 'node:crypto';
import { anyOf } from '../config/selectors.ts';
import { type Conversation, type Member, placeOf } from '../core/conversation.ts';
import type { LadderDefinition } from '../core/definitions.ts';
import { hostCheck } from '../core/definitions.ts';
import type { NewMessage } from '../core/message-port.ts';
import { type RouteSubject, routesOf, sharedBy } from '../core/message-routes.ts';
import type { MessageRoute } from '../core/messages-config.ts';
import type { HostEngineState } from '../core/reduction.ts';
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
import type { Fleet } from './fleet.ts';
import { type StoryParts, severityOf, statusOf, toldLadderOf } from './message-story.ts';
import { type Quiet, QuietHours } from './quiet-hours.ts';

/** Between two messages of what is no group. Milliseconds. */
const shortestIntervalMs = 60_000;
/** Conversations that one turn looks at. */
const stepsAtOnce = 250;

/** What one turn makes. */
interface Batch {
  written: Map<string, Conversation>;
  messages: NewMessage[];
  nowMs: number;
  factsOf: (member: Member) => MemberFacts;
}

export interface ConversationsOptions extends StoryParts {
  onQueued: () => void;
}

export class Conversations {
  readonly #options: ConversationsOptions;
  #index = new ConversationIndex();
  /** A write failed: it may be in the ledger all the same. */
  #isDoubtful = true;
  /** Ids that this round of turns has still to look at. */
  #left: string[] = [];
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

  /** What was asked and what is due, a bounded number at a time. Errors: MenddError; the next turn tries again. */
  turn(): void {
    this.#readAgain();
    if (this.#left.length === 0) this.#left = this.open().map(({ id }) => id);
    const asked = this.#asked.slice(0, stepsAtOnce);
    this.#work(asked, this.#left.splice(0, stepsAtOnce));
    this.#asked = this.#asked.slice(asked.length);
  }

  /** A check is OK again: the next turn looks at its conversations first. */
  recovered(host: string, check: string): void {
    this.#left.unshift(...this.#index.find([placeOf({ host, check })]).map(({ id }) => id));
  }

  #work(asked: readonly Asked[], ids: readonly string[]): void {
    const { coordinator, fleet, clock, onQueued } = this.#options;
    this.#readAgain();
    const nowMs = clock.nowMs();
    const { suppressions } = fleet.view();
    const batch: Batch = {
      written: new Map(),
      messages: [],
      nowMs,
      factsOf: (member) => this.factsOf(member, suppressions),
    };
    this.#isDoubtful = true;
    for (const each of asked) {
      const { places, keys } = whereToJoin(each);
      const joined = join(this.#index.find(places, keys), each, randomUUID);
      if (joined !== undefined) this.#step(joined, batch, true);
    }
    for (const id of ids) {
      const conversation = this.#index.get(id);
      if (conversation !== undefined) this.#step(conversation, batch, false);
    }
    if (batch.written.size > 0) coordinator.converse([...batch.written.values()], batch.messages);
    this.#isDoubtful = false;
    if (batch.messages.length > 0) onQueued();
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
    for (const each of rest === undefined ? [after] : [after, rest]) {
      batch.written.set(each.id, each);
      this.#index.put(each);
    }
  }

  #messageOf(
    before: Conversation,
    after: Conversation,
    say: NonNullable<Step['say']>,
    key: string,
    { factsOf, nowMs }: Batch,
  ): NewMessage {
    const [first] = after.members;
    const common = (name: 'host' | 'ladder'): string =>
      after.members.every((each) => each[name] === first?.[name]) ? (first?.[name] ?? '') : '';
    return {
      key,
      target: after.target,
      kind: say === 'recovery' ? 'recovery' : 'problem',
      host: common('host'),
      ladder: common('ladder'),
      body: conversationBody(this.#options, { before, after, say, factsOf }),
      createdAtMs: nowMs,
      nextAttemptAtMs: nowMs,
      conversation: after.id,
    };
  }
}

export function covers(patterns: readonly string[], name: string): boolean {
  return anyOf(patterns)(name);
}

export function subjectOf(fleet: Fleet, host: string, ladder: LadderDefinition): RouteSubject | undefined {
  const { check } = ladder.trigger;
  const status = statusOf(fleet, host, check);
  const definition = fleet.definitions.hosts.get(host);
  if (status === undefined || definition === undefined) return undefined;
  const { labels } = definition;
  return { host, labels, runbook: ladder.runbook, check, severity: severityOf[status.state] };
}

/** The place of the trouble that explains another one; undefined when it is its own. */
export function rootOf(
  { host: status, checks }: HostEngineState,
  host: string,
  check: string,
): string | undefined {
  if (status.state === 'unreachable') {
    if (status.behind !== undefined) return placeOf({ host: status.behind, check: hostCheck });
    if (check !== hostCheck) return placeOf({ host, check: hostCheck });
  }
  const cause = checks[check]?.suppressedBy;
  return cause === undefined ? undefined : placeOf({ host, check: cause });
}
