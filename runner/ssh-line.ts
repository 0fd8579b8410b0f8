/**
 * What is known of the way to one host with one key: its connection or the attempt at one, its failures in a row, and when
 * it may be tried again. It opens nothing.
 */
import type { HostDefinition } from '../core/definitions.ts';
import type { Clock } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import type { SshConnection } from './ssh-connection.ts';

export type Purpose = 'check' | 'action';

export type PoolAnswer =
  | { kind: 'connection'; connection: SshConnection }
  /** `triedAtMs`: wall time at which the attempt began; it may have been before the question. */
  | { kind: 'failed'; failure: TransportFailure; triedAtMs: number }
  | { kind: 'not_sent'; reason: string };

/** Full jitter: a uniform part of base x 2^failures, so that a fleet does not come back in step. */
const backoffBaseMs = 500;
const backoffCapMs = 30_000;
/** Beyond these doublings the cap holds anyhow. */
const failuresLimit = 16;

export class Line {
  readonly host: HostDefinition;
  readonly purpose: Purpose;
  /** Where and through what it goes; a line is replaced when this changes. */
  readonly route: string;
  connection: SshConnection | undefined;
  /** Never rejects. */
  attempt: Promise<SshConnection | TransportFailure> | undefined;
  lastFailure: TransportFailure | undefined;
  /** Wall time at which the last attempt began, or that at its jump host which failed; or its connection ended. */
  triedAtMs = 0;
  /** When its idle connection was closed for another host. */
  evictedAtMs: number | undefined;
  /** The attempt is at work on the host. */
  dialing = false;
  dropped = false;
  failures = 0;
  readonly #clock: Clock;
  readonly #random: () => number;
  #retryAtMs = 0;
  #hurry: (() => void) | undefined;
  /** Whose time ran out while it was dialing. */
  readonly #late = new Set<() => void>();

  /** `failures`: in a row, seen by an earlier process; they put off the first attempt. */
  constructor(
    way: { host: HostDefinition; purpose: Purpose; route: string },
    failures: number,
    clock: Clock,
    random: () => number,
  ) {
    this.host = way.host;
    this.purpose = way.purpose;
    this.route = way.route;
    this.#clock = clock;
    this.#random = random;
    if (failures > 0) this.#putOff(failures);
  }

  /** Milliseconds until it may be tried; below 0: now. */
  get waitMs(): number {
    return this.#retryAtMs - this.#clock.monotonicMs();
  }

  backOff(cause: TransportFailure): void {
    this.lastFailure = cause;
    this.#putOff(this.failures + 1);
  }

  #putOff(failures: number): void {
    this.failures = Math.min(failures, failuresLimit);
    const spanMs = Math.min(backoffCapMs, backoffBaseMs * 2 ** this.failures);
    this.#retryAtMs = this.#clock.monotonicMs() + this.#random() * spanMs;
  }

  /** Resolves when it may be tried, or has to hurry, or `closing`. */
  due(closing: AbortSignal): Promise<void> {
    const { waitMs } = this;
    if (waitMs <= 0 || closing.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        closing.removeEventListener('abort', end);
        this.#hurry = undefined;
        resolve();
      };
      const cancel = this.#clock.after(waitMs, end);
      closing.addEventListener('abort', end);
      this.#hurry = end;
    });
  }

  /** Others wait for it: what only an earlier process saw is no reason to put it off. */
  hurry(): void {
    if (this.lastFailure) return;
    this.#retryAtMs = 0;
    this.#hurry?.();
  }

  /** The attempt goes on after so long; those whose time is over are told. */
  waitAgain(delayMs: number): void {
    this.#retryAtMs = this.#clock.monotonicMs() + delayMs;
    for (const late of this.#late) late();
  }

  /** What comes of the attempt, unless `limitMs` pass before it is at work. */
  answer(
    attempt: NonNullable<Line['attempt']>,
    limitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<PoolAnswer> {
    return new Promise((resolve) => {
      const settle = (answer: PoolAnswer): void => {
        cancel();
        this.#late.delete(onLate);
        signal?.removeEventListener('abort', onAbort);
        resolve(answer);
      };
      const onAbort = (): void => settle({ kind: 'not_sent', reason: 'aborted before it was sent' });
      const onLate = (): void =>
        settle({
          kind: 'not_sent',
          reason: `no connection could be started within ${Math.round(limitMs) / 1000} s`,
        });
      const cancel = this.#clock.after(limitMs, () => {
        // Once it dials it ends within the connect time-out, with a better answer than this one.
        if (this.dialing) this.#late.add(onLate);
        else onLate();
      });
      signal?.addEventListener('abort', onAbort);
      void attempt.then((result) =>
        settle(
          'stage' in result
            ? { kind: 'failed', failure: result, triedAtMs: this.triedAtMs }
            : { kind: 'connection', connection: result },
        ),
      );
    });
  }
}
