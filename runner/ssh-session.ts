/**
 * Runs one script over one open connection and turns what happens into a RunOutcome. It opens no connections and
 * sends a script at most once.
 */
import type { Clock, RunOutcome, RunRequest } from '../core/ports.ts';
import type { TransportFailure } from '../core/types.ts';
import { endedByLimit, killGraceMs, type RemoteScript, remoteScript } from './remote-script.ts';
import { RunWatch } from './run-watch.ts';
import type { SshChannel } from './ssh-client.ts';
import type { Opened, SshConnection } from './ssh-connection.ts';
import { failure, lostWhileRunning, wentSilent } from './ssh-failure.ts';
import { pulse } from './ssh-pulse.ts';

/** Beyond the host's own limit and its grace before the client stops waiting. */
export const clientSlackMs = 3_000;
const abortedUnsent = 'aborted before it was sent';
/** A host that sent something this recently is alive. */
const freshMs = 2_000;
/** One question of the pulse and its answer fit in here. */
const silentMs = pulse.busyMs + 2_000;
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
export type SessionResult<T> =
  | { kind: 'done'; outcome: T | Unsent }
  | { kind: 'unsent'; failure: TransportFailure };

export type Unsent = Extract<RunOutcome, { kind: 'not_sent' | 'unreachable' }>;
export type OpenChannel = Extract<Opened, { kind: 'open' }>;

export function runSession(
  connection: SshConnection,
  request: RunRequest,
  timing: SessionTiming,
): Promise<SessionResult<RunOutcome>> {
  const script = remoteScript(request, connection.limiter);
  return withChannel(connection, script.command, request, timing, (opened) =>
    converse(connection, opened, script, request, timing),
  );
}

/** Opens a channel for the command, waiting for room, and closes it after `talk`. */
export async function withChannel<T>(
  connection: SshConnection,
  command: string,
  request: Pick<RunRequest, 'timeoutMs' | 'signal'>,
  timing: SessionTiming,
  talk: (opened: OpenChannel) => Promise<T>,
): Promise<SessionResult<T>> {
  const ends = new Ends(timing);
  for (let refusals = 0; ; ) {
    const leftMs = timing.startedMonoMs + request.timeoutMs - timing.clock.monotonicMs();
    const answer = await connection.takeSlot(leftMs, request.signal, refusals > 0);
    if (answer === 'closed') return { kind: 'unsent', failure: endOf(connection) };
    if (answer === 'aborted') return ends.notSent(abortedUnsent);
    if (answer === 'late') return ends.notSent(`no free channel within ${request.timeoutMs / 1000} s`);
    const opened = await openWithin(connection, command, timing, request.signal);
    if (opened.kind === 'open') {
      connection.raiseLimit();
      const slot = holdSlot(connection, opened.channel, timing.clock);
      try {
        return { kind: 'done', outcome: await talk(opened) };
      } finally {
        slot.close();
      }
    }
    if (opened.kind === 'refused') connection.refuseSlot();
    else connection.releaseSlot();
    switch (opened.kind) {
      case 'lost':
        return { kind: 'unsent', failure: endOf(connection) };
      case 'aborted':
        return ends.notSent(abortedUnsent);
      case 'silent':
        connection.retire();
        return ends.unreachable(
          failure(
            'timeout',
            `${connection.place} did not open a channel or start a shell within ${timing.connectTimeoutMs / 1000} s`,
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

  notSent(reason: string): SessionResult<never> {
    return { kind: 'done', outcome: { kind: 'not_sent', reason, ...this.#times() } };
  }

  unreachable(cause: TransportFailure): SessionResult<never> {
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
      resolve(result);
    };
    const onAbort = (): void => settle({ kind: 'aborted' });
    const cancel = clock.after(connectTimeoutMs, () => settle({ kind: 'silent' }));
    signal?.addEventListener('abort', onAbort);
    void connection.open(command).then(settle);
  });
}

/** Gives the slot back when the channel is closed on both sides, or the host takes too long over it. */
function holdSlot(connection: SshConnection, channel: SshChannel, clock: Clock): { close(): void } {
  let held = true;
  let cancel: (() => void) | undefined;
  const release = (): void => {
    if (!held) return;
    held = false;
    cancel?.();
    connection.releaseSlot();
  };
  channel.once('close', release);
  return {
    close() {
      if (!held) return;
      channel.close();
      cancel = clock.after(slotHoldMs, release);
    },
  };
}

/** Sends the script, unless `beforeSend` objects, and waits for its end. */
async function converse(
  connection: SshConnection,
  { channel, onExit }: OpenChannel,
  script: RemoteScript,
  request: RunRequest,
  { clock, startedAtMs, startedMonoMs }: SessionTiming,
): Promise<RunOutcome> {
  // Reported again by the close of the channel; without a listener it would stop the process.
  channel.on('error', () => undefined);
  const refusal = request.signal?.aborted ? abortedUnsent : request.beforeSend?.();
  if (refusal !== undefined) {
    return {
      kind: 'not_sent',
      reason: refusal,
      startedAtMs,
      durationMs: clock.monotonicMs() - startedMonoMs,
    };
  }
  const watch = new RunWatch({
    clock,
    request,
    endedByLimit: (end, durationMs) => endedByLimit(end, durationMs, request.timeoutMs),
    release: () => {
      unsubscribe();
      request.signal?.removeEventListener('abort', onAbort);
    },
  });
  const onAbort = (): void => watch.closed(() => lostWhileRunning('the run was aborted'));
  const unsubscribe = connection.onEnd(() => watch.closed(() => lostOn(connection)));
  request.signal?.addEventListener('abort', onAbort);
  watch.drain(channel, channel.stderr);
  onExit((code, signal) => {
    connection.proved = true;
    watch.ended(code === null ? { signal: signalName(signal) } : { exitCode: code });
  });
  channel.once('close', () => watch.closed(() => lostOn(connection)));
  watch.after(request.timeoutMs + killGraceMs + clientSlackMs, () => judgeOverdue(connection, watch, clock));
  channel.end(script.input);
  return watch.outcome;
}

/** The host's own word, which people will read. */
function signalName(name: string | undefined): string {
  return name !== undefined && /^[A-Z0-9@.+_-]{1,40}$/i.test(name) ? name : 'unknown';
}

/** The host should have ended it by now. */
function judgeOverdue(connection: SshConnection, watch: RunWatch, clock: Clock): void {
  const life = feelPulse(connection);
  if (life === 'alive') watch.timedOut();
  else if (life !== 'silent') watch.after(life.askAgainMs, () => judgeOverdue(connection, watch, clock));
}

/** Tells a host that hangs, whose connection is taken down here, from a limit that did not work. */
export function feelPulse(connection: SshConnection): 'alive' | 'silent' | { askAgainMs: number } {
  const { quietMs } = connection;
  if (quietMs <= freshMs) return 'alive';
  if (quietMs >= silentMs) {
    connection.destroy(wentSilent(connection.place));
    return 'silent';
  }
  connection.askForLife();
  return { askAgainMs: Math.min(freshMs, silentMs - quietMs) };
}

function lostOn(connection: SshConnection): TransportFailure {
  const cause = connection.ended;
  if (!cause) return lostWhileRunning(`${connection.place} closed the channel`);
  return { ...lostWhileRunning(cause.message), stage: cause.stage === 'timeout' ? 'timeout' : 'lost' };
}
