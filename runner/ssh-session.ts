/**
 * Runs one script over one open connection and turns what happens into a RunOutcome. It opens no connections and
 * sends a script at most once.
 */
import type { ClientChannel } from 'ssh2';
import type { Clock, RunOutcome, RunRequest } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import { OutputCapture } from './output-capture.ts';
import { endedByLimit, killGraceMs, type RemoteScript, remoteScript } from './remote-script.ts';
import { keepalive } from './ssh-connect.ts';
import type { Opened, SshConnection } from './ssh-connection.ts';
import { failure, lostWhileRunning } from './ssh-failure.ts';

export const defaultOutputBytes = 65_536;
/** Beyond the host's own limit and its grace before the client stops waiting. */
const clientSlackMs = 3_000;
/** After the exit status: how long the rest of the output may pause, and take in all. */
const trailingPauseMs = 250;
const trailingLimitMs = 2_000;
/** A host that sent something this recently is alive. */
const freshMs = 2_000;
/** One keepalive and its answer fit in here. */
const silentMs = keepalive.intervalMs + 2_000;
/** sshd frees the session when it sees the channel closed; waiting longer for that would hold the slot. */
const slotHoldMs = 1_000;
/** Refusals of a channel while no other is open, before the host is said to refuse. */
const refusalLimit = 3;

export interface SessionTiming {
  clock: Clock;
  /** When the run was asked for. */
  startedAtMs: number;
  startedMonoMs: number;
  /** Waiting for a free channel and for its opening may take this long. */
  connectTimeoutMs: number;
}

/** `unsent`: the connection went before anything was sent; safe to try on another one. */
export type SessionResult =
  | { kind: 'done'; outcome: RunOutcome }
  | { kind: 'unsent'; failure: TransportFailure };

export async function runSession(
  connection: SshConnection,
  request: RunRequest,
  timing: SessionTiming,
): Promise<SessionResult> {
  const script = remoteScript(request, connection.limiter);
  const ends = new Ends(timing);
  for (let refusals = 0; ; ) {
    const leftMs = timing.startedMonoMs + request.timeoutMs - timing.clock.monotonicMs();
    const answer = await connection.takeSlot(leftMs, request.signal, refusals > 0);
    if (answer === 'closed') return { kind: 'unsent', failure: endOf(connection) };
    if (answer === 'aborted') return ends.notSent('aborted before it was sent');
    if (answer === 'late') return ends.notSent(`no free channel within ${request.timeoutMs / 1000} s`);
    const opened = await openWithin(connection, script.command, timing, request.signal);
    if (opened.kind === 'open') {
      connection.raiseLimit();
      holdSlot(connection, opened.channel, timing.clock);
      try {
        return { kind: 'done', outcome: await converse(connection, opened.channel, script, request, timing) };
      } finally {
        opened.channel.close();
      }
    }
    connection.releaseSlot();
    switch (opened.kind) {
      case 'lost':
        return { kind: 'unsent', failure: endOf(connection) };
      case 'aborted':
        return ends.notSent('aborted before it was sent');
      case 'silent':
        connection.retire();
        return ends.unreachable(
          failure(
            'channel',
            `${connection.place} did not open a channel within ${timing.connectTimeoutMs / 1000} s`,
            'sshd hangs there, or the host is out of processes or memory.',
          ),
        );
      case 'denied':
        return ends.unreachable(
          failure(
            'channel',
            `${connection.place} refused to run a command`,
            'See ForceCommand and the shell of that user; sshd logs the reason.',
          ),
        );
      case 'refused': {
        connection.lowerLimit();
        if (connection.active > 0) {
          // Room comes when one of the others ends.
          refusals = Math.max(1, refusals);
          break;
        }
        refusals += 1;
        if (refusals > refusalLimit) {
          return ends.unreachable(
            failure(
              'channel',
              `${connection.place} opens no channel: ${opened.message}`,
              'See MaxSessions in its sshd_config, and whether it is out of processes.',
            ),
          );
        }
        await pause(timing.clock, 50 * 2 ** refusals);
      }
    }
  }
}

/** Outcomes of a run that sent nothing. */
class Ends {
  readonly #timing: SessionTiming;

  constructor(timing: SessionTiming) {
    this.#timing = timing;
  }

  notSent(reason: string): SessionResult {
    return { kind: 'done', outcome: { kind: 'not_sent', reason, ...this.#times() } };
  }

  unreachable(cause: TransportFailure): SessionResult {
    return { kind: 'done', outcome: { kind: 'unreachable', failure: cause, ...this.#times() } };
  }

  #times(): { startedAtMs: number; durationMs: number } {
    const { clock, startedAtMs, startedMonoMs } = this.#timing;
    return { startedAtMs, durationMs: clock.monotonicMs() - startedMonoMs };
  }
}

function endOf(connection: SshConnection): TransportFailure {
  return (
    connection.ended ??
    failure('lost', `the connection to ${connection.place} was given up`, 'It is opened again by itself.')
  );
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/** A channel that comes after all is closed again; nothing was written to it. */
function openWithin(
  connection: SshConnection,
  command: string,
  { clock, connectTimeoutMs }: SessionTiming,
  signal: AbortSignal | undefined,
): Promise<Opened | { kind: 'lost' } | { kind: 'silent' } | { kind: 'aborted' }> {
  return new Promise((resolve) => {
    let settled = false;
    const settle = (result: Opened | { kind: 'lost' | 'silent' | 'aborted' }): void => {
      if (settled) {
        if (result.kind === 'open') result.channel.close();
        return;
      }
      settled = true;
      cancel();
      signal?.removeEventListener('abort', onAbort);
      resolve(result as Opened);
    };
    const onAbort = (): void => settle({ kind: 'aborted' });
    const cancel = clock.after(connectTimeoutMs, () => settle({ kind: 'silent' }));
    signal?.addEventListener('abort', onAbort);
    void connection.open(command).then(settle);
  });
}

/** Gives the slot back when the channel is closed on both sides, or the host takes too long over it. */
function holdSlot(connection: SshConnection, channel: ClientChannel, clock: Clock): void {
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    connection.releaseSlot();
  };
  channel.once('close', release);
  const close = channel.close.bind(channel);
  channel.close = () => {
    close();
    clock.after(slotHoldMs, release);
  };
}

type End = { exitCode?: number; signal?: string };

/** Sends the script, unless `beforeSend` objects, and waits for its end. */
function converse(
  connection: SshConnection,
  channel: ClientChannel,
  script: RemoteScript,
  request: RunRequest,
  { clock, startedAtMs, startedMonoMs }: SessionTiming,
): Promise<RunOutcome> {
  return new Promise((resolve, reject) => {
    const outputBytes = request.outputBytes ?? defaultOutputBytes;
    const stdout = new OutputCapture(outputBytes);
    const stderr = new OutputCapture(outputBytes);
    const timers = new Set<() => void>();
    let sentMonoMs = startedMonoMs;
    let sentAtMs = startedAtMs;
    let end: End | undefined;
    let endMonoMs = 0;
    let cancelPause: () => void = () => undefined;

    const settle = (outcome: RunOutcome): void => {
      for (const cancel of timers) cancel();
      cancelPause();
      unsubscribe();
      request.signal?.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const after = (delayMs: number, callback: () => void): void => {
      timers.add(clock.after(delayMs, callback));
    };
    const ran = (durationMs: number) => ({
      stdout: stdout.text(),
      stderr: stderr.text(),
      truncated: stdout.truncated || stderr.truncated,
      startedAtMs: sentAtMs,
      durationMs,
    });
    const unreachable = (cause: TransportFailure): void =>
      settle({
        kind: 'unreachable',
        failure: cause,
        startedAtMs: sentAtMs,
        durationMs: clock.monotonicMs() - sentMonoMs,
      });
    const conclude = (): void => {
      if (!end) {
        const cause = connection.ended;
        const lost = lostWhileRunning(cause ? cause.message : `${connection.place} closed the channel`);
        unreachable(cause ? { ...lost, stage: cause.stage === 'timeout' ? 'timeout' : 'lost' } : lost);
        return;
      }
      const durationMs = endMonoMs - sentMonoMs;
      connection.proved = true;
      if (endedByLimit(end, durationMs, request.timeoutMs)) {
        settle({ kind: 'timed_out', limitMs: request.timeoutMs, ...ran(durationMs) });
      } else if (end.signal !== undefined) {
        settle({ kind: 'killed', signal: end.signal, ...ran(durationMs) });
      } else settle({ kind: 'exited', exitCode: end.exitCode ?? 0, ...ran(durationMs) });
    };
    const awaitRest = (): void => {
      cancelPause();
      cancelPause = clock.after(trailingPauseMs, conclude);
    };
    const onAbort = (): void => unreachable(lostWhileRunning('the run was aborted'));
    /** The host should have ended it by now: tell a host that hangs from a limit that did not work. */
    const onDeadline = (): void => {
      const idleMs = clock.monotonicMs() - connection.lastByteAtMs;
      if (idleMs <= freshMs) {
        connection.proved = true;
        settle({ kind: 'timed_out', limitMs: request.timeoutMs, ...ran(clock.monotonicMs() - sentMonoMs) });
      } else if (idleMs < silentMs) after(Math.min(freshMs, silentMs - idleMs), onDeadline);
      else {
        const cause = failure(
          'timeout',
          `${connection.place} went silent while the command ran`,
          'The host hangs, or the network to it is cut. The command may have run.',
          true,
        );
        connection.destroy({ ...cause, sent: false });
        unreachable(cause);
      }
    };

    const unsubscribe = connection.onEnd(conclude);
    channel.on('error', () => undefined);
    const refusal = askBeforeSend();
    if (refusal !== undefined) return;
    sentMonoMs = clock.monotonicMs();
    sentAtMs = clock.nowMs();
    for (const [stream, capture] of [
      [channel, stdout],
      [channel.stderr, stderr],
    ] as const) {
      stream.on('data', (chunk: Buffer) => {
        capture.push(chunk);
        if (end) awaitRest();
      });
    }
    channel.on('exit', (code: number | null, signal?: string) => {
      endMonoMs = clock.monotonicMs();
      end = code === null ? { signal: signal ?? 'unknown' } : { exitCode: code };
      awaitRest();
      after(trailingLimitMs, conclude);
    });
    channel.once('close', conclude);
    request.signal?.addEventListener('abort', onAbort);
    after(request.timeoutMs + killGraceMs + clientSlackMs, onDeadline);
    channel.end(script.input);

    function askBeforeSend(): string | undefined {
      try {
        const reason = request.signal?.aborted ? 'aborted before it was sent' : request.beforeSend?.();
        if (reason === undefined) return undefined;
        settle({ kind: 'not_sent', reason, startedAtMs, durationMs: clock.monotonicMs() - startedMonoMs });
        return reason;
      } catch (error) {
        unsubscribe();
        reject(error as Error);
        return 'threw';
      }
    }
  });
}
