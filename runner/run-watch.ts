/**
 * Collects what one run gives (two streams, an end, some time-outs) into exactly one RunOutcome. It starts and
 * kills nothing; SSH sessions and local processes both report to it.
 */
import type { Readable } from 'node:stream';
import type { Clock, RunOutcome, RunRequest } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import { OutputCapture } from './output-capture.ts';

/** An exit code or a signal; a run that has neither was lost. */
export type RunEnd = { exitCode: number } | { signal: string };

const defaultOutputBytes = 65_536;
/** After the end: how long the rest of the output may pause, and take in all. A background child may hold it open. */
const trailingPauseMs = 250;
const trailingLimitMs = 2_000;

export interface RunWatchOptions {
  clock: Clock;
  request: RunRequest;
  /** Whether an end so long after the start is the time limit's doing. */
  endedByLimit: (end: RunEnd, durationMs: number) => boolean;
  /** Called once, before `outcome` resolves. */
  release: () => void;
}

export class RunWatch {
  readonly outcome: Promise<RunOutcome>;
  readonly #options: RunWatchOptions;
  readonly #stdout: OutputCapture;
  readonly #stderr: OutputCapture;
  readonly #timers = new Set<() => void>();
  readonly #startedAtMs: number;
  readonly #startedMonoMs: number;
  #resolve: (outcome: RunOutcome) => void = () => undefined;
  #settled = false;
  #end: RunEnd | undefined;
  #endMonoMs = 0;
  #cancelPause: (() => void) | undefined;

  /** Made at the moment the run is sent: durations count from here. */
  constructor(options: RunWatchOptions) {
    const { clock, request } = options;
    this.#options = options;
    this.#stdout = new OutputCapture(request.outputBytes ?? defaultOutputBytes);
    this.#stderr = new OutputCapture(request.outputBytes ?? defaultOutputBytes);
    this.#startedAtMs = clock.nowMs();
    this.#startedMonoMs = clock.monotonicMs();
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Reads both streams to their ends, so that neither can hold up the other or the far side. */
  drain(stdout: Readable, stderr: Readable): void {
    for (const [stream, capture] of [
      [stdout, this.#stdout],
      [stderr, this.#stderr],
    ] as const) {
      stream.on('data', (chunk: Buffer) => {
        capture.push(chunk);
        if (this.#end) this.#awaitRest();
      });
    }
  }

  /** Runs `callback` unless the outcome is known by then. */
  after(delayMs: number, callback: () => void): void {
    this.#timers.add(this.#options.clock.after(delayMs, callback));
  }

  /** The verdict is here; some output may still be on its way. */
  ended(end: RunEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#endMonoMs = this.#options.clock.monotonicMs();
    this.#awaitRest();
    this.after(trailingLimitMs, () => this.#conclude(end));
  }

  /** Nothing more will come. `lost` is the outcome when no end came before. */
  closed(lost: () => TransportFailure): void {
    if (this.#end) this.#conclude(this.#end);
    else this.unreachable(lost());
  }

  timedOut(): void {
    const durationMs = this.#options.clock.monotonicMs() - this.#startedMonoMs;
    this.#settle({ kind: 'timed_out', limitMs: this.#options.request.timeoutMs, ...this.#ran(durationMs) });
  }

  unreachable(failure: TransportFailure): void {
    const durationMs = this.#options.clock.monotonicMs() - this.#startedMonoMs;
    this.#settle({ kind: 'unreachable', failure, startedAtMs: this.#startedAtMs, durationMs });
  }

  #awaitRest(): void {
    const end = this.#end;
    this.#cancelPause?.();
    if (end) this.#cancelPause = this.#options.clock.after(trailingPauseMs, () => this.#conclude(end));
  }

  #conclude(end: RunEnd): void {
    const durationMs = this.#endMonoMs - this.#startedMonoMs;
    const ran = this.#ran(durationMs);
    if (this.#options.endedByLimit(end, durationMs)) {
      this.#settle({ kind: 'timed_out', limitMs: this.#options.request.timeoutMs, ...ran });
    } else if ('signal' in end) this.#settle({ kind: 'killed', signal: end.signal, ...ran });
    else this.#settle({ kind: 'exited', exitCode: end.exitCode, ...ran });
  }

  #ran(durationMs: number) {
    return {
      stdout: this.#stdout.text(),
      stderr: this.#stderr.text(),
      truncated: this.#stdout.truncated || this.#stderr.truncated,
      startedAtMs: this.#startedAtMs,
      durationMs,
    };
  }

  #settle(outcome: RunOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const cancel of this.#timers) cancel();
    this.#cancelPause?.();
    this.#options.release();
    this.#resolve(outcome);
  }
}
