/**
 * One open SSH connection: its channel slots, its pulse and its end. It runs no scripts (ssh-session.ts) and
 * is opened elsewhere (ssh-connect.ts).
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import type { Limiter } from './remote-script.ts';
import type { SshChannel, SshClient } from './ssh-client.ts';
import { failure, readsNothing, wentSilent } from './ssh-failure.ts';
import { Pulse } from './ssh-pulse.ts';

export type ExitListener = (code: number | null, signal?: string) => void;

export type Opened =
  | { kind: 'open'; channel: SshChannel; onExit: (listener: ExitListener) => void }
  /** The host has no room for another channel. Nothing was run. */
  | { kind: 'refused'; message: string }
  /** The host has room but does not run commands. */
  | { kind: 'denied'; message: string };

export type SlotAnswer = 'slot' | 'late' | 'aborted' | 'closed';

interface Waiter {
  answer(answer: SlotAnswer): void;
}

/** sshd frees a session a little after the client sees its end, so some of MaxSessions are left alone. */
const sessionHeadroom = 2;
/** One success in ten makes room for one more channel after the limit had to be lowered. */
const limitRegrowth = 0.1;
/** RFC 4253, section 9: new keys after each gigabyte. sshd makes them itself; for others a new connection does. */
const keysLastBytes = 1024 ** 3;
/** What can wait to be sent at a time: sshd lets in so much in each channel, and some of it is answers. */
const windowBytes = 2 * 1024 * 1024;
const answerBytes = 512 * 1024;

export class SshConnection {
  readonly place: string;
  limiter: Limiter = 'shell';
  /** Set when a command ran to its end here: a loss after that is no reason to wait before reconnecting. */
  proved = false;
  lastUsedAtMs: number;
  readonly openedAtMs: number;
  readonly #client: SshClient;
  readonly #stream: { destroy(): unknown };
  readonly #clock: Clock;
  readonly #maxSessions: number;
  readonly #pulse: Pulse;
  readonly #waiters: Waiter[] = [];
  readonly #onEnd: ((cause: TransportFailure) => void)[] = [];
  #limit: number;
  #active = 0;
  /** Streams to hosts behind this one; sshd does not count them in MaxSessions. */
  #forwards = 0;
  #ended: TransportFailure | undefined;
  #heardBytes = 0;
  #retired = false;

  /** `stream` is what the connection lives on; destroying it ends all of it. */
  constructor(
    client: SshClient,
    stream: { destroy(): unknown },
    place: string,
    maxSessions: number,
    clock: Clock,
  ) {
    this.place = place;
    this.#client = client;
    this.#stream = stream;
    this.#clock = clock;
    this.#maxSessions = Math.max(1, maxSessions - sessionHeadroom);
    this.#limit = this.#maxSessions;
    this.lastUsedAtMs = clock.monotonicMs();
    this.openedAtMs = this.lastUsedAtMs;
    this.#pulse = new Pulse({
      clock,
      isBusy: () => !this.idle,
      ask: () => this.#ask(),
      onSilent: () => this.destroy(wentSilent(place)),
    });
  }

  /** Since the newest byte from the host. */
  get quietMs(): number {
    return this.#pulse.quietMs;
  }

  /** Asks the host for a sign of life, which is heard when it comes. */
  askForLife(): void {
    this.#pulse.ask();
  }

  /** Bytes came from the host, while so many wait to be sent to it: to one that asks on and on and reads no answer, ever more. */
  heard(bytes: number, unsent = 0): void {
    this.#pulse.heard();
    if (unsent > answerBytes + windowBytes * (this.#active + this.#forwards)) {
      this.destroy(readsNothing(this.place));
    }
    this.#heardBytes += bytes;
    if (this.#heardBytes >= keysLastBytes && this.usable) this.retire();
  }

  get ended(): TransportFailure | undefined {
    return this.#ended;
  }

  /** False once it ended or was retired: nothing new may start here. */
  get usable(): boolean {
    return !this.#ended && !this.#retired;
  }

  get idle(): boolean {
    return this.#active === 0 && this.#forwards === 0 && this.#waiters.length === 0;
  }

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Called once with the cause, at once when it already ended. Returns a function that unsubscribes. */
  onEnd(listener: (cause: TransportFailure) => void): () => void {
    if (this.#ended) {
      listener(this.#ended);
      return () => undefined;
    }
    this.#onEnd.push(listener);
    return () => {
      const index = this.#onEnd.indexOf(listener);
      if (index >= 0) this.#onEnd.splice(index, 1);
    };
  }

  /** Waits its turn among at most the host's number of channels. */
  takeSlot(limitMs: number, signal: AbortSignal | undefined, first = false): Promise<SlotAnswer> {
    if (!this.usable) return Promise.resolve('closed');
    if (signal?.aborted) return Promise.resolve('aborted');
    if (this.idle) this.#pulse.begin();
    if (this.#active < Math.floor(this.#limit) && (first || this.#waiters.length === 0)) {
      this.#active += 1;
      return Promise.resolve('slot');
    }
    if (limitMs <= 0) return Promise.resolve('late');
    return new Promise((resolve) => {
      const onAbort = (): void => waiter.answer('aborted');
      const cancel = this.#clock.after(limitMs, () => waiter.answer('late'));
      const waiter: Waiter = {
        answer: (answer) => {
          const index = this.#waiters.indexOf(waiter);
          if (index < 0) return;
          this.#waiters.splice(index, 1);
          cancel();
          signal?.removeEventListener('abort', onAbort);
          resolve(answer);
        },
      };
      signal?.addEventListener('abort', onAbort);
      if (first) this.#waiters.unshift(waiter);
      else this.#waiters.push(waiter);
    });
  }

  releaseSlot(): void {
    this.#active -= 1;
    this.lastUsedAtMs = this.#clock.monotonicMs();
    while (this.#active < Math.floor(this.#limit) && this.#waiters.length > 0) {
      this.#active += 1;
      this.#waiters[0]?.answer('slot');
    }
    this.#endIfRetired();
  }

  /** Gives back the slot of a channel that was refused: no more at once from now on than the others. */
  refuseSlot(): void {
    this.#limit = Math.max(1, this.#active - 1);
    this.releaseSlot();
  }

  raiseLimit(): void {
    this.#limit = Math.min(this.#maxSessions, this.#limit + limitRegrowth);
  }

  /** Errors: resolves with what the host answered; never settles when it answers nothing and stays connected. */
  open(command: string): Promise<Opened | { kind: 'lost' }> {
    return new Promise((resolve) => {
      const unsubscribe = this.onEnd(() => resolve({ kind: 'lost' }));
      if (this.#ended) return;
      try {
        this.#client.exec(command, { allowHalfOpen: true }, (error, channel) => {
          unsubscribe();
          if (!error) resolve({ kind: 'open', channel, onExit: keepExit(channel) });
          else if ((error as { reason?: unknown }).reason !== undefined) {
            resolve({ kind: 'refused', message: error.message });
          } else if (error.message === 'Unable to exec') resolve({ kind: 'denied', message: error.message });
          else resolve({ kind: 'lost' });
        });
      } catch {
        // ssh2 throws for a socket that is closed already and has not said so.
        unsubscribe();
        this.#wasClosed();
        resolve({ kind: 'lost' });
      }
    });
  }

  /** A TCP stream from this host to another one. The connection is not idle while it is open. */
  forward(address: string, port: number): Promise<Duplex | Error> {
    return new Promise((resolve) => {
      if (this.#ended) {
        resolve(new Error(this.#ended.message));
        return;
      }
      const unsubscribe = this.onEnd((cause) => resolve(new Error(cause.message)));
      try {
        this.#client.forwardOut('127.0.0.1', 0, address, port, (error, channel) => {
          unsubscribe();
          if (error) {
            resolve(error);
            return;
          }
          channel.once('close', this.lease());
          resolve(channel);
        });
      } catch (error) {
        unsubscribe();
        resolve(error as Error);
      }
    });
  }

  /** Keeps it from being idle until the answer is called, for another connection that goes through it. */
  lease(): () => void {
    if (this.idle) this.#pulse.begin();
    this.#forwards += 1;
    return () => {
      this.#forwards -= 1;
      this.lastUsedAtMs = this.#clock.monotonicMs();
      this.#endIfRetired();
    };
  }

  /** Lets running commands end and starts no new ones. */
  retire(): void {
    this.#retired = true;
    this.#dismiss();
    this.#endIfRetired();
  }

  #ask(): boolean {
    try {
      return !this.#ended && this.#client.ask();
    } catch {
      this.#wasClosed();
      return false;
    }
  }

  #wasClosed(): void {
    const hint = 'It is opened again by itself.';
    this.destroy(failure('lost', `the connection to ${this.place} was closed`, hint));
  }

  #dismiss(): void {
    // Each answer takes its waiter off the list.
    while (this.#waiters[0]) this.#waiters[0].answer('closed');
  }

  #endIfRetired(): void {
    if (this.#retired && this.#active === 0 && this.#forwards === 0) {
      this.destroy(
        failure('lost', `the connection to ${this.place} was given up`, 'It is opened again by itself.'),
      );
    }
  }

  /** Takes the socket down now. `cause` becomes the failure of everything that was under way. */
  destroy(cause: TransportFailure): void {
    if (!this.#ended) {
      this.#ended = cause;
      this.#pulse.stop();
      // Polite for sshd's log; the socket goes whether or not anybody reads it.
      this.#client.end();
      this.#dismiss();
      for (const listener of this.#onEnd.splice(0)) listener(cause);
    }
    this.#stream.destroy();
  }
}

/**
 * Keeps the exit status for whoever asks later. It can come in the very packet that accepts the command, before any promise
 * has told that the channel is open.
 */
function keepExit(channel: SshChannel): (listener: ExitListener) => void {
  let kept: Parameters<ExitListener> | undefined;
  let tell: ExitListener | undefined;
  channel.once('exit', (...exit: Parameters<ExitListener>) => {
    kept = exit;
    tell?.(...exit);
  });
  return (listener) => {
    if (kept === undefined) tell = listener;
    else listener(...kept);
  };
}
