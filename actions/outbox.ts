/**
 * Owns when messages are sent: due ones now, failed ones later, hopeless ones never. The ledger keeps them, a
 * deliverer sends them. A page is worth a repetition more than a loss, but never a storm of them.
 */
import { backoffMs } from '../core/backoff.ts';
import type { EventType } from '../core/event-types.ts';
import type { Clock, Coordinator, OutboxMessage } from '../core/ports.ts';
import type { Deliver, Delivery } from './deliver.ts';

export interface Outbox {
  /** Sends what is due; resolves when nothing is under way. A target that is being served is looked at again afterwards. Never rejects. */
  pump(): Promise<void>;
}

export interface OutboxOptions {
  coordinator: Pick<Coordinator, 'dueMessages' | 'messageSent' | 'messageFailed'>;
  deliver: Deliver;
  clock: Pick<Clock, 'nowMs'>;
  /** Uniform in [0, 1). */
  random: () => number;
  onEvent: (
    type: Extract<EventType, 'message.sent' | 'message.failed'>,
    event: { host?: string; runId?: string; data: Record<string, unknown> },
  ) => void;
}

/** Messages of one target that are read at a time. */
const batchLimit = 100;
/** Targets served at once; the messages of one target go out in order. */
const parallelTargets = 16;
/** Waits between attempts: the jittered half to whole of 1 min, 2 min, ... 1 h. */
const retry = { baseMs: 60_000, capMs: 3_600_000 };
/** The longest wait that a receiver may ask for. */
const longestWaitMs = 3_600_000;
/** A message is dead at this age, if it was tried often enough that the age is not a jump of the wall clock. */
const deadAfterMs = 24 * 3_600_000;
const deadAfterAttempts = 10;

export function createOutbox(options: OutboxOptions): Outbox {
  return new OutboxPump(options);
}

class OutboxPump implements Outbox {
  readonly #options: OutboxOptions;
  /** Attempts whose end the ledger could not take. They are recorded later, and never sent again meanwhile. */
  readonly #unrecorded = new Map<number, () => void>();
  /** Until when a receiver asked to be left alone. Wall time, by target. */
  readonly #resting = new Map<string, number>();
  /** Targets that are being served, and since then were asked for again. */
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  /** What is due for targets without a lane. */
  readonly #due = new Map<string, readonly OutboxMessage[]>();
  #ledgerProblem: string | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  async pump(): Promise<void> {
    this.#look();
    while (this.#lanes.size > 0) await Promise.all(this.#lanes.values());
  }

  #look(): void {
    const { coordinator, clock } = this.#options;
    const due = this.#ledger(() => coordinator.dueMessages(clock.nowMs(), batchLimit)) ?? [];
    this.#due.clear();
    for (const message of due.toSorted((a, b) => a.id - b.id)) {
      const { target } = message;
      if (this.#lanes.has(target)) this.#again.add(target);
      else if (!this.#rests(target)) this.#due.set(target, [...(this.#due.get(target) ?? []), message]);
    }
    this.#fill();
  }

  /** A target that is slow holds up nobody but itself. */
  #fill(): void {
    for (const [target, queue] of this.#due) {
      if (this.#lanes.size >= parallelTargets) return;
      this.#due.delete(target);
      const lane = this.#serveTarget(queue).then(() => {
        this.#lanes.delete(target);
        if (this.#again.delete(target)) this.#look();
        else this.#fill();
      });
      this.#lanes.set(target, lane);
    }
  }

  /** Stops at the first failure that another attempt may mend: what is behind it would most likely fail as well. */
  async #serveTarget(queue: readonly OutboxMessage[]): Promise<void> {
    for (const message of queue) {
      const write = this.#unrecorded.get(message.id);
      if (write !== undefined) {
        this.#record(message.id, write);
      } else {
        const delivery = await this.#attempt(message);
        this.#settle(message, delivery);
        if (!delivery.ok && !delivery.permanent) return;
      }
    }
  }

  /** A clock that was set back ends the rest as well. */
  #rests(target: string): boolean {
    const leftMs = (this.#resting.get(target) ?? 0) - this.#options.clock.nowMs();
    if (leftMs > 0 && leftMs <= longestWaitMs) return true;
    this.#resting.delete(target);
    return false;
  }

  async #attempt(message: OutboxMessage): Promise<Delivery> {
    try {
      return await this.#options.deliver(message);
    } catch (error) {
      // One message that cannot be put into words must not stop the others, nor the repairs.
      return { ok: false, error: `internal error: ${String(error)}`, permanent: false };
    }
  }

  #settle(message: OutboxMessage, delivery: Delivery): void {
    const { coordinator, clock, onEvent } = this.#options;
    const nowMs = clock.nowMs();
    const attempts = message.attempts + 1;
    const event = {
      host: message.host,
      ...(message.runId === undefined ? {} : { runId: message.runId }),
    };
    const data = { message: message.key, target: message.target, kind: message.kind, attempts };
    if (delivery.ok) {
      this.#record(message.id, () => coordinator.messageSent(message.id, nowMs));
      onEvent('message.sent', {
        ...event,
        data: { ...data, ...(delivery.note === undefined ? {} : { note: delivery.note }) },
      });
      return;
    }
    const old = nowMs - message.createdAtMs >= deadAfterMs && attempts >= deadAfterAttempts;
    const askedMs = delivery.permanent ? 0 : Math.min(delivery.retryAfterMs ?? 0, longestWaitMs);
    if (askedMs > 0) this.#resting.set(message.target, nowMs + askedMs);
    const waitMs = Math.max(askedMs, this.#waitMs(message.attempts));
    const next = delivery.permanent || old ? 'dead' : nowMs + waitMs;
    this.#record(message.id, () => coordinator.messageFailed(message.id, delivery.error, next));
    const { error } = delivery;
    const fate = next === 'dead' ? { dead: true } : { dead: false, nextAttemptAtMs: next };
    onEvent('message.failed', { ...event, data: { ...data, error, ...fate } });
  }

  #waitMs(retries: number): number {
    return backoffMs(retries, retry, 0.5 + this.#options.random() / 2);
  }

  #record(id: number, write: () => void): void {
    this.#unrecorded.set(id, write);
    this.#ledger(() => {
      write();
      this.#unrecorded.delete(id);
    });
  }

  /** The ledger may be out of order for a while. That is told once, not at each turn. */
  #ledger<T>(use: () => T): T | undefined {
    try {
      const value = use();
      if (this.#unrecorded.size === 0) this.#ledgerProblem = undefined;
      return value;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#ledgerProblem) {
        this.#ledgerProblem = problem;
        this.#options.onEvent('message.failed', { data: { error: `the outbox cannot be used: ${problem}` } });
      }
      return undefined;
    }
  }
}
