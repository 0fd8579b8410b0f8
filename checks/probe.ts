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

/** Timers of Node may fire this much before their time by another clock. Milliseconds. */
const timerSlackMs = 20;

/**
 * The plan of a probe. It rejects with the signal's reason when it was cancelled before its time was up, because
 * a question that was withdrawn has no answer; otherwise it always resolves.
 */
export function timedProbe(clock: ProbeClock, ask: (limits: ProbeLimits) => Promise<Verdict>): CheckPlan {
  return {
    kind: 'probe',
    probe: async (timeoutMs, cancelled) => {
      cancelled.throwIfAborted();
      const startedAtMs = clock.nowMs();
      const startMs = clock.monotonicMs();
      const elapsedMs = () => clock.monotonicMs() - startMs;
      const end = new AbortController();
      let withdrawn = false;
      const cancel = () => {
        // A caller that keeps the same time limit itself may be the first to notice that it passed.
        withdrawn = !end.signal.aborted && elapsedMs() < timeoutMs - timerSlackMs;
        end.abort();
      };
      const timer = setTimeout(() => end.abort(), timeoutMs);
      cancelled.addEventListener('abort', cancel, { once: true });
      try {
        const verdict = await ask({
          signal: end.signal,
          expired: () => end.signal.aborted,
          elapsedMs,
          words: timeWords(timeoutMs),
        });
        if (withdrawn) throw cancelled.reason;
        return resultFrom(verdict, { startedAtMs, durationMs: elapsedMs() });
      } finally {
        clearTimeout(timer);
        cancelled.removeEventListener('abort', cancel);
      }
    },
  };
}
