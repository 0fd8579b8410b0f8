/**
 * Starts one `ssh` master within one hard deadline and makes a proved connection of it; kills it, and what it started, when
 * the connection ends. It never retries and never chooses when to connect.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import type { Clock } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import type { PresentedKey } from './host-keys.ts';
import { OpensshLog } from './openssh-log.ts';
import { MuxClient } from './openssh-mux.ts';
import { proveShell } from './shell-proof.ts';
import { SshConnection } from './ssh-connection.ts';
import {
  bytesBeforeLogin,
  type ConnectFailure,
  failure,
  floodFailure,
  lateFailure,
  noShellFailure,
  wentSilent,
} from './ssh-failure.ts';

export interface MasterOptions {
  arguments: readonly string[];
  environment: NodeJS.ProcessEnv;
  controlPath: string;
  place: string;
  /** Name of the host it goes through. */
  jump?: string;
  /** Only key types that known_hosts has for it are asked for. */
  pinned: boolean;
  /** From the start of the program to a proved login. */
  limitMs: number;
  maxSessions: number;
  clock: Clock;
  /** Gives up at once when aborted. */
  signal: AbortSignal;
  /** Why a key that ssh refused was refused; undefined when it is not known here. */
  explainKey: (presented: PresentedKey) => TransportFailure | undefined;
}

/** How often to look for the control socket while ssh is silent; it is looked for at each of its words, too. */
const lookMs = 200;

export class Master {
  /** The connection, or why there is none. Never rejects. */
  readonly connection: Promise<SshConnection | ConnectFailure>;
  /** The program and all it started are gone, and so is its socket. */
  readonly gone: Promise<void>;
  readonly #options: MasterOptions;
  readonly #child: ChildProcess;
  readonly #log: OpensshLog;
  #resolve: (result: SshConnection | ConnectFailure) => void = () => undefined;
  /** What the host sent, and what the program said of it. */
  #bytes = 0;
  #settled = false;
  #exited = false;
  #mux: MuxClient | undefined;
  #open: SshConnection | undefined;
  #cancelDeadline: () => void;
  #cancelLook: () => void = () => undefined;
  #cancelFinish: () => void = () => undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
    this.#log = new OpensshLog(options.controlPath);
    this.connection = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { clock, limitMs, signal } = options;
    this.#child = spawn('ssh', options.arguments, {
      cwd: '/',
      env: options.environment,
      // A process group of its own, so that a ProxyCommand goes with it.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#cancelDeadline = clock.after(limitMs, () =>
      this.#fail(lateFailure(this.#log.phase, options.place, limitMs)),
    );
    signal.addEventListener('abort', this.#onAbort);
    this.gone = this.#watch();
    this.#look();
  }

  /** Ends the program and its process group now, however they hang. */
  destroy(): void {
    this.#mux?.end();
    this.#cancelLook();
    const { pid } = this.#child;
    // A group that is known to be gone is let be: its number may belong to somebody else by now.
    if (pid === undefined || this.#exited) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      // EPERM: all that is left of it runs as somebody else, as with a ProxyCommand under sudo.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }

  #watch(): Promise<void> {
    const child = this.#child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log.push(text);
      this.#count(text.length);
      this.#look();
    });
    return new Promise((resolve) => {
      child.on('error', (error) => {
        if (child.pid !== undefined) return;
        this.#fail(notStarted(error));
        resolve();
      });
      const finish = (): void => {
        this.#cancelFinish();
        child.stderr?.destroy();
        rmSync(this.#options.controlPath, { force: true });
        this.#onExit();
        resolve();
      };
      child.once('exit', () => {
        this.destroy();
        this.#exited = true;
        // Its last words are waited for, but a ProxyCommand that got away may hold the pipe open.
        this.#cancelFinish = this.#options.clock.after(lookMs, finish);
      });
      child.once('close', finish);
    });
  }

  /** A host that never comes to an end may not keep us listening; what it is made to say counts like what it says. */
  #count(bytes: number): void {
    if (this.#settled) return;
    this.#bytes += bytes;
    if (this.#bytes > bytesBeforeLogin) this.#fail(floodFailure(this.#log.phase, this.#options.place));
  }

  /** The socket is there once the login is done. */
  #look(): void {
    this.#cancelLook();
    if (this.#settled || this.#mux) return;
    const { controlPath, clock } = this.#options;
    if (!existsSync(controlPath)) {
      this.#cancelLook = clock.after(lookMs, () => this.#look());
      return;
    }
    this.#mux = new MuxClient({
      controlPath,
      onReady: () => void this.#prove(),
      onBytes: (bytes) => {
        // The master changes keys by itself.
        this.#open?.heard(0);
        this.#count(bytes);
      },
      onEnd: (why) => this.#onHangUp(why),
    });
  }

  /** Runs the probe; its answer makes the connection usable. */
  async #prove(): Promise<void> {
    const { place, maxSessions, clock } = this.#options;
    if (this.#settled || !this.#mux) return;
    this.#log.phase = 'probe';
    const connection = new SshConnection(this.#mux, this, place, maxSessions, clock);
    this.#open = connection;
    const why = await proveShell(connection);
    if (why !== undefined) this.#fail(noShellFailure(place, why));
    else if (!this.#settled) this.#settle(connection);
  }

  /** The control connection broke. When the program is ending its last words are the better cause. */
  #onHangUp(why: string): void {
    this.#cancelLook();
    this.#cancelLook = this.#options.clock.after(lookMs, () => this.#lose(why));
  }

  #onExit(): void {
    const { place, jump, pinned } = this.#options;
    if (this.#settled) {
      this.#lose(this.#log.said);
      return;
    }
    if (this.#log.phase === 'probe') {
      this.#fail(noShellFailure(place, this.#log.said || 'it hung up'));
      return;
    }
    const { presented, hostKeyRefused } = this.#log;
    const key = hostKeyRefused && presented ? this.#options.explainKey(presented) : undefined;
    this.#fail(key ?? this.#log.failure(place, jump, pinned));
  }

  #lose(why: string): void {
    const { place } = this.#options;
    const hint = 'It is opened again by itself.';
    const cause = this.#log.silent
      ? wentSilent(place)
      : failure('lost', `the connection to ${place} was closed${why ? ` (${why})` : ''}`, hint);
    if (!this.#settled) this.#fail(cause);
    this.#open?.destroy(cause);
    this.destroy();
  }

  readonly #onAbort = (): void =>
    this.#fail(failure('lost', `connecting to ${this.#options.place} was given up`, 'mendd is stopping.'));

  #settle(result: SshConnection | ConnectFailure): void {
    this.#settled = true;
    this.#cancelDeadline();
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(result);
  }

  #fail(cause: ConnectFailure): void {
    if (this.#settled) return;
    this.#settle(cause);
    this.#open?.destroy(cause);
    this.destroy();
  }
}

function notStarted(error: Error): TransportFailure {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return failure(
    'connect',
    missing ? 'there is no `ssh` program on the ops box' : `ssh cannot be started: ${error.message}`,
    missing
      ? 'Install openssh-client, or use `transport: ssh`.'
      : 'Is the ops box out of processes, memory or file descriptors?',
  );
}
