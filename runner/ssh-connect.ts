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
import { SshConnection } from './ssh-connection.ts';
import {
  type ConnectPhase,
  failure,
  handshakeFailure,
  lateFailure,
  noShellFailure,
  socketFailure,
} from './ssh-failure.ts';

export interface ConnectOptions {
  address: string;
  port: number;
  user: string;
  auth: AnyAuthMethod[];
  hostKeys: HostKeys;
  /** From the first packet to a proved login. */
  limitMs: number;
  maxSessions: number;
  clock: Clock;
  /** Open stream from the jump host; a TCP connection is made when absent. */
  forward?: () => Promise<Duplex | Error>;
  onHostKeyChange: (change: HostKeyChange) => void;
  /** Gives up at once when aborted. */
  signal: AbortSignal;
}

/** Received before the login is done; a real server needs about 5 KB and its banner. */
const maxBytesBeforeLogin = 1024 * 1024;
/** A silent host is noticed after (count + 1) x interval. */
export const keepalive = { intervalMs: 10_000, count: 3 } as const;

export function connectSsh(options: ConnectOptions): Promise<SshConnection | TransportFailure> {
  return new Promise((resolve) => {
    new Attempt(options, resolve).start();
  });
}

class Attempt {
  readonly #options: ConnectOptions;
  readonly #resolve: (result: SshConnection | TransportFailure) => void;
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

  constructor(options: ConnectOptions, resolve: (result: SshConnection | TransportFailure) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#place = `${options.user}@${options.address}:${options.port}`;
  }

  start(): void {
    const { clock, limitMs, forward, signal } = this.#options;
    signal.addEventListener('abort', this.#onAbort);
    this.#cancelDeadline = clock.after(limitMs, () =>
      this.#fail(lateFailure(this.#phase, this.#place, limitMs)),
    );
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
    } else if (this.#settled) stream.destroy();
    else this.#handshake(stream);
  }

  #dialTcp(): void {
    const { address, port } = this.#options;
    const socket = connectTcp({ host: address, port, noDelay: true });
    this.#stream = socket;
    const onError = (error: Error): void => this.#fail(socketFailure(error, this.#place));
    // Stays attached: a socket that was given up may still report an error.
    socket.on('error', onError);
    socket.once('connect', () => {
      if (!this.#settled) this.#handshake(socket);
    });
  }

  #handshake(stream: Duplex): void {
    const { address, port, hostKeys, user, auth } = this.#options;
    this.#stream = stream;
    this.#phase = 'handshake';
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
        keepaliveInterval: keepalive.intervalMs,
        keepaliveCountMax: keepalive.count,
        readyTimeout: 0,
      });
    } catch (error) {
      this.#fail(handshakeFailure(error as Error, this.#place, 'handshake'));
      return;
    }
    stream.on('data', (chunk: Buffer) => this.#onBytes(chunk.length));
  }

  #onBytes(count: number): void {
    if (this.#connection) this.#connection.lastByteAtMs = this.#options.clock.monotonicMs();
    if (this.#settled) return;
    this.#bytes += count;
    if (this.#bytes <= maxBytesBeforeLogin) return;
    this.#fail(
      failure(
        this.#phase === 'handshake' ? 'connect' : 'auth',
        `${this.#place} sent more than ${maxBytesBeforeLogin} bytes before the login was done`,
        'That is not how an SSH server behaves. What listens there?',
      ),
    );
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
    const connection = new SshConnection(this.#client, this.#stream, this.#place, maxSessions, clock);
    this.#connection = connection;
    const why = await proveShell(connection);
    if (why === undefined) this.#succeed(connection);
    else this.#fail(noShellFailure(this.#place, why));
  }

  #onError(error: Error & { level?: string }): void {
    if (this.#settled) {
      this.#connection?.destroy(
        error.level === 'client-timeout'
          ? failure(
              'timeout',
              `${this.#place} went silent: ${keepalive.count} keepalives were not answered`,
              'The host hangs, or the network to it is cut.',
            )
          : failure(
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
    const phase = this.#phase === 'handshake' || this.#phase === 'tcp' ? 'handshake' : 'auth';
    const failed = this.#hostKeyFailure ?? handshakeFailure(error, this.#place, phase);
    this.#fail(
      failed.stage === 'auth' && this.#agentTrouble
        ? { ...failed, message: `${failed.message}; the agent failed: ${this.#agentTrouble}` }
        : failed,
    );
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
    const phase = this.#phase === 'handshake' || this.#phase === 'tcp' ? 'handshake' : 'auth';
    this.#fail(this.#hostKeyFailure ?? handshakeFailure(new Error('it hung up'), this.#place, phase));
  }

  readonly #onAbort = (): void =>
    this.#fail(failure('lost', `connecting to ${this.#place} was given up`, 'mendd is stopping.'));

  #settle(result: SshConnection | TransportFailure): void {
    this.#settled = true;
    this.#cancelDeadline();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(result);
  }

  #succeed(connection: SshConnection): void {
    if (!this.#settled) this.#settle(connection);
  }

  #fail(cause: TransportFailure): void {
    if (this.#settled) return;
    this.#settle(cause);
    this.#connection?.destroy(cause);
    this.#stream?.destroy();
  }
}
