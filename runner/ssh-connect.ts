/**
 * Opens one SSH connection within one hard deadline: stream, host key, login, and the proof that commands run.
 * It never retries and never chooses when to connect.
 */
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AnyAuthMethod, Client } from 'ssh2';
import ssh2 from 'ssh2';
import type { Clock } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import type { HostKeyChange, HostKeys } from './host-keys.ts';
import { proveShell } from './shell-proof.ts';
import { wholeBanner } from './ssh-banner.ts';
import { patientClient } from './ssh-client.ts';
import { SshConnection } from './ssh-connection.ts';
import {
  bytesBeforeLogin,
  type ConnectFailure,
  type ConnectPhase,
  failure,
  floodFailure,
  greetedOtherwise,
  handshakeFailure,
  lateFailure,
  noShellFailure,
  socketFailure,
} from './ssh-failure.ts';
import { slim } from './ssh-slim.ts';

export interface ConnectOptions {
  address: string;
  port: number;
  user: string;
  auth: AnyAuthMethod[];
  hostKeys: HostKeys;
  /** From the first packet to a proved login, less the wait for `turn`. */
  limitMs: number;
  maxSessions: number;
  clock: Clock;
  /** Open stream from the jump host; a TCP connection is made when absent. */
  forward?: () => Promise<Duplex | Error>;
  /** Waits until the handshake may begin, which does not count in the limit. */
  turn: () => Promise<void>;
  onHostKeyChange: (change: HostKeyChange) => void;
  /** Gives up at once when aborted. */
  signal: AbortSignal;
}

/** What Node reads at a time. */
const fullReadBytes = 65_536;

/** Of what comes first, for people when it was no SSH. */
const greetingBytes = 200;

export function connectSsh(options: ConnectOptions): Promise<SshConnection | ConnectFailure> {
  return new Promise((resolve) => {
    new Attempt(options, resolve).start();
  });
}

/** The other side closed the connection in good order; in our words, or in those of ssh2 when there was no banner yet. */
const hangUps = new Set(['it hung up', 'Connection lost before handshake']);

class Attempt {
  #options: ConnectOptions;
  readonly #resolve: (result: SshConnection | ConnectFailure) => void;
  readonly #client: Client = new ssh2.Client();
  readonly #place: string;
  #phase: ConnectPhase = 'tcp';
  #stream: Duplex | undefined;
  #connection: SshConnection | undefined;
  #cancelDeadline: () => void = () => undefined;
  #settled = false;
  #hostKeyFailure: TransportFailure | undefined;
  #agentTrouble = '';
  #bytes = 0;
  #greeting = '';
  #deadlineAtMs = 0;

  constructor(options: ConnectOptions, resolve: (result: SshConnection | ConnectFailure) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#place = `${options.user}@${options.address}:${options.port}`;
  }

  start(): void {
    const { limitMs, forward, signal } = this.#options;
    signal.addEventListener('abort', this.#onAbort);
    this.#limit(limitMs);
    // ssh2 may report errors long after the end; without a listener each would stop the process.
    this.#client.on('error', (error) => this.#onError(error));
    this.#client.on('end', () => this.#onClose());
    this.#client.on('close', () => this.#onClose());
    if (!forward) {
      this.#dialTcp();
      return;
    }
    void this.#dialThrough(forward);
  }

  #limit(leftMs: number): void {
    const { clock, limitMs } = this.#options;
    this.#deadlineAtMs = clock.monotonicMs() + leftMs;
    this.#cancelDeadline = clock.after(leftMs, () =>
      this.#fail(lateFailure(this.#phase, this.#place, limitMs)),
    );
  }

  async #dialThrough(forward: () => Promise<Duplex | Error>): Promise<void> {
    const stream = await forward();
    if (stream instanceof Error) {
      this.#fail(
        failure(
          'connect',
          `the jump host could not reach ${this.#place}: ${stream.message}`,
          'Is the target up, and does the jump host allow forwarding (AllowTcpForwarding)?',
        ),
      );
    } else if (this.#settled) discard(stream);
    else await this.#arrive(stream);
  }

  #dialTcp(): void {
    const { address, port } = this.#options;
    const socket = connectTcp({ host: address, port, noDelay: true });
    this.#stream = socket;
    // Stays attached: a socket that was given up may still report an error.
    socket.on('error', (error) => {
      // A reset is no refusal: somebody had accepted, and hung up before we were told.
      const accepted = this.#phase !== 'tcp' || (error as NodeJS.ErrnoException).code === 'ECONNRESET';
      if (!accepted) this.#fail(socketFailure(error, this.#place));
      else this.#onError(Object.assign(error, { level: 'client-socket' }));
    });
    socket.once('connect', () => {
      if (!this.#settled) void this.#arrive(socket);
    });
  }

  /** The way is open. Many may open at one moment, when a network comes back. */
  async #arrive(stream: Duplex): Promise<void> {
    this.#stream = stream;
    this.#phase = 'handshake';
    this.#cancelDeadline();
    const leftMs = Math.max(1, this.#deadlineAtMs - this.#options.clock.monotonicMs());
    await this.#options.turn();
    if (this.#settled) return;
    this.#limit(leftMs);
    const banner = await wholeBanner(stream, this.#options.clock);
    if (this.#settled) {
      discard(stream);
      return;
    }
    if (!banner.ended) {
      this.#handshake(stream);
      return;
    }
    this.#greeting = banner.text.slice(0, greetingBytes);
    this.#fail(this.#explain(new Error('it hung up')));
  }

  #handshake(stream: Duplex): void {
    const { address, port, hostKeys, user, auth } = this.#options;
    if (auth.length === 0) {
      this.#fail(
        failure(
          'auth',
          `there is no key to log in to ${this.#place} with`,
          'Set ssh.identity, or ssh.agent: true.',
        ),
      );
      return;
    }
    this.#client.on('handshake', () => {
      if (this.#phase === 'handshake') this.#phase = 'auth';
    });
    this.#client.on('ready', () => void this.#prove());
    try {
      this.#client.connect({
        sock: stream,
        username: user,
        // A copy: ssh2 consumes the list.
        authHandler: [...auth],
        algorithms: { serverHostKey: hostKeys.algorithms(address, port) },
        hostVerifier: (key: Buffer) => this.#verify(key),
        readyTimeout: 0,
      });
    } catch (error) {
      this.#fail(handshakeFailure(error as Error, this.#place, 'handshake'));
      return;
    }
    stream.on('data', (chunk: Buffer) => this.#onBytes(chunk));
  }

  #onBytes(chunk: Buffer): void {
    if (chunk.length >= fullReadBytes) this.#yield();
    this.#connection?.heard(chunk.length, this.#stream?.writableLength);
    if (this.#settled) return;
    this.#bytes += chunk.length;
    if (this.#phase === 'handshake' && this.#greeting.length < greetingBytes) {
      this.#greeting += chunk.toString('latin1', 0, greetingBytes - this.#greeting.length);
    }
    if (this.#bytes > bytesBeforeLogin) this.#fail(floodFailure(this.#phase, this.#place));
  }

  /** There is more, and Node would read it up to 32 times at once: small packets are dear, and others want their turn. */
  #yield(): void {
    this.#stream?.pause();
    setImmediate(() => this.#stream?.resume());
  }

  #verify(key: Buffer): boolean {
    const { address, port, hostKeys, onHostKeyChange } = this.#options;
    const verdict = hostKeys.verify(address, port, key);
    if (verdict.kind === 'ok') return true;
    this.#hostKeyFailure = verdict.failure;
    if (verdict.change) onHostKeyChange(verdict.change);
    return false;
  }

  /** Runs the probe; its answer makes the connection usable. */
  async #prove(): Promise<void> {
    const { clock, maxSessions } = this.#options;
    if (this.#settled || !this.#stream) return;
    this.#phase = 'probe';
    const client = patientClient(this.#client);
    const connection = new SshConnection(client, this.#stream, this.#place, maxSessions, clock);
    this.#connection = connection;
    const why = await proveShell(connection);
    if (why === undefined) this.#succeed(connection);
    else this.#fail(noShellFailure(this.#place, why));
  }

  #onError(error: Error & { level?: string }): void {
    if (this.#settled) {
      this.#connection?.destroy(
        failure(
          'lost',
          `the connection to ${this.#place} broke (${error.message})`,
          'It is opened again by itself.',
        ),
      );
      return;
    }
    if (error.level === 'agent') {
      // Not the end: ssh2 goes on to the next method.
      this.#agentTrouble = error.message;
      return;
    }
    const failed = this.#explain(error);
    this.#fail(
      failed.stage === 'auth' && this.#agentTrouble
        ? { ...failed, message: `${failed.message}; the agent failed: ${this.#agentTrouble}` }
        : failed,
    );
  }

  #explain(error: Error & { level?: string }): ConnectFailure {
    if (this.#hostKeyFailure) return this.#hostKeyFailure;
    if (this.#phase === 'probe') return noShellFailure(this.#place, error.message);
    const phase = this.#phase === 'tcp' || this.#phase === 'handshake' ? 'handshake' : 'auth';
    if (phase === 'auth') return handshakeFailure(error, this.#place, phase);
    const foreign = this.#greeting !== '' && !this.#greeting.startsWith('SSH-');
    const hungUp = error.level === 'client-socket' || hangUps.has(error.message);
    if (foreign) return greetedOtherwise(this.#place, this.#greeting, hungUp);
    const failed = handshakeFailure(error, this.#place, phase);
    return hungUp ? { ...failed, turnedAway: 'silently' } : failed;
  }

  #onClose(): void {
    if (this.#settled) {
      this.#connection?.destroy(
        failure(
          'lost',
          `the connection to ${this.#place} was closed by the other side`,
          'It is opened again by itself.',
        ),
      );
      return;
    }
    this.#fail(this.#explain(new Error('it hung up')));
  }

  readonly #onAbort = (): void =>
    this.#fail(failure('lost', `connecting to ${this.#place} was given up`, 'mendd is stopping.'));

  #settle(result: SshConnection | ConnectFailure): void {
    this.#settled = true;
    this.#cancelDeadline();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(result);
  }

  #succeed(connection: SshConnection): void {
    if (this.#settled) return;
    this.#settle(connection);
    slim(this.#client);
    // What only connecting needed: it would be held for as long as the connection is open.
    const { forward: _, ...options } = this.#options;
    this.#options = { ...options, auth: [], turn: () => Promise.resolve() };
  }

  #fail(cause: ConnectFailure): void {
    if (this.#settled) return;
    this.#settle(cause);
    this.#connection?.destroy(cause);
    if (this.#stream) discard(this.#stream);
  }
}

/** A channel tells its end, for which the connection it goes through waits, only when it is read to it. */
function discard(stream: Duplex): void {
  stream.resume();
  stream.destroy();
}
