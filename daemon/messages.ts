/**
 * Queues what people are told: a problem's message with the whole transcript, and its recovery whenever the problem's message
 * was queued. The outbox delivers.
 */
import { problemMessage, recoveryMessage } from '../actions/message.ts';
import type { MessageBody } from '../actions/message-words.ts';
import { approvalMessage, type Notice, noticeMessage, proposalMessage } from '../actions/notice-message.ts';
import type { ActionDefinition, HostDefinition, LadderDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import { isMessage } from '../core/ladder.ts';
import type { NewMessage } from '../core/message-port.ts';
import type { Clock, Coordinator, OutboxMessage, Store } from '../core/ports.ts';
import type { Effect } from '../core/reduction.ts';
import type { Approval } from '../core/safety.ts';
import type { CheckStatus } from '../core/types.ts';
import { Conversations } from './conversations.ts';
import { Digest } from './digest.ts';
import { finishMessage } from './finish-message.ts';
import type { Fleet } from './fleet.ts';
import { goneRecoveries, oneOfEach, recoveryOf, toldAlone } from './gone-problems.ts';
import type { History } from './history.ts';
import { lateProblems } from './late-problems.ts';
import { ladderOf, statusOf, storyOf } from './message-story.ts';
import { ownRouteOf } from './own-route.ts';
import { questionKey } from './settled-questions.ts';
import { UnwatchedProblems } from './unwatched-problems.ts';

export interface MessageOptions {
  clock: Clock;
  coordinator: Coordinator;
  store: Pick<Store, 'transitions'>;
  fleet: Fleet;
  history: History;
  describe: (action: ActionDefinition, host: HostDefinition) => string;
  onQueued: () => void;
}

/** Without the last touch. */
type Bare = Omit<NewMessage, 'body' | 'createdAtMs' | 'nextAttemptAtMs'> & { body: MessageBody };
/** What begins and ends is told as a problem and its recovery, of which the keys begin with the conversation. */
type NoticeKind = Pick<NewMessage, 'kind' | 'conversation'>;

export class Messages {
  readonly #options: MessageOptions;
  /** The newest give-up of each ladder that this process queued; the outbox's key guards across restarts. */
  readonly #told = new Map<string, string>();
  /** Ladders whose recovery may have to be told still, as `host\nladder`. */
  readonly #owed = new Set<string>();
  /** Of the definitions that were last looked through for what is gone. */
  #lookedThrough = '';
  /** What targets are told by routes. */
  readonly conversations: Conversations;
  readonly #unwatched: UnwatchedProblems;
  readonly #digest: Digest;

  /** Errors: MenddError when the ledger cannot be read. */
  constructor(options: MessageOptions) {
    this.#options = options;
    this.conversations = new Conversations(options);
    this.#unwatched = new UnwatchedProblems(options, this.conversations);
    this.#digest = new Digest(options);
  }

  /** Tells a target, or those of a route, of the problem of a ladder; a second call with the same key does nothing. */
  tell(host: string, ladder: LadderDefinition, episode: string, to: string, key: string): void {
    const { messages } = this.#options.fleet.definitions.daemon;
    const named = messages?.routes.find(({ name }) => name === to);
    const route = named ?? ownRouteOf(this.#options, this.conversations, to, { host, ladder, episode });
    if (route === undefined) this.problem(host, ladder, episode, to, key, key);
    else this.conversations.askNow(host, ladder, episode, [route], key);
  }

  /** Sends the problem of a ladder to a target, as a message of its own. */
  problem(
    host: string,
    ladder: LadderDefinition,
    episode: string,
    target: string,
    key: string,
    runId?: string,
  ): void {
    const status = this.#statusOf(host, ladder);
    const body = problemMessage(this.#story(host, ladder, episode, runId));
    const run = runId === undefined ? {} : { runId };
    this.#enqueue({ key, target, kind: 'problem', host, ladder: ladder.id, body, ...run });
    // Queued late, after its recovery: that is owed as well.
    if (status?.state === 'ok') this.#owed.add(placeOf(host, ladder));
  }

  /** Goes where the ladder's own message would go. Without a target it stands on the page only. Queues nothing. */
  question(approval: Approval): NewMessage[] {
    const { host, episode, tag } = approval;
    const ladder = ladderOf(this.#options.fleet, host, approval.ladder);
    if (ladder === undefined) return [];
    const body = approvalMessage({ ...this.#story(host, ladder, episode), approval });
    return this.#toAll(host, ladder, { key: questionKey(approval, tag), kind: 'notice', body });
  }

  /** What would have been done; once for each run that was not. */
  proposed(host: string, { ladder, action, run, decision }: Extract<Effect, { kind: 'propose' }>): void {
    const { coordinator, fleet, describe, history, onQueued } = this.#options;
    const definition = fleet.definitions.hosts.get(host);
    const key = `${run.id}~proposed`;
    // Apart from the give-up of the same ladder, or each would make the other news again.
    const place = `${placeOf(host, ladder)}\nproposed`;
    if (definition === undefined || this.#told.get(place) === key) return;
    const { check } = decision;
    const body = proposalMessage({
      ...this.#story(host, ladder, run.episode),
      action: action.id,
      command: describe(action, definition),
      reason: `${check} is ${this.#statusOf(host, ladder)?.state ?? 'gone'}`,
    });
    // What it is about is over with the problem. What is to follow a recovery has no such end.
    const kind = ladder.trigger.on === 'problem' ? 'problem' : 'notice';
    coordinator.converse([], this.#toAll(host, ladder, { key, kind, body }));
    onQueued();
    this.#told.set(place, key);
    history.add('action.proposed', { host, check, runId: run.id, data: { action: action.id } });
  }

  /**
   * About the daemon as a whole, to `remediation.page`, or to who was told of the same conversation. An unusable ledger is told to the
   * history instead of failing the caller.
   */
  notice(key: string, notice: Omit<Notice, 'nowMs'>, as: NoticeKind = { kind: 'notice' }): void {
    const { clock, coordinator, fleet, history } = this.#options;
    const body = noticeMessage({ ...notice, nowMs: clock.nowMs() });
    const { page } = fleet.definitions.daemon.remediation;
    try {
      const query = { keyPrefix: `${as.conversation}~`, limit: 1 };
      const told = as.conversation === undefined ? [] : coordinator.messages(query).items;
      const target = told[0]?.target ?? page;
      if (target === undefined) return;
      this.#enqueue({ key, target, ...as, host: notice.host ?? '', ladder: '', body });
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }

  /** The ladder is spent and has no message rung of its own. */
  gaveUp(host: string, ladder: LadderDefinition, episode: string): void {
    const { fleet } = this.#options;
    const isOwn = ladder.rungs.some((rung) => isMessage(rung) && rung.enabled);
    if (isOwn || fleet.mode === 'observe') return;
    const target = fleet.definitions.daemon.remediation.page;
    const matching = this.conversations.routesOf(host, ladder);
    const own =
      matching.length > 0 || target === undefined
        ? undefined
        : ownRouteOf(this.#options, this.conversations, target, { host, ladder, episode });
    const routes = own === undefined ? matching : [own];
    if (routes.length === 0 && target === undefined) return;
    const key = `${host}~${ladder.id}~${episode}~gave_up`;
    // A problem that gets worse may take other routes.
    const told = [key, ...routes.map(({ name }) => name)].join(' ');
    const place = placeOf(host, ladder);
    if (this.#told.get(place) === told) return;
    if (routes.length > 0) this.conversations.ask(host, ladder, episode, routes, key);
    else if (target !== undefined) this.problem(host, ladder, episode, target, key);
    this.#told.set(place, told);
  }

  /** The check is OK again. Errors: MenddError; `settle` makes good what could not be queued. */
  recovered(host: string, ladder: LadderDefinition): void {
    this.#owed.add(placeOf(host, ladder));
    this.#tellRecovery(host, ladder);
    this.conversations.recovered(host, ladder.trigger.check);
    this.#owed.delete(placeOf(host, ladder));
    // Should it come back in the same episode, a route is told again.
    if (this.#told.get(placeOf(host, ladder))?.includes(' ') === true)
      this.#told.delete(placeOf(host, ladder));
  }

  /** A problem that was given up is sent again: it may be over by now, or gone. */
  owe(host: string, ladder: string): void {
    this.#owed.add(`${host}\n${ladder}`);
    this.#lookedThrough = '';
  }

  /** At a start: the process before this one may have died between a recovery and its message. */
  oweAll(): void {
    for (const { host, ladders } of this.#options.fleet.definitions.byHost.values()) {
      for (const ladder of ladders) this.#owed.add(placeOf(host.name, ladder));
    }
  }

  /** Queues recoveries that are owed; one whose check has a problem again is told when that is over. Errors: MenddError. */
  settle(): void {
    const { fleet } = this.#options;
    for (const place of this.#owed) {
      const [host = '', id] = place.split('\n');
      const ladder = fleet.plan(host)?.ladders.find((each) => each.id === id);
      // Until an answer says so it is not over; whether that is news to the reducer, a start may not know.
      if (ladder !== undefined && this.#statusOf(host, ladder)?.state !== 'ok') continue;
      if (ladder !== undefined) this.#tellRecovery(host, ladder);
      this.#owed.delete(place);
    }
    this.#tellGone();
    this.#tellLate();
  }

  /** Each second: problems that no action watches, what waited in conversations, and the digest. Errors: MenddError. */
  turn(): boolean {
    this.#unwatched.turn();
    const isMore = this.conversations.turn();
    this.#digest.turn();
    return isMore;
  }

  /** Something in the outbox is due again. */
  pumpSoon(): void {
    this.#options.onQueued();
  }

  /** After a jump of the wall clock. */
  forgetTimes(): void {
    this.conversations.quiet.forgetTimes();
    this.#digest.forgetTimes();
  }

  /** Once for all definitions that come into force. */
  #tellGone(): void {
    const { fleet } = this.#options;
    const { revision } = fleet.definitions;
    if (this.#lookedThrough === revision) return;
    for (const recovery of goneRecoveries(this.#options)) this.#enqueue(recovery);
    this.#lookedThrough = revision;
  }

  /** Problems that last, whatever is being done about them. */
  #tellLate(): void {
    const { coordinator, fleet } = this.#options;
    const routesOf = this.conversations.routesOf.bind(this.conversations);
    for (const { host, ladder, episode, routes } of lateProblems(this.#options, routesOf)) {
      const isTold =
        this.conversations.hasMember(host, ladder, episode) ||
        toldAlone(coordinator, host, ladder).length > 0;
      const isPresent = fleet.plan(host)?.ladders.includes(ladder) === true;
      if (!isTold && isPresent)
        this.conversations.ask(host, ladder, episode, routes, `${host}~${ladder.id}~${episode}~late`);
    }
  }

  #tellRecovery(host: string, ladder: LadderDefinition): void {
    const { clock, coordinator } = this.#options;
    const status = this.#statusOf(host, ladder);
    for (const told of oneOfEach(coordinator.unrecovered(host, ladder.id))) {
      const body = recoveryMessage({
        host,
        ladder,
        nowMs: clock.nowMs(),
        problem: told,
        ...(status === undefined ? {} : { status }),
      });
      this.#enqueue({ ...recoveryOf(told), body });
    }
  }

  /** Where the ladder's own message would go. */
  #targetsOf(host: string, ladder: LadderDefinition): readonly string[] {
    const { messages, remediation } = this.#options.fleet.definitions.daemon;
    const [own] = ladder.rungs.flatMap(({ effect, enabled }) =>
      effect.kind === 'notify' && enabled ? [effect.to] : [],
    );
    const named = messages?.routes.find(({ name }) => name === own);
    if (own !== undefined) return named?.to ?? [own];
    const routed = this.conversations.routesOf(host, ladder).flatMap(({ to }) => to);
    if (routed.length > 0) return [...new Set(routed)];
    return remediation.page === undefined ? [] : [remediation.page];
  }

  /** About a ladder, to all that its message would go to. */
  #toAll(
    host: string,
    ladder: LadderDefinition,
    { key, ...message }: { key: string; kind: OutboxMessage['kind']; body: MessageBody },
  ): NewMessage[] {
    return this.#targetsOf(host, ladder).map((target, index) =>
      this.#finish({
        ...message,
        key: index === 0 ? key : `${key}~${target}`,
        target,
        host,
        ladder: ladder.id,
      }),
    );
  }

  #statusOf(host: string, ladder: LadderDefinition): CheckStatus | undefined {
    return statusOf(this.#options.fleet, host, ladder.trigger.check);
  }

  #story(
    host: string,
    ladder: LadderDefinition,
    episode: string,
    except?: string,
  ): ReturnType<typeof storyOf> {
    return storyOf(this.#options, host, ladder, episode, except);
  }

  #finish(message: Bare): NewMessage {
    const { clock, fleet } = this.#options;
    const nowMs = clock.nowMs();
    const body = finishMessage(fleet.definitions, message.body, message);
    return { ...message, body, createdAtMs: nowMs, nextAttemptAtMs: nowMs };
  }

  #enqueue(message: Bare): void {
    this.#options.coordinator.enqueue(this.#finish(message));
    this.#options.onQueued();
  }
}

function placeOf(host: string, ladder: LadderDefinition): string {
  return `${host}\n${ladder.id}`;
}
