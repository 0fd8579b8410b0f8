/**
 * Queues what people are told: a problem's message with the whole transcript, and its recovery whenever the problem's message
 * was queued. The outbox delivers.
 */
import { problemMessage, recoveryMessage } from '../actions/message.ts';
import type { LadderDefinition } from '../core/definitions.ts';
import { isMessage } from '../core/ladder.ts';
import type { Clock, Coordinator } from '../core/ports.ts';
import type { Fleet } from './fleet.ts';

export interface MessageOptions {
  clock: Clock;
  coordinator: Coordinator;
  fleet: Fleet;
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
    const { clock, coordinator, fleet } = this.#options;
    const nowMs = clock.nowMs();
    const runs = coordinator.list({ host, limit: transcriptRuns }).items;
    const tried = runs.filter(
      (run) => run.ladder === ladder.id && run.episode === episode && run.id !== runId,
    );
    const status = fleet.state(host)?.checks[ladder.trigger.check];
    const body = problemMessage({
      host,
      ladder,
      nowMs,
      tried: tried.toReversed(),
      ...(status === undefined ? {} : { status }),
    });
    this.#enqueue({ key, target, kind: 'problem', host, ladder: ladder.id, body }, runId);
    // Queued late, after its recovery: that is owed as well.
    if (status?.state === 'ok') this.#owed.add(placeOf(host, ladder));
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
      const state = ladder && fleet.state(host)?.checks[ladder.trigger.check]?.state;
      if (ladder !== undefined && state === 'ok') this.#tellRecovery(host, ladder);
      this.#owed.delete(place);
    }
  }

  #tellRecovery(host: string, ladder: LadderDefinition): void {
    const { clock, coordinator, fleet } = this.#options;
    const status = fleet.state(host)?.checks[ladder.trigger.check];
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

  #enqueue(
    message: {
      key: string;
      target: string;
      kind: 'problem' | 'recovery';
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
