/**
 * Queues what people are told: a problem's message with the whole transcript, and its recovery whenever the problem's message
 * was queued. The outbox delivers.
 */
import { problemMessage, recoveryMessage } from '../actions/message.ts';
import type { LadderDefinition } from '../core/definitions.ts';
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
  /** Give-ups already queued by this process; the outbox's key guards across restarts. */
  readonly #told = new Set<string>();

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
  }

  /** The ladder is spent and has no message rung of its own. */
  gaveUp(host: string, ladder: LadderDefinition, episode: string): void {
    const { fleet } = this.#options;
    const target = fleet.definitions.daemon.remediation.page;
    const own = ladder.rungs.some((rung) => rung.effect.kind === 'notify');
    const key = `${host}~${ladder.id}~${episode}~gave_up`;
    if (own || target === undefined || fleet.mode === 'observe' || this.#told.has(key)) return;
    this.#told.add(key);
    this.problem(host, ladder, episode, target, key);
  }

  recovered(host: string, ladder: LadderDefinition): void {
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
