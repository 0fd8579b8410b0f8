/** Owns the plain data and temporary places that tests of the store share. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Decision } from '../../../core/decisions.ts';
import type { OutboxMessage, Slots, StoreChange } from '../../../core/ports.ts';
import type { Approval, BrakeState, Suppression, TrustCap } from '../../../core/safety.ts';
import type {
  CheckResult,
  CheckStatus,
  HostStatus,
  Intent,
  StoredEvent,
  Transition,
} from '../../../core/types.ts';
import { openStores, type Stores } from '../../../store/open.ts';

/** 2026-01-01T00:00:00Z */
export const startMs = 1_767_225_600_000;
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** A directory of this test's own, gone after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-store-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function storePath(): string {
  return join(temporaryDirectory(), 'mendd.db');
}

/** For tests that open often: in memory where the machine has such a directory. */
export function quickPath(): string {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'mendd-store-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'mendd.db');
}

/** Opens as a daemon does; closed when the test ends, if the test did not. */
export function openForTest(path = storePath(), nowMs = startMs): Stores {
  const stores = openStores({ path, member: 'ops', nowMs });
  onTestFinished(() => closeStores(stores));
  return stores;
}

export function closeStores({ store, coordinator }: Stores): void {
  store.close();
  coordinator.close();
}

export function intentOf(fence: number, given: Partial<Intent> = {}): Intent {
  const { host = 'web-1', action = 'queue.restart', episode = 'k0', attempt = 1 } = given;
  return {
    id: `${host}~${action}~${episode}~${attempt}`,
    host,
    ladder: 'queue.restart',
    action,
    kind: 'systemd_restart',
    episode,
    attempt,
    decidedAtMs: startMs,
    notAfterMs: startMs + 30_000,
    fence,
    decidedBy: 'rule',
    reason: 'critical twice',
    command: "systemctl restart -- 'queue'",
    revision: 'r1',
    gates: [{ gate: 'attempts', passed: true, values: { seen: 2, needed: 2 } }],
    preconditions: { bootId: 'b-1', unit: 'queue', invocationId: 'i-1', notAfterUptimeSec: 1234.56 },
    shard: 17,
    ...given,
  };
}

export function slotsOf(given: Partial<Slots> = {}): Slots {
  const sinceMs = startMs - hourMs;
  return {
    fleetConcurrent: 100,
    action: { runs: 100, sinceMs },
    host: { runs: 100, sinceMs },
    fleet: { runs: 100, sinceMs },
    groups: [],
    brakes: [],
    repairs: true,
    ...given,
  };
}

export function resultOf(given: Partial<CheckResult> = {}): CheckResult {
  return {
    state: 'ok',
    text: 'OK - all is well',
    longText: '',
    perfdata: [],
    exitCode: 0,
    startedAtMs: startMs,
    durationMs: 12,
    ...given,
  };
}

export function checkStatusOf(given: Partial<CheckStatus> = {}): CheckStatus {
  return {
    state: 'critical',
    type: 'hard',
    attempt: 3,
    problemResults: 3,
    problemSinceMs: startMs,
    sinceMs: startMs,
    lastHardState: 'ok',
    flap: {
      ring: [0, 1, 2],
      last: 'critical',
      percent: 12.345678901234567,
      flapping: false,
      percentWithoutActions: 0.1 + 0.2,
      flappingWithoutActions: false,
    },
    lastResult: resultOf({ state: 'critical', text: 'CRITICAL - \u0000 ünï 🦊', exitCode: 2 }),
    ...given,
  };
}

export function hostStatusOf(given: Partial<HostStatus> = {}): HostStatus {
  return { state: 'up', type: 'hard', attempt: 0, sinceMs: startMs, lastSeenAtMs: startMs, ...given };
}

export function transitionOf(given: Partial<Omit<Transition, 'id'>> = {}): Omit<Transition, 'id'> {
  return {
    atMs: startMs,
    host: 'web-1',
    check: 'queue.running',
    from: 'ok',
    to: 'critical',
    type: 'hard',
    attempt: 3,
    text: 'CRITICAL - down',
    flapping: true,
    percent: 33.3,
    percentWithoutActions: 11.1,
    afterAction: false,
    ...given,
  };
}

export function eventOf(given: Partial<Omit<StoredEvent, 'id'>> = {}): Omit<StoredEvent, 'id'> {
  return {
    atMs: startMs,
    type: 'state.changed',
    host: 'web-1',
    check: 'queue.running',
    data: { to: 'critical' },
    ...given,
  };
}

export function changeOf(given: Partial<StoreChange> = {}): StoreChange {
  return { host: 'web-1', check: 'queue.running', transitions: [], events: [], ...given };
}

export function decisionOf(given: Partial<Decision> = {}): Decision {
  return {
    atMs: startMs,
    host: 'web-1',
    ladder: 'queue.restart',
    action: 'queue.restart',
    check: 'queue.running',
    verdict: 'held',
    reason: 'cooldown',
    gates: [
      { gate: 'cooldown', passed: false, reason: 'cooldown', values: { leftMs: 1 }, opensAtMs: startMs + 1 },
    ],
    ...given,
  };
}

export function messageOf(
  key: string,
  given: Partial<OutboxMessage> = {},
): Omit<OutboxMessage, 'id' | 'attempts' | 'status' | 'lastError'> {
  return {
    key,
    target: 'oncall',
    kind: 'problem',
    host: 'web-1',
    ladder: 'queue.restart',
    body: { text: 'it is down' },
    createdAtMs: startMs,
    nextAttemptAtMs: startMs,
    ...given,
  };
}

export function silenceOf(
  id: string,
  given: Partial<Extract<Suppression, { kind: 'silence' }>> = {},
): Extract<Suppression, { kind: 'silence' }> {
  return {
    id,
    kind: 'silence',
    by: 'person:kim',
    reason: 'known: the disk is being replaced',
    createdAtMs: startMs,
    origin: 'person',
    match: { hosts: ['web-*'], labels: { role: 'web' }, checks: [] },
    startsAtMs: startMs,
    endsAtMs: startMs + hourMs,
    ...given,
  };
}

export function approvalOf(given: Partial<Approval> = {}): Approval {
  const { id, host, ladder, action, episode, attempt, command, reason, gates } = intentOf(0);
  return {
    id,
    host,
    ladder,
    action,
    episode,
    attempt,
    command,
    reason,
    gates,
    check: 'queue.running',
    createdAtMs: startMs,
    expiresAtMs: startMs + hourMs,
    status: 'waiting',
    tag: 't-1',
    ...given,
  };
}

export function brakeOf(given: Partial<BrakeState> = {}): BrakeState {
  return {
    scope: 'fleet',
    cause: 'mass_failure',
    sinceMs: startMs,
    unhealthy: 7,
    hosts: 20,
    allowed: 4,
    ...given,
  };
}

export function capOf(given: Partial<TrustCap> = {}): TrustCap {
  return {
    action: 'queue.restart',
    mode: 'approve',
    sinceMs: startMs,
    by: 'rule',
    reason: '3 failures',
    ...given,
  };
}
