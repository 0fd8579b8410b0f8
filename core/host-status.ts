/**
 * Owns the host's own axis: whether it can be asked. A transport failure lands here and never in a check.
 */
import type { HostStatus, TransportFailure } from './types.ts';

/** Failures in a row that make `unreachable` hard. */
export const hostMaxAttempts = 3;

/**
 * Ten checks that fail in one second are one piece of evidence about the connection, not ten. Milliseconds.
 */
export const attemptSpacingMs = 5_000;

export function initialHostStatus(nowMs: number): HostStatus {
  return { state: 'pending', type: 'hard', attempt: 0, sinceMs: nowMs };
}

export interface HostStep {
  status: HostStatus;
  /** The state or its type changed: worth a stored transition. */
  changed: boolean;
}

export function applyContact(status: HostStatus, nowMs: number): HostStep {
  const changed = status.state !== 'up';
  const sinceMs = changed ? nowMs : status.sinceMs;
  return { status: { state: 'up', type: 'hard', attempt: 0, sinceMs, lastSeenAtMs: nowMs }, changed };
}

/** `triedAtMs`: when the attempt began that failed; the same one may be told again and again until the next. */
export function applyFailure(
  status: HostStatus,
  failure: TransportFailure,
  triedAtMs: number,
  nowMs: number,
): HostStep {
  const seen = status.lastSeenAtMs === undefined ? {} : { lastSeenAtMs: status.lastSeenAtMs };
  if (status.state !== 'unreachable') {
    const first: HostStatus = {
      state: 'unreachable',
      type: 'soft',
      attempt: 1,
      sinceMs: nowMs,
      failure,
      ...seen,
    };
    return { status: { ...first, attemptAtMs: triedAtMs }, changed: true };
  }
  const counts = triedAtMs - (status.attemptAtMs ?? status.sinceMs) >= attemptSpacingMs;
  if (!counts) return { status: { ...status, failure }, changed: false };
  const attempt = status.attempt + 1;
  const type = attempt >= hostMaxAttempts ? 'hard' : 'soft';
  return {
    status: { ...status, type, attempt, failure, attemptAtMs: triedAtMs },
    changed: type !== status.type,
  };
}

/** A host that is down for good counts as this many failures. */
const hardFailures = 6;

/** Failures in a row; 0 for a host that is reached, or of which nothing is known. */
export function failuresOf(status: HostStatus | undefined): number {
  if (status === undefined || status.state === 'up' || status.state === 'pending') return 0;
  return status.type === 'hard' ? hardFailures : Math.max(1, status.attempt);
}
