/**
 * Owns what a new result makes of a check: soft and hard, attempts, flapping. The one place where a CheckStatus changes.
 * Never told of transport failures: a host that cannot be asked gives no result.
 * Source: Nagios Core 4.4.6, active service checks; identical on all of test/vectors/nagios-state*.jsonl.
 */
import { type FlapThresholds, initialFlap, recordState, withoutDetection } from './flapping.ts';
import type { CheckResult, CheckState, CheckStatus, StateType } from './types.ts';

export interface TransitionOptions {
  /** Results in a row that make a problem hard; 1 or more. */
  maxAttempts: number;
  /** null: detection off. */
  flapping: FlapThresholds | null;
  /** A repeated hard problem is an event each time. */
  volatile?: boolean;
  /** The result follows an action of ours, so a change it brings is not held against the check. */
  afterAction?: boolean;
  /** Times of so many non-OK results are kept, for triggers that count within a window. 0: none. */
  rememberTimes?: number;
}

/** What happened at this step. A soft recovery is told as `ok soft`, while what is stored is `ok hard`. */
export interface StateEvent {
  from: CheckState | 'pending';
  state: CheckState;
  type: StateType;
  attempt: number;
  /** Nagios's percent state change after the step. */
  psc: number;
  flapping: boolean;
  /** Flapping began or ended at this step. */
  flapChange: 'started' | 'stopped' | null;
  /** Nagios would run an event handler here. */
  handler: boolean;
  /** State or type changed: to be stored as a transition. */
  changed: boolean;
}

export interface TransitionStep {
  status: CheckStatus;
  event: StateEvent;
}

/** Pending counts as OK, hard, attempt 1. An initial state is believed hard, and leaves no trace in the flap history. */
export function initialCheckStatus(nowMs: number, initialState?: CheckState): CheckStatus {
  const state = initialState ?? 'pending';
  const isProblem = initialState !== undefined && initialState !== 'ok';
  return {
    state,
    type: 'hard',
    attempt: 1,
    problemResults: 0,
    ...(isProblem ? { problemSinceMs: nowMs } : {}),
    sinceMs: nowMs,
    lastHardState: state,
    flap: initialFlap(),
  };
}

export function applyResult(
  status: CheckStatus,
  result: CheckResult,
  options: TransitionOptions,
  nowMs: number,
): TransitionStep {
  const { state } = result;
  const verdict = state === 'ok' ? recover(status) : worsen(status, state, options);
  const isOk = state === 'ok';
  const type: StateType = isOk ? 'hard' : verdict.type;
  const flap = flapAfter(status, state, type, options);
  const { problemSinceMs = nowMs, problemTimesMs: _before, ...rest } = status;
  return {
    status: {
      ...rest,
      state,
      type,
      attempt: isOk ? 1 : verdict.attempt,
      problemResults: isOk ? 0 : status.problemResults + 1,
      ...(isOk ? {} : { problemSinceMs }),
      sinceMs: state === status.state ? status.sinceMs : nowMs,
      lastHardState: type === 'hard' ? state : status.lastHardState,
      flap,
      lastResult: result,
      ...timesAfter(status, result, options.rememberTimes ?? 0),
    },
    event: {
      from: status.state,
      state,
      ...verdict,
      psc: flap.percent,
      flapping: flap.flapping,
      flapChange: flap.flapping === status.flap.flapping ? null : flap.flapping ? 'started' : 'stopped',
      changed: state !== status.state || verdict.type !== status.type,
    },
  };
}

function timesAfter(
  { problemTimesMs = [] }: CheckStatus,
  { state, startedAtMs }: CheckResult,
  keep: number,
): Pick<CheckStatus, 'problemTimesMs'> {
  if (keep === 0) return {};
  return {
    problemTimesMs: (state === 'ok' ? problemTimesMs : [...problemTimesMs, startedAtMs]).slice(-keep),
  };
}

type Verdict = Pick<StateEvent, 'type' | 'attempt' | 'handler'>;

function recover(before: CheckStatus): Verdict {
  if (isFine(before)) return { type: 'hard', attempt: 1, handler: false };
  if (before.type === 'soft') return { type: 'soft', attempt: before.attempt + 1, handler: true };
  return { type: 'hard', attempt: 1, handler: true };
}

function worsen(before: CheckStatus, state: CheckState, options: TransitionOptions): Verdict {
  const { maxAttempts } = options;
  if (!isFine(before) && before.type === 'hard') {
    return {
      type: 'hard',
      attempt: maxAttempts,
      handler: state !== before.state || options.volatile === true,
    };
  }
  // A different problem while soft goes on counting: WARNING and CRITICAL in turn must still become hard.
  const attempt = Math.min(isFine(before) ? 1 : before.attempt + 1, maxAttempts);
  return { type: attempt >= maxAttempts ? 'hard' : 'soft', attempt, handler: true };
}

function isFine(status: CheckStatus): boolean {
  return status.state === 'ok' || status.state === 'pending';
}

function flapAfter(
  status: CheckStatus,
  state: CheckState,
  type: StateType,
  options: TransitionOptions,
): CheckStatus['flap'] {
  if (type === 'hard') return recordState(status.flap, state, options.flapping, options.afterAction === true);
  return options.flapping === null ? withoutDetection(status.flap) : status.flap;
}
