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
import { conversationBody } from './conversation-body.ts';
import { ConversationIndex } from './conversation-index.ts';
import type { Fleet } from './fleet.ts';
import { ladderOf, type StoryParts, severityOf, statusOf } from './message-story.ts';
import { QuietHours } from './quiet-hours.ts';

/** Between two messages of what is no group. Milliseconds. */
const shortestIntervalMs = 60_000;
/** Conversations that one turn looks at. */
const stepsAtOnce = 1_000;

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

  /** The targets of these routes are to be told. A repetition with the same cause changes nothing. Errors: MenddError. */
  ask(
    host: string,
    ladder: LadderDefinition,
    episode: string,
    routes: readonly MessageRoute[],
    cause: string,
  ): void {
    this.#readAgain();
    const { clock, fleet } = this.#options;
    const nowMs = clock.nowMs();
    const subject = subjectOf(fleet, host, ladder);
    const state = fleet.state(host);
    if (subject === undefined || state === undefined) return;
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
    for (const route of routes) {
      const shared = sharedBy(route, subject);
      for (const target of route.to) {
        const asked: Asked = {
          member,
          target,
          route: route.name,
          ...(shared === undefined ? {} : { shared }),
          ...(root === undefined ? {} : { root }),
        };
        const { places, keys } = whereToJoin(asked);
        const joined = join(this.#index.find(places, keys), asked, randomUUID);
        if (joined !== undefined) this.#step(joined, nowMs, true);
      }
    }
  }

  /** Whether somebody is told, or about to be told, of this problem. */
  hasMember(host: string, { id, trigger }: LadderDefinition, episode: string): boolean {
    return this.#index
      .find([placeOf({ host, check: trigger.check })])
      .some(({ members }) =>
        members.some((each) => each.host === host && each.ladder === id && each.episode === episode),
      );
  }

  /** What is due by now, a bounded number of them at a time. Errors: MenddError; a later turn makes good what could not be queued. */
  turn(): void {
    this.#readAgain();
    const nowMs = this.#options.clock.nowMs();
    if (this.#left.length === 0) this.#left = this.open().map(({ id }) => id);
    for (const id of this.#left.splice(0, stepsAtOnce)) {
      const conversation = this.#index.get(id);
      if (conversation !== undefined) this.#step(conversation, nowMs, false);
    }
  }

  /** A check is OK again. */
  recovered(host: string, check: string): void {
    this.#readAgain();
    const nowMs = this.#options.clock.nowMs();
    for (const each of this.#index.find([placeOf({ host, check })])) this.#step(each, nowMs, false);
  }

  factsOf(member: Member, suppressions: ReadonlyMap<string, readonly ActiveSuppression[]>): MemberFacts {
    const { fleet, clock } = this.#options;
    const state = fleet.state(member.host);
    const status = state && troubleOf(state, member.check);
    const known = { severity: member.severity, suppressed: false };
    if (
      state === undefined ||
      status === undefined ||
      ladderOf(fleet, member.host, member.ladder) === undefined
    )
      return { ...known, state: 'gone' };
    if (status.state === 'ok') return { ...known, state: 'ok' };
    if (status.state === 'pending') return { ...known, state: 'unknown' };
    const active = suppressions.get(member.host) ?? [];
    const kinds = ['silence', 'downtime', 'acknowledgement'] as const;
    const root = rootOf(state, member.host, member.check);
    return {
      state: 'problem',
      severity: severityOf[status.state],
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

  #policyOf({ route: name }: Conversation, nowMs: number): Policy {
    const route = this.#options.fleet.definitions.daemon.messages?.routes.find((each) => each.name === name);
    const quiet = this.quiet.of(route, nowMs);
    const { group, repeat } = route ?? {};
    return {
      waitMs: group?.waitMs ?? 0,
      intervalMs: group?.intervalMs ?? shortestIntervalMs,
      ...(repeat === undefined ? {} : { repeat }),
      ...(quiet === undefined ? {} : { quietExcept: quiet.pass }),
    };
  }

  #step(before: Conversation, nowMs: number, isNew: boolean): void {
    const { suppressions } = this.#options.fleet.view();
    const factsOf = (member: Member): MemberFacts => this.factsOf(member, suppressions);
    const step = stepConversation(before, factsOf, this.#policyOf(before, nowMs), nowMs);
    if (step.conversation !== before || isNew) this.#keep(before, step, factsOf, nowMs);
  }

  #keep(before: Conversation, step: Step, factsOf: (member: Member) => MemberFacts, nowMs: number): void {
    const { coordinator, onQueued } = this.#options;
    const { say, rest } = step;
    const key = `${before.id}~${step.conversation.messages}`;
    const after =
      say === undefined || before.first !== undefined
        ? step.conversation
        : { ...step.conversation, first: key };
    const message = say && this.#messageOf(before, after, say, key, factsOf, nowMs);
    this.#isDoubtful = true;
    coordinator.converse([after, ...(rest === undefined ? [] : [rest])], message);
    this.#isDoubtful = false;
    this.#index.put(after);
    if (rest !== undefined) this.#index.put(rest);
    if (message !== undefined) onQueued();
  }

  #messageOf(
    before: Conversation,
    after: Conversation,
    say: NonNullable<Step['say']>,
    key: string,
    factsOf: (member: Member) => MemberFacts,
    nowMs: number,
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
