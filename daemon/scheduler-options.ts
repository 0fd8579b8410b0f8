/** What the scheduler is told and asks: its jobs, limits and callbacks. Types only. */
import type { CheckDefinition, DaemonConfig } from '../core/definitions.ts';
import type { Clock } from '../core/ports.ts';

export interface Job {
  host: string;
  check: CheckDefinition;
}

/** It was the youngest in a full queue; its last run, or its last turn, is not over yet. */
export type ShedReason = 'queue_full' | 'still_running' | 'still_waiting';

export interface SchedulerOptions {
  clock: Clock;
  limits: DaemonConfig['scheduler'];
  /** `parallel`: started together with others of its host that may share an exec; so many of them may run at once. */
  run: (job: Job, parallel: number | undefined) => Promise<void>;
  /** Whether the check may share an exec with others of its host. */
  shares: (job: Job) => boolean;
  /** Whether the host was not reached the last time: the others go on without it. */
  troubled: (host: string) => boolean;
  /** How long after it was due a check started. Milliseconds. */
  onStart?: (latenessMs: number) => void;
  onShed: (job: Job, reason: ShedReason) => void;
  /** Milliseconds to the next run while a problem is soft; undefined: the regular timing. */
  retryInMs: (job: Job) => number | undefined;
}
