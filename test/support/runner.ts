/** Builds Runners and their inputs for tests: real clock, given host, no jitter. */
import type { HostDefinition, Secret, SshConfig } from '../../core/definitions.ts';
import type { Clock, Runner, RunOutcome, RunRequest } from '../../core/ports.ts';
import { createRunner, type RunnerOptions } from '../../runner/runner.ts';
import type { Sshd } from './sshd.ts';

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export function secret(text: string): Secret {
  return { reveal: () => text, toString: () => '<secret>', toJSON: () => '<secret>' };
}

export function sshConfig(
  sshd: Pick<Sshd, 'user' | 'identity' | 'knownHosts'>,
  changes: Partial<SshConfig> = {},
): SshConfig {
  return {
    transport: 'ssh',
    user: sshd.user,
    identity: secret(sshd.identity),
    agent: false,
    knownHosts: sshd.knownHosts,
    hostKeys: 'strict',
    connectTimeoutMs: 5_000,
    maxConnections: 100,
    connectRatePerSec: 1_000,
    maxSessionsPerHost: 10,
    pluginDirs: [],
    ...changes,
  };
}

export function sshHost(
  sshd: Pick<Sshd, 'address' | 'port' | 'user'>,
  changes: Partial<HostDefinition> = {},
): HostDefinition {
  return {
    name: 'web-1',
    transport: 'ssh',
    batch: true,
    address: sshd.address,
    port: sshd.port,
    user: sshd.user,
    labels: {},
    zone: 'default',
    parents: [],
    vars: {},
    origin: 'hosts',
    ...changes,
  };
}

export function makeRunner(config: SshConfig, changes: Partial<RunnerOptions> = {}): Runner {
  return createRunner({ config, clock: realClock, random: () => 0, hosts: () => undefined, ...changes });
}

export function request(host: HostDefinition, script: string, changes: Partial<RunRequest> = {}): RunRequest {
  return { target: { kind: 'ssh', host }, script, timeoutMs: 10_000, purpose: 'check', ...changes };
}

/** Narrows an outcome, with all of it in the message when it is another kind. */
export function expectKind<K extends RunOutcome['kind']>(
  outcome: RunOutcome,
  kind: K,
): Extract<RunOutcome, { kind: K }> {
  if (outcome.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(outcome)}`);
  return outcome as Extract<RunOutcome, { kind: K }>;
}
