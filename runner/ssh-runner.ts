/** Runs requests on hosts over SSH: takes a connection from the pool and sends each script at most once. */
import type { HostDefinition } from '../core/definitions.ts';
import type { Clock, RunOutcome, RunRequest } from '../core/ports.ts';
import type { SshConnection } from './ssh-connection.ts';
import type { SshPool } from './ssh-pool.ts';
import { runSession, type SessionResult, type SessionTiming, type Unsent } from './ssh-session.ts';

/** A run is started again only if nothing was sent, and once. */
const attemptLimit = 2;

export function runOverSsh(
  pool: SshPool,
  host: HostDefinition,
  request: RunRequest,
  connectTimeoutMs: number,
  clock: Clock,
): Promise<RunOutcome> {
  return withConnection(pool, host, request, connectTimeoutMs, clock, (connection, timing) =>
    runSession(connection, request, timing),
  );
}

/** Talks over the host's connection, at most twice, and the second time only if nothing was sent. */
export async function withConnection<T>(
  pool: SshPool,
  host: HostDefinition,
  request: Pick<RunRequest, 'purpose' | 'timeoutMs' | 'signal'>,
  connectTimeoutMs: number,
  clock: Clock,
  talk: (connection: SshConnection, timing: SessionTiming) => Promise<SessionResult<T>>,
): Promise<T | Unsent> {
  const timing: SessionTiming = {
    clock,
    connectTimeoutMs,
    startedAtMs: clock.nowMs(),
    startedMonoMs: clock.monotonicMs(),
  };
  const times = () => ({
    startedAtMs: timing.startedAtMs,
    durationMs: clock.monotonicMs() - timing.startedMonoMs,
  });
  for (let attempt = 1; ; attempt += 1) {
    const leftMs = timing.startedMonoMs + request.timeoutMs - clock.monotonicMs();
    const answer = await pool.get(host, request.purpose, leftMs, request.signal);
    if (answer.kind === 'not_sent') return { kind: 'not_sent', reason: answer.reason, ...times() };
    if (answer.kind === 'failed') {
      const startedAtMs = Math.min(answer.triedAtMs, timing.startedAtMs);
      return { kind: 'unreachable', failure: answer.failure, ...times(), startedAtMs };
    }
    // The login may have taken the time that was meant for waiting; a free channel is then still good.
    const result = await talk(answer.connection, timing);
    if (result.kind === 'done') return result.outcome;
    if (attempt === attemptLimit) return { kind: 'unreachable', failure: result.failure, ...times() };
  }
}
