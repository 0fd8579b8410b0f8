/** Connects to hosts with the ops box's own `ssh` program: its files, its masters, and their end. It runs nothing on hosts. */
import type { HostDefinition, SshConfig } from '../core/definitions.ts';
import type { Clock } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import type { HostKeyChange, HostKeys } from './host-keys.ts';
import { masterArguments } from './openssh-arguments.ts';
import { PrivateDirectory } from './openssh-directory.ts';
import { identityText } from './openssh-identity.ts';
import { Master } from './openssh-master.ts';
import { SshConnection } from './ssh-connection.ts';
import { type ConnectFailure, failure } from './ssh-failure.ts';

export interface OpensshRequest {
  host: HostDefinition;
  config: SshConfig;
  /** Use the key for actions. */
  actionKey: boolean;
  hostKeys: HostKeys;
  /** The host it is behind, and an open connection of ours to it. */
  jump?: { name: string; connection: SshConnection };
  onHostKeyChange: (change: HostKeyChange) => void;
  signal: AbortSignal;
}

export class OpensshProgram {
  readonly #clock: Clock;
  readonly #agentSocket: string | undefined;
  readonly #masters = new Set<Master>();
  readonly #sockets = new WeakMap<SshConnection, string>();
  #directory: Promise<PrivateDirectory | Error> | undefined;

  constructor(clock: Clock, agentSocket: string | undefined) {
    this.#clock = clock;
    this.#agentSocket = agentSocket;
  }

  async connect(request: OpensshRequest): Promise<SshConnection | ConnectFailure> {
    const { jump } = request;
    // Held from the start: the jump host's connection must not be given up as idle meanwhile.
    const release = jump?.connection.lease() ?? (() => undefined);
    const connection = await this.#connect(request);
    if (connection instanceof SshConnection) connection.onEnd(release);
    else release();
    return connection;
  }

  async #connect(request: OpensshRequest): Promise<SshConnection | ConnectFailure> {
    const { signal } = request;
    try {
      const directory = await (this.#directory ??= PrivateDirectory.open(process.env, this.#clock));
      if (directory instanceof Error) return noDirectory(directory);
      if (signal.aborted) return failure('lost', 'the runner was closed', 'mendd is stopping.');
      const ready = request.hostKeys.prepare();
      if (ready.kind === 'refused') return ready.failure;
      return await this.#start(request, directory);
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      return noDirectory(error);
    }
  }

  /** Keys that are no longer configured leave the disk; the others are written again for the next login. */
  async forgetKeys(): Promise<void> {
    const directory = await this.#directory;
    if (directory instanceof PrivateDirectory) directory.forgetKeys();
  }

  /** Ends all programs and removes the files. */
  async close(): Promise<void> {
    for (const master of this.#masters) master.destroy();
    await Promise.all([...this.#masters].map((master) => master.gone));
    const directory = await this.#directory;
    if (directory instanceof PrivateDirectory) await directory.close();
  }

  async #start(
    request: OpensshRequest,
    directory: PrivateDirectory,
  ): Promise<SshConnection | ConnectFailure> {
    const { host, config, hostKeys, jump, signal, onHostKeyChange } = request;
    const controlPath = directory.socketPath();
    const identityFile = this.#identityFile(request, directory);
    const pinned = hostKeys.pinned(host.address, host.port);
    const jumpControlPath = jump && this.#sockets.get(jump.connection);
    const master = new Master({
      arguments: masterArguments({
        host,
        config,
        controlPath,
        ...(pinned ? { hostKeyAlgorithms: pinned } : {}),
        ...(identityFile === undefined ? {} : { identityFile }),
        ...(jumpControlPath === undefined ? {} : { jumpControlPath }),
      }),
      environment: this.#environment(config),
      controlPath,
      place: `${host.user}@${host.address}:${host.port}`,
      ...(jump ? { jump: jump.name } : {}),
      pinned: pinned !== undefined,
      limitMs: config.connectTimeoutMs,
      maxSessions: config.maxSessionsPerHost,
      clock: this.#clock,
      signal,
      explainKey(presented) {
        const verdict = hostKeys.judge(host.address, host.port, presented);
        if (verdict === 'new' || verdict.kind === 'ok') return undefined;
        if (verdict.change) onHostKeyChange(verdict.change);
        return verdict.failure;
      },
    });
    this.#masters.add(master);
    void master.gone.then(() => this.#masters.delete(master));
    const connection = await master.connection;
    if (connection instanceof SshConnection) this.#sockets.set(connection, controlPath);
    return connection;
  }

  #identityFile({ config, actionKey }: OpensshRequest, directory: PrivateDirectory): string | undefined {
    const key = actionKey ? config.actionIdentity : config.identity;
    return key && directory.keyFile(identityText(key.reveal(), config.passphrase?.reveal()));
  }

  /** Ours, since a ProxyCommand may need any of it, less what could ask a person or lend an agent. */
  #environment(config: SshConfig): NodeJS.ProcessEnv {
    const {
      SSH_ASKPASS: _,
      SSH_ASKPASS_REQUIRE: __,
      DISPLAY: ___,
      SSH_AUTH_SOCK: ____,
      ...rest
    } = process.env;
    return {
      ...rest,
      // Its words are read by openssh-log.ts, and its ProxyCommand is written for sh.
      LC_ALL: 'C',
      SHELL: '/bin/sh',
      ...(config.agent && this.#agentSocket ? { SSH_AUTH_SOCK: this.#agentSocket } : {}),
    };
  }
}

function noDirectory(trouble: Error): TransportFailure {
  return failure(
    'connect',
    `ssh has no private directory to work in: ${trouble.message}`,
    'mendd looks in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR, for root in /run, and in the directory for temporary files.',
  );
}
