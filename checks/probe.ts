/**
 * Owns what every probe from the ops box shares: its hard time limit, its stop watch, and the rule that a
 * cancelled probe is no verdict. It knows no protocol.
 */
import type { CheckPlan, Clock } from '../core/ports.ts';
import { resultFrom, timeWords, type Verdict } from './verdict.ts';

export type ProbeClock = Pick<Clock, 'nowMs' | 'monotonicMs'>;

export interface ProbeLimits {
  /** Aborts at the time limit and when the probe is cancelled; every socket must obey it. */
  signal: AbortSignal;
  /** True once the time limit, and not a cancellation, ended it. */
  expired(): boolean;
  elapsedMs(): number;
  /** The time limit in words. */
  words: string;
}

/**
 * The plan of a probe. It rejects with the signal's reason when it was cancelled from outside, because a
 * question that was withdrawn has no answer; otherwise it always resolves.
 */
export function timedProbe(clock: ProbeClock, ask: (limits: ProbeLimits) => Promise<Verdict>): CheckPlan {
  return {
    kind: 'probe',
    probe: async (timeoutMs, cancelled) => {
      cancelled.throwIfAborted();
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), timeoutMs);
      const cancel = () => limit.abort();
      cancelled.addEventListener('abort', cancel, { once: true });
      const startedAtMs = clock.nowMs();
      const startMs = clock.monotonicMs();
      const elapsedMs = () => clock.monotonicMs() - startMs;
      try {
        const verdict = await ask({
          signal: limit.signal,
          expired: () => limit.signal.aborted,
          elapsedMs,
          words: timeWords(timeoutMs),
        });
        cancelled.throwIfAborted();
        return resultFrom(verdict, { startedAtMs, durationMs: elapsedMs() });
      } finally {
        clearTimeout(timer);
        cancelled.removeEventListener('abort', cancel);
      }
    },
  };
}
