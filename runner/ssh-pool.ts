/**
 * Keeps at most one connection per host and key, opens it when it is first needed, and waits longer after each
 * failure. It runs nothing on hosts.
 */
import { setMaxListeners } from 'node:events';
import type { HostDefinition, SshConfig } from '../core/definitions.ts';
import type { Clock, ConnectionCounts } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import { ConnectGate, type Pass } from './connect-gate.ts';
import { type HostKeyChange, HostKeys } from './host-keys.ts';
import type { OpensshProgram } from './openssh-program.ts';
import { type Logins, loginStamp } from './ssh-auth.ts';
import { SshConnection } from './ssh-connection.ts';
import { dial } from './ssh-dial.ts';
import { Eviction } from './ssh-eviction.ts';
import { type ConnectFailure, failure } from './ssh-failure.ts';
import { Line, type PoolAnswer, type Purpose } from './ssh-line.ts';
import { type FindHost, jumpOf, routeTo, stepsOf } from './ssh-route.ts';

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
  /**
   * Failures in a row before this process began, by host name; 0 when it was reached. Hosts in trouble are tried a random
   * while later, as if the failures had been seen here. Asked until the first `update`.
   */
  troubled?: ((host: string) => number) | undefined;
  onHostKeyChange: (host: string, change: HostKeyChange) => void;
  log: PoolLog;
}

/**
 * A crowded server is asked again so often before the host counts as not reached; one that only hung up may be broken instead.
 * The first pause is up to so long, each next one up to twice the last.
 */
const crowdedRetries = { said: 5, silently: 2 } as const;
const crowdedPauseMs = 500;

interface Way {
  jump?: { name: string; connection: SshConnection };
  release: () => void;
}

export class SshPool {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onHostKeyChange: PoolOptions['onHostKeyChange'];
  readonly #log: PoolLog;
  readonly #openssh: OpensshProgram;
  readonly #gate: ConnectGate;
  readonly #eviction: Eviction;
  readonly #lines = new Map<string, Line>();
  /** All that are not ended, those of dropped lines too. */
  readonly #open = new Set<SshConnection>();
  #hosts: FindHost;
  #config: SshConfig;
  #logins: Logins;
  #hostKeys: HostKeys;
  #troubled: PoolOptions['troubled'];
  #connecting = 0;
  /** Since the start. */
  #turnedAway = 0;
  readonly #closing = new AbortController();

  constructor(options: PoolOptions) {
    const { config, logins, openssh, clock, random, hosts, troubled, onHostKeyChange, log } = options;
    // Every connection under way listens; there are as many as connect_rate lets.
    setMaxListeners(0, this.#closing.signal);
    this.#config = config;
    this.#logins = logins;
    this.#openssh = openssh;
    this.#clock = clock;
    this.#random = random;
    this.#hosts = hosts;
    this.#troubled = troubled;
    this.#onHostKeyChange = onHostKeyChange;
    this.#log = log;
    this.#hostKeys = new HostKeys(config.knownHosts, config.hostKeys);
    this.#eviction = new Eviction(clock);
    this.#gate = new ConnectGate(gateLimits(config), clock, () => this.#makeRoom());
  }

  /** The host's connection, opened if need be. Waits for room at most `limitMs`, for a login as long as that may take. `hurry`: do not put it off for
   * what an earlier process saw. */
  async get(
    host: HostDefinition,
    purpose: Purpose,
    limitMs: number,
    signal?: AbortSignal,
    hurry = false,
  ): Promise<PoolAnswer> {
    if (this.#closing.signal.aborted) return { kind: 'not_sent', reason: 'the runner is closed' };
    if (signal?.aborted) return { kind: 'not_sent', reason: 'aborted before it was sent' };
    const route = routeTo(host, this.#hosts, this.#config);
    if (typeof route !== 'string') {
      return { kind: 'failed', failure: route, triedAtMs: this.#clock.nowMs() };
    }
    const line = this.#line(host, purpose, route);
    if (hurry) line.hurry();
    if (line.connection?.usable) return { kind: 'connection', connection: line.connection };
    if (!line.attempt) {
      if (line.waitMs > 0 && line.lastFailure) {
        return { kind: 'failed', failure: { ...line.lastFailure, sent: false }, triedAtMs: line.triedAtMs };
      }
      line.attempt = this.#attempt(line);
    }
    return line.answer(line.attempt, limitMs, signal);
  }

  /** Connections of hosts that are gone, or are reached in another way now, end with their last command. */
  update(config: SshConfig, logins: Logins, hosts: ReadonlyMap<string, HostDefinition>): void {
    const sameLogin = loginStamp(config) === loginStamp(this.#config);
    this.#hosts = (name) => hosts.get(name);
    this.#troubled = undefined;
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

  connections(): ConnectionCounts {
    let waiting = this.#gate.waiting;
    for (const connection of this.#open) waiting += connection.waiting;
    return {
      open: this.#open.size,
      connecting: this.#connecting,
      waiting,
      evicted: this.#eviction.count,
      turnedAway: this.#turnedAway,
    };
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
    const failures = this.#troubled?.(host.name) ?? 0;
    const line = new Line({ host, purpose: own, route }, failures, this.#clock, this.#random);
    this.#lines.set(key, line);
    return line;
  }

  #drop(key: string, line: Line): void {
    this.#lines.delete(key);
    line.dropped = true;
    line.connection?.retire();
  }

  async #attempt(line: Line): Promise<SshConnection | TransportFailure> {
    const result = await this.#reach(line);
    line.attempt = undefined;
    if (result instanceof SshConnection) {
      this.#keep(line, result);
      return result;
    }
    const { turnedAway: _, ...cause } = result;
    line.backOff(cause);
    const { stage, message } = cause;
    this.#log('warn', message, {
      host: line.host.name,
      purpose: line.purpose,
      stage,
      failures: line.failures,
    });
    return cause;
  }

  #keep(line: Line, connection: SshConnection): void {
    this.#open.add(connection);
    line.connection = connection;
    this.#noteReturn(line);
    const fields = { host: line.host.name, purpose: line.purpose, limiter: connection.limiter };
    this.#log('info', `connected to ${connection.place}`, fields);
    connection.onEnd((cause) => {
      this.#open.delete(connection);
      this.#log('info', cause.message, { ...fields, stage: cause.stage });
      this.#gate.leave();
      // A retired one was replaced already.
      if (line.connection !== connection) return;
      line.connection = undefined;
      line.triedAtMs = this.#clock.nowMs();
      if (connection.proved) line.failures = 0;
      else line.backOff(cause);
    });
    if (line.dropped) connection.retire();
  }

  /** Waits for its time, its way and the gate, and dials; again for a server that is only crowded. */
  async #reach(line: Line): Promise<SshConnection | ConnectFailure> {
    await line.due(this.#closing.signal);
    for (let retries = 0; ; retries += 1) {
      // Before the gate: those behind a jump host must not keep it out.
      const way = await this.#wayTo(line);
      if ('stage' in way) return way;
      const steps = stepsOf(line.host, way.jump?.name);
      const pass = await this.#gate.enter({ ...steps, troubled: line.failures > 0 });
      this.#connecting += 1;
      line.dialing = true;
      line.triedAtMs = this.#clock.nowMs();
      const result = await this.#dial(line, way, pass);
      line.dialing = false;
      this.#connecting -= 1;
      way.release();
      if (result instanceof SshConnection) {
        pass.done('arrived');
        return result;
      }
      const { turnedAway } = result;
      const crowded = turnedAway === 'said' || (turnedAway === 'silently' && pass.known);
      pass.done(turnedAway ? 'turned_away' : 'failed');
      this.#gate.leave();
      if (!crowded || retries >= crowdedRetries[turnedAway] || this.#closing.signal.aborted) return result;
      this.#turnedAway += 1;
      this.#log('info', result.message, { host: line.host.name, purpose: line.purpose, retries });
      line.waitAgain(this.#random() * crowdedPauseMs * 2 ** retries);
      await line.due(this.#closing.signal);
    }
  }

  /** The open connection to the host's jump host, which is not idle until `release`. */
  async #wayTo(line: Line): Promise<Way | TransportFailure> {
    const { host } = line;
    const jump = jumpOf(host, this.#hosts, this.#config);
    if (!jump) return { release: () => undefined };
    // The ssh program goes through connections of its own only; our client goes through both kinds.
    const transport = host.transport === 'openssh' ? 'openssh' : jump.transport;
    const limitMs = this.#config.connectTimeoutMs;
    const answer = await this.get({ ...jump, transport }, 'check', limitMs, undefined, true);
    if (answer.kind === 'connection') {
      const { connection } = answer;
      return { jump: { name: jump.name, connection }, release: connection.lease() };
    }
    line.triedAtMs = answer.kind === 'failed' ? answer.triedAtMs : this.#clock.nowMs();
    const why = answer.kind === 'failed' ? answer.failure.message : answer.reason;
    const hint = answer.kind === 'failed' ? answer.failure.hint : 'Try again.';
    return failure('connect', `${host.name} is behind ${jump.name}, and ${why}`, hint);
  }

  async #dial({ host, purpose }: Line, way: Way, pass: Pass): Promise<SshConnection | ConnectFailure> {
    if (this.#closing.signal.aborted) return failure('lost', 'the runner was closed', 'mendd is stopping.');
    return dial({
      host,
      config: this.#config,
      actionKey: purpose === 'action',
      logins: this.#logins,
      openssh: this.#openssh,
      hostKeys: this.#hostKeys,
      clock: this.#clock,
      signal: this.#closing.signal,
      turn: () => pass.turn(),
      onHostKeyChange: this.#keyTeller(host.name),
      ...(way.jump ? { jump: way.jump } : {}),
    });
  }

  /** Kept as long as a connection: made here, where it does not keep what else is known of the attempt. */
  #keyTeller(host: string): (change: HostKeyChange) => void {
    return (change) => this.#onHostKeyChange(host, change);
  }

  #makeRoom(): boolean {
    const connection = this.#eviction.choose(this.#lines.values())?.connection;
    if (!connection) return false;
    connection.proved = true;
    const hint = 'Raise ssh.max_connections.';
    connection.destroy(failure('lost', 'it was closed to make room for another host', hint));
    return true;
  }

  #noteReturn(line: Line): void {
    if (!this.#eviction.noteReturn(line)) return;
    this.#log('warn', 'hosts come back soon after their connections were closed to make room for others', {
      evicted: this.#eviction.count,
      hint: 'Raise ssh.max_connections.',
    });
  }
}

function gateLimits(config: SshConfig): { ratePerSec: number; maxOpen: number } {
  return { ratePerSec: config.connectRatePerSec, maxOpen: config.maxConnections };
}
