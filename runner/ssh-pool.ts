/**
 * Keeps at most one connection per host and key, opens it when it is first needed, and waits longer after each
 * failure. It runs nothing on hosts.
 */
import { setMaxListeners } from 'node:events';
import type { HostDefinition, SshConfig } from '../core/definitions.ts';
import type { Clock } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import { ConnectGate } from './connect-gate.ts';
import { type HostKeyChange, HostKeys } from './host-keys.ts';
import type { OpensshProgram } from './openssh-program.ts';
import { type Logins, loginStamp } from './ssh-auth.ts';
import { SshConnection } from './ssh-connection.ts';
import { dial } from './ssh-dial.ts';
import { failure } from './ssh-failure.ts';
import { type FindHost, jumpOf, routeTo } from './ssh-route.ts';

export type Purpose = 'check' | 'action';

export type PoolAnswer =
  | { kind: 'connection'; connection: SshConnection }
  | { kind: 'failed'; failure: TransportFailure }
  | { kind: 'not_sent'; reason: string };

/** Told of each connection that opened, failed or ended. Fields hold no secrets. */
export type PoolLog = (
  level: 'debug' | 'info' | 'warn',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface PoolOptions {
  config: SshConfig;
  logins: Logins;
  openssh: OpensshProgram;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  hosts: FindHost;
  onHostKeyChange: (host: string, change: HostKeyChange) => void;
  log: PoolLog;
}

/** Full jitter: a uniform part of base x 2^failures, so that a fleet does not come back in step. */
const backoffBaseMs = 500;
const backoffCapMs = 30_000;

interface Line {
  host: HostDefinition;
  purpose: Purpose;
  /** Where and through what it goes; a line is replaced when this changes. */
  route: string;
  connection?: SshConnection;
  /** Never rejects. */
  attempt?: Promise<SshConnection | TransportFailure>;
  /** The attempt has passed the gate. */
  dialing: boolean;
  failures: number;
  lastFailure?: TransportFailure;
  retryAtMs: number;
  dropped: boolean;
}

export class SshPool {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onHostKeyChange: PoolOptions['onHostKeyChange'];
  readonly #log: PoolLog;
  readonly #openssh: OpensshProgram;
  readonly #gate: ConnectGate;
  readonly #lines = new Map<string, Line>();
  /** All that are not ended, those of dropped lines too. */
  readonly #open = new Set<SshConnection>();
  #hosts: FindHost;
  #config: SshConfig;
  #logins: Logins;
  #hostKeys: HostKeys;
  #connecting = 0;
  readonly #closing = new AbortController();

  constructor({ config, logins, openssh, clock, random, hosts, onHostKeyChange, log }: PoolOptions) {
    // Every connection under way listens; there are as many as connect_rate lets.
    setMaxListeners(0, this.#closing.signal);
    this.#config = config;
    this.#logins = logins;
    this.#openssh = openssh;
    this.#clock = clock;
    this.#random = random;
    this.#hosts = hosts;
    this.#onHostKeyChange = onHostKeyChange;
    this.#log = log;
    this.#hostKeys = new HostKeys(config.knownHosts, config.hostKeys);
    this.#gate = new ConnectGate(gateLimits(config), clock, () => this.#closeIdlest());
  }

  /** The host's connection, opened if need be. Waits for room at most `limitMs`, for a login as long as that may take. */
  async get(
    host: HostDefinition,
    purpose: Purpose,
    limitMs: number,
    signal?: AbortSignal,
  ): Promise<PoolAnswer> {
    if (this.#closing.signal.aborted) return { kind: 'not_sent', reason: 'the runner is closed' };
    if (signal?.aborted) return { kind: 'not_sent', reason: 'aborted before it was sent' };
    const route = routeTo(host, this.#hosts, this.#config);
    if (typeof route !== 'string') return { kind: 'failed', failure: route };
    const line = this.#line(host, purpose, route);
    if (line.connection?.usable) return { kind: 'connection', connection: line.connection };
    if (!line.attempt) {
      const waitMs = line.retryAtMs - this.#clock.monotonicMs();
      if (waitMs > 0 && line.lastFailure) {
        return { kind: 'failed', failure: { ...line.lastFailure, sent: false } };
      }
      line.attempt = this.#attempt(line);
    }
    return this.#await(line, line.attempt, limitMs, signal);
  }

  /** Connections of hosts that are gone, or are reached in another way now, end with their last command. */
  update(config: SshConfig, logins: Logins, hosts: ReadonlyMap<string, HostDefinition>): void {
    const sameLogin = loginStamp(config) === loginStamp(this.#config);
    this.#hosts = (name) => hosts.get(name);
    this.#config = config;
    this.#logins = logins;
    this.#hostKeys = new HostKeys(config.knownHosts, config.hostKeys);
    this.#gate.limits = gateLimits(config);
    for (const [key, line] of this.#lines) {
      const host = hosts.get(line.host.name);
      const sameWay =
        host?.transport === line.host.transport && routeTo(host, this.#hosts, this.#config) === line.route;
      if (sameLogin && sameWay) continue;
      this.#drop(key, line);
    }
  }

  connections(): { open: number; connecting: number; waiting: number } {
    let waiting = this.#gate.waiting;
    for (const connection of this.#open) waiting += connection.waiting;
    return { open: this.#open.size, connecting: this.#connecting, waiting };
  }

  /** Ends everything now, attempts too. */
  close(): void {
    this.#closing.abort();
    for (const [key, line] of this.#lines) this.#drop(key, line);
    for (const connection of this.#open) {
      connection.destroy(failure('lost', 'the runner was closed', 'mendd is stopping.'));
    }
    this.#gate.flush();
  }

  #line(host: HostDefinition, purpose: Purpose, route: string): Line {
    const own = purpose === 'action' && this.#logins.action ? 'action' : 'check';
    const key = `${own} ${host.transport} ${host.name}`;
    const existing = this.#lines.get(key);
    if (existing?.route === route) return existing;
    if (existing) this.#drop(key, existing);
    const line: Line = {
      host,
      purpose: own,
      route,
      dialing: false,
      failures: 0,
      retryAtMs: 0,
      dropped: false,
    };
    this.#lines.set(key, line);
    return line;
  }

  #drop(key: string, line: Line): void {
    this.#lines.delete(key);
    line.dropped = true;
    line.connection?.retire();
  }

  #await(
    line: Line,
    attempt: NonNullable<Line['attempt']>,
    limitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<PoolAnswer> {
    return new Promise((resolve) => {
      const settle = (answer: PoolAnswer): void => {
        cancel();
        signal?.removeEventListener('abort', onAbort);
        resolve(answer);
      };
      const onAbort = (): void => settle({ kind: 'not_sent', reason: 'aborted before it was sent' });
      const cancel = this.#clock.after(limitMs, () => {
        // Once it dials it ends within the connect time-out, with a better answer than this one.
        if (line.dialing) return;
        settle({
          kind: 'not_sent',
          reason: `no connection could be started within ${Math.round(limitMs) / 1000} s`,
        });
      });
      signal?.addEventListener('abort', onAbort);
      const finish = async (): Promise<void> => {
        const result = await attempt;
        settle(
          result instanceof SshConnection
            ? { kind: 'connection', connection: result }
            : { kind: 'failed', failure: result },
        );
      };
      void finish();
    });
  }

  async #attempt(line: Line): Promise<SshConnection | TransportFailure> {
    await this.#gate.enter();
    this.#connecting += 1;
    line.dialing = true;
    const result = await this.#dial(line);
    line.dialing = false;
    this.#connecting -= 1;
    delete line.attempt;
    if (!(result instanceof SshConnection)) {
      this.#gate.leave();
      this.#backOff(line, result);
      const { stage, message } = result;
      this.#log('warn', message, {
        host: line.host.name,
        purpose: line.purpose,
        stage,
        failures: line.failures,
      });
      return result;
    }
    this.#open.add(result);
    line.connection = result;
    const fields = { host: line.host.name, purpose: line.purpose, limiter: result.limiter };
    this.#log('info', `connected to ${result.place}`, fields);
    result.onEnd((cause) => {
      this.#open.delete(result);
      this.#log('info', cause.message, { ...fields, stage: cause.stage });
      this.#gate.leave();
      // A retired one was replaced already.
      if (line.connection !== result) return;
      delete line.connection;
      if (result.proved) line.failures = 0;
      else this.#backOff(line, cause);
    });
    if (line.dropped) result.retire();
    return result;
  }

  #backOff(line: Line, cause: TransportFailure): void {
    line.failures = Math.min(line.failures + 1, 16);
    line.lastFailure = cause;
    const spanMs = Math.min(backoffCapMs, backoffBaseMs * 2 ** line.failures);
    line.retryAtMs = this.#clock.monotonicMs() + this.#random() * spanMs;
  }

  async #dial(line: Line): Promise<SshConnection | TransportFailure> {
    if (this.#closing.signal.aborted) return failure('lost', 'the runner was closed', 'mendd is stopping.');
    const { host, purpose } = line;
    const jump = jumpOf(host, this.#hosts, this.#config);
    let through: { name: string; connection: SshConnection } | undefined;
    if (jump) {
      // The ssh program goes through connections of its own only; our client goes through both kinds.
      const transport = host.transport === 'openssh' ? 'openssh' : jump.transport;
      const answer = await this.get({ ...jump, transport }, 'check', this.#config.connectTimeoutMs);
      if (answer.kind !== 'connection') {
        const why = answer.kind === 'failed' ? answer.failure.message : answer.reason;
        const hint = answer.kind === 'failed' ? answer.failure.hint : 'Try again.';
        return failure('connect', `${host.name} is behind ${jump.name}, and ${why}`, hint);
      }
      through = { name: jump.name, connection: answer.connection };
    }
    return dial({
      host,
      config: this.#config,
      actionKey: purpose === 'action',
      logins: this.#logins,
      openssh: this.#openssh,
      hostKeys: this.#hostKeys,
      clock: this.#clock,
      signal: this.#closing.signal,
      onHostKeyChange: (change) => this.#onHostKeyChange(host.name, change),
      ...(through ? { jump: through } : {}),
    });
  }

  #closeIdlest(): boolean {
    let idlest: SshConnection | undefined;
    for (const connection of this.#open) {
      if (
        connection.idle &&
        connection.usable &&
        !(idlest && idlest.lastUsedAtMs <= connection.lastUsedAtMs)
      ) {
        idlest = connection;
      }
    }
    if (!idlest) return false;
    idlest.proved = true;
    idlest.destroy(
      failure('lost', 'it was closed to make room for another host', 'Raise ssh.max_connections.'),
    );
    return true;
  }
}

function gateLimits(config: SshConfig): { ratePerSec: number; maxOpen: number } {
  return { ratePerSec: config.connectRatePerSec, maxOpen: config.maxConnections };
}
