/**
 * Queues what people are told: a problem's message with the whole transcript, and its recovery whenever the problem's message
 * was queued. The outbox delivers.
 */
import { problemMessage, recoveryMessage } from '../actions/message.ts';
import { approvalMessage, type Notice, noticeMessage, proposalMessage } from '../actions/notice-message.ts';
import type { ActionDefinition, HostDefinition, LadderDefinition } from '../core/definitions.ts';
import { MenddError } from '../core/errors.ts';
import { isMessage } from '../core/ladder.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { Effect } from '../core/reduction.ts';
import type { Approval } from '../core/safety.ts';
import { troubleOf } from '../core/trouble.ts';
import type { CheckStatus, Run } from '../core/types.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';

export interface MessageOptions {
  clock: Clock;
  coordinator: Coordinator;
  fleet: Fleet;
  history: History;
  describe: (action: ActionDefinition, host: HostDefinition) => string;
  onQueued: () => void;
}

const transcriptRuns = 20;

export class Messages {
  readonly #options: MessageOptions;
  /** The newest give-up of each ladder that this process queued; the outbox's key guards across restarts. */
  readonly #told = new Map<string, string>();
  /** Ladders whose recovery may have to be told still, as `host\nladder`. */
  readonly #owed = new Set<string>();

  constructor(options: MessageOptions) {
    this.#options = options;
  }

  /** Sends the problem of a ladder to a target; a second call with the same key does nothing. */
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
    this.#enqueue({ key, target, kind: 'problem', host, ladder: ladder.id, body }, runId);
    // Queued late, after its recovery: that is owed as well.
    if (status?.state === 'ok') this.#owed.add(placeOf(host, ladder));
  }

  /** The question goes where the ladder's own message would go. Without a target it stands on the page only. */
  asked(approval: Approval): void {
    const { host, episode, id, tag } = approval;
    const ladder = this.#ladder(host, approval.ladder);
    const target = ladder && this.#targetOf(ladder);
    if (ladder === undefined || target === undefined) return;
    const body = approvalMessage({ ...this.#story(host, ladder, episode), approval });
    this.#enqueue({ key: `${id}~asked~${tag}`, target, kind: 'notice', host, ladder: ladder.id, body });
  }

  /** What would have been done; once for each run that was not. */
  proposed(host: string, { ladder, action, run, decision }: Extract<Effect, { kind: 'propose' }>): void {
    const { fleet, describe, history } = this.#options;
    const target = this.#targetOf(ladder);
    const definition = fleet.definitions.hosts.get(host);
    const key = `${run.id}~proposed`;
    // Apart from the give-up of the same ladder, or each would make the other news again.
    const place = `${placeOf(host, ladder)}\nproposed`;
    if (definition === undefined || this.#told.get(place) === key) return;
    this.#told.set(place, key);
    history.add('action.proposed', {
      host,
      check: decision.check,
      runId: run.id,
      data: { action: action.id },
    });
    if (target === undefined) return;
    const body = proposalMessage({
      ...this.#story(host, ladder, run.episode),
      action: action.id,
      command: describe(action, definition),
      reason: `${decision.check} is ${this.#statusOf(host, ladder)?.state ?? 'gone'}`,
    });
    this.#enqueue({ key, target, kind: 'notice', host, ladder: ladder.id, body });
  }

  /** About the daemon as a whole, to `remediation.page`. An unusable ledger is told to the history instead of failing the caller. */
  notice(key: string, notice: Omit<Notice, 'nowMs'>): void {
    const { clock, fleet, history } = this.#options;
    const target = fleet.definitions.daemon.remediation.page;
    if (target === undefined) return;
    const body = noticeMessage({ ...notice, nowMs: clock.nowMs() });
    try {
      this.#enqueue({ key, target, kind: 'notice', host: notice.host ?? '', ladder: '', body });
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      history.failed(error);
    }
  }

  /** The ladder is spent and has no message rung of its own. */
  gaveUp(host: string, ladder: LadderDefinition, episode: string): void {
    const { fleet } = this.#options;
    const target = fleet.definitions.daemon.remediation.page;
    const own = ladder.rungs.some((rung) => isMessage(rung) && rung.enabled);
    const key = `${host}~${ladder.id}~${episode}~gave_up`;
    const place = placeOf(host, ladder);
    if (own || target === undefined || fleet.mode === 'observe' || this.#told.get(place) === key) return;
    this.problem(host, ladder, episode, target, key);
    this.#told.set(place, key);
  }

  /** The check is OK again. Errors: MenddError; `settle` makes good what could not be queued. */
  recovered(host: string, ladder: LadderDefinition): void {
    this.#owed.add(placeOf(host, ladder));
    this.#tellRecovery(host, ladder);
    this.#owed.delete(placeOf(host, ladder));
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
      const state = ladder && this.#statusOf(host, ladder)?.state;
      if (ladder !== undefined && state === 'ok') this.#tellRecovery(host, ladder);
      this.#owed.delete(place);
    }
  }

  #tellRecovery(host: string, ladder: LadderDefinition): void {
    const { clock, coordinator } = this.#options;
    const status = this.#statusOf(host, ladder);
    for (const told of coordinator.unrecovered(host, ladder.id)) {
      const body = recoveryMessage({
        host,
        ladder,
        nowMs: clock.nowMs(),
        problem: told,
        ...(status === undefined ? {} : { status }),
      });
      this.#enqueue({
        key: `${told.key}~recovery`,
        target: told.target,
        kind: 'recovery',
        host,
        ladder: ladder.id,
        body,
      });
    }
  }

  #ladder(host: string, id: string): LadderDefinition | undefined {
    return this.#options.fleet.plan(host)?.ladders.find((each) => each.id === id);
  }

  #targetOf(ladder: LadderDefinition): string | undefined {
    const own = ladder.rungs.flatMap(({ effect, enabled }) =>
      effect.kind === 'notify' && enabled ? [effect.to] : [],
    );
    return own[0] ?? this.#options.fleet.definitions.daemon.remediation.page;
  }

  #statusOf(host: string, ladder: LadderDefinition): CheckStatus | undefined {
    const state = this.#options.fleet.state(host);
    return state && troubleOf(state, ladder.trigger.check);
  }

  #story(
    host: string,
    ladder: LadderDefinition,
    episode: string,
    except?: string,
  ): { host: string; ladder: LadderDefinition; nowMs: number; tried: Run[]; status?: CheckStatus } {
    const { clock, coordinator } = this.#options;
    const runs = coordinator.list({ host, limit: transcriptRuns }).items;
    const isTried = (run: Run): boolean =>
      run.ladder === ladder.id && run.episode === episode && run.id !== except;
    const status = this.#statusOf(host, ladder);
    const tried = runs.filter(isTried).toReversed();
    return { host, ladder, nowMs: clock.nowMs(), tried, ...(status === undefined ? {} : { status }) };
  }

  #enqueue(
    message: {
      key: string;
      target: string;
      kind: 'problem' | 'recovery' | 'notice';
      host: string;
      ladder: string;
      body: Record<string, unknown>;
    },
    runId?: string,
  ): void {
    const nowMs = this.#options.clock.nowMs();
    const run = runId === undefined ? {} : { runId };
    this.#options.coordinator.enqueue({ ...message, ...run, createdAtMs: nowMs, nextAttemptAtMs: nowMs });
    this.#options.onQueued();
  }
}

function placeOf(host: string, ladder: LadderDefinition): string {
  return `${host}\n${ladder.id}`;
}
