/**
 * Runs several checks in one exec over one open connection and tells each one's end as soon as it is known. It tries nothing
 * twice; batcher.ts decides what is asked again.
 */
import { randomBytes } from 'node:crypto';
import type { RunOutcome, RunRequest } from '../core/ports.ts';
import { type BatchNews, type Frame, FrameReader, readExit } from './check-batch-frames.ts';
import { batchScript, frameOutputBytes, workerLimit } from './check-batch-script.ts';
import { killGraceMs } from './remote-script.ts';
import type { SshConnection } from './ssh-connection.ts';
import {
  clientSlackMs,
  feelPulse,
  type OpenChannel,
  type SessionResult,
  type SessionTiming,
  withChannel,
} from './ssh-session.ts';

/** The text counts these to find outputs that are held open after the end of their check. */
const tickMs = 1_000;
/** What ended until then is told then, and not first at the next tick; and as many checks as may run side by side from then on. */
const firstTellMs = 500;
/** An output is held for two ticks at most before its check's frame comes. */
const heldMs = 2 * tickMs;

/** By so much the clock of a host may be ahead of ours within a batch. */
const clockSlackMs = 1_000;

/** Nobody guesses that many within a batch. */
const secretBytes = 8;

/** `unclean`: it ran, but what it gave may not be what it gives alone. */
export type MemberEnd = { kind: 'ran'; outcome: RunOutcome } | { kind: 'unclean' };

/** `cut`: some ends were not told. `unfit`: perhaps the same, and batches do not work on this host. */
export interface BatchEnd {
  kind: 'batch';
  end: 'whole' | 'cut' | 'unfit';
}

export async function runBatchSession(
  connection: SshConnection,
  requests: readonly RunRequest[],
  parallel: number,
  timing: SessionTiming,
  tell: (index: number, end: MemberEnd) => void,
): Promise<SessionResult<BatchEnd>> {
  const { limiter } = connection;
  if (limiter === 'shell') return { kind: 'done', outcome: { kind: 'batch', end: 'unfit' } };
  const timeoutMs = Math.max(...requests.map((request) => request.timeoutMs));
  return withChannel(connection, 'exec /bin/sh -s', { timeoutMs }, timing, (opened) => {
    const random = randomBytes(secretBytes * (requests.length + 3)).toString('hex');
    const [nonce = '', name = '', ...secrets] = random.match(/.{16}/g) ?? [];
    const conversation = new Conversation(connection, requests, parallel, timing, tell);
    const script = batchScript({ members: requests, parallel, limiter, nonce, secrets, name });
    return conversation.hold(opened, script, (news) => new FrameReader(nonce, secrets, news));
  });
}

interface Start {
  atMs: number;
  monoMs: number;
}

class Conversation {
  readonly #connection: SshConnection;
  readonly #requests: readonly RunRequest[];
  readonly #parallel: number;
  readonly #clock: SessionTiming['clock'];
  readonly #tell: (index: number, end: MemberEnd) => void;
  /** Checks that were started and whose end is not known, by index. */
  readonly #running = new Map<number, Start>();
  /** Checks side by side, now. */
  #places = 1;
  #sent: Start = { atMs: 0, monoMs: 0 };
  #next = 0;
  #told = 0;
  #stop: (end: BatchEnd['end']) => void = () => undefined;
  #cancelOverdue: (() => void) | undefined;

  constructor(
    connection: SshConnection,
    requests: readonly RunRequest[],
    parallel: number,
    { clock }: SessionTiming,
    tell: (index: number, end: MemberEnd) => void,
  ) {
    this.#connection = connection;
    this.#requests = requests;
    this.#parallel = Math.min(parallel, workerLimit);
    this.#clock = clock;
    this.#tell = tell;
  }

  /** The channel's input stays open: its end tells the text that nobody listens any more. */
  async hold(
    { channel, onExit }: OpenChannel,
    script: string,
    readerOf: (tell: (news: BatchNews) => void) => FrameReader,
  ): Promise<BatchEnd> {
    // Reported again by the close of the channel; without a listener it would stop the process.
    channel.on('error', () => undefined);
    let cancelTick: (() => void) | undefined;
    const tick = (line: string, nextMs: number): void => {
      channel.write(line);
      cancelTick = this.#clock.after(nextMs, () => tick('\n', tickMs));
    };
    const ended = new Promise<BatchEnd['end']>((resolve) => {
      this.#stop = resolve;
    });
    const unsubscribe = this.#connection.onEnd(() => this.#stop('cut'));
    const reader = readerOf((news) => this.#hear(news));
    channel.on('data', (chunk: Buffer) => reader.push(chunk));
    channel.stderr.resume();
    onExit(() => {
      this.#connection.proved = true;
    });
    // What ended by itself and told nothing does not know how to tell.
    channel.once('close', () => this.#stop(this.#told === 0 && !this.#connection.ended ? 'unfit' : 'cut'));
    this.#sent = this.#moment();
    this.#start();
    channel.write(script);
    cancelTick = this.#clock.after(firstTellMs, () => {
      this.#places = this.#parallel;
      while (this.#running.size < this.#places && this.#next < this.#requests.length) this.#start();
      tick('f\n', tickMs - firstTellMs);
    });
    const end = await ended;
    cancelTick?.();
    this.#cancelOverdue?.();
    unsubscribe();
    return { kind: 'batch', end };
  }

  /** The next one in order begins now, there too. */
  #start(): void {
    if (this.#next === this.#requests.length) return;
    this.#running.set(this.#next, this.#moment());
    this.#next += 1;
    if (!this.#cancelOverdue) this.#watch();
  }

  #moment(): Start {
    return { atMs: this.#clock.nowMs(), monoMs: this.#clock.monotonicMs() };
  }

  #hear(news: BatchNews): void {
    // `gone`: someone removes the files of batches here.
    if (news.kind === 'unfit' || news.kind === 'gone') return this.#stop('unfit');
    if (news.kind === 'broken') return this.#stop('cut');
    // Workers are told one after the other, so this may be later in order than what is known to have begun.
    while (this.#next <= news.index && this.#next < this.#requests.length) this.#start();
    const start = this.#running.get(news.index);
    const request = this.#requests[news.index];
    if (!start || !request) return this.#stop('cut');
    this.#running.delete(news.index);
    this.#told += 1;
    if (this.#running.size < this.#places) this.#start();
    this.#tell(news.index, news.kind === 'frame' ? this.#judge(news, request, start) : { kind: 'unclean' });
    if (this.#told === this.#requests.length) this.#stop('whole');
  }

  #judge(frame: Frame, { timeoutMs }: RunRequest, start: Start): MemberEnd {
    const { stdout, stderr, exitCode } = frame;
    const times = this.#believed(frame.times);
    const durationMs = times?.durationMs ?? this.#clock.monotonicMs() - start.monoMs;
    const kind = readExit(exitCode, durationMs, timeoutMs);
    if (kind === 'unsure' || Math.max(stdout.length, stderr.length) > frameOutputBytes)
      return { kind: 'unclean' };
    const ran = {
      stdout: stdout.toString(),
      stderr: stderr.toString(),
      truncated: false,
      startedAtMs: times === undefined ? start.atMs : this.#sent.atMs + times.afterMs,
      durationMs,
    };
    return {
      kind: 'ran',
      outcome: kind === 'exited' ? { kind, exitCode, ...ran } : { kind, limitMs: timeoutMs, ...ran },
    };
  }

  /** What a host says of times is kept as the time of a result: it cannot have ended after its end came here. */
  #believed(times: Frame['times']): Frame['times'] {
    const passedMs = this.#clock.monotonicMs() - this.#sent.monoMs;
    return times && times.afterMs + times.durationMs <= passedMs + clockSlackMs ? times : undefined;
  }

  /** Waits for the one that should end first, and cuts the batch when the host does not keep its limit. */
  #watch(): void {
    const overdueMs = Math.min(
      ...[...this.#running].map(([index, { monoMs }]) => monoMs + (this.#requests[index]?.timeoutMs ?? 0)),
    );
    const leftMs = overdueMs + killGraceMs + heldMs + clientSlackMs - this.#clock.monotonicMs();
    if (leftMs > 0) {
      // Whatever starts until then ends after it or is seen when it has passed.
      this.#cancelOverdue = leftMs === Infinity ? undefined : this.#clock.after(leftMs, () => this.#watch());
      return;
    }
    const life = feelPulse(this.#connection);
    if (life === 'alive') this.#stop('cut');
    else if (life !== 'silent') {
      this.#cancelOverdue = this.#clock.after(life.askAgainMs, () => this.#watch());
    }
  }
}
