/** Names every way in which asking a host can fail, with the stage, a sentence and a hint; it decides nothing. */
import { printable } from '../core/plugin-output.ts';
import type { TransportFailure, TransportStage } from '../core/types.ts';

/** Characters of a message; part of it may be the host's own words. */
const messageLimit = 600;

export function failure(
  stage: TransportStage,
  message: string,
  hint: string,
  sent = false,
): TransportFailure {
  const line = printable(message.slice(0, messageLimit)).replaceAll(/\s+/g, ' ');
  return { stage, message: line, hint, sent };
}

export interface ConnectFailure extends TransportFailure {
  /** The server hung up on a newcomer, as a crowded one does. `said`: in so many words (MaxStartups of sshd). */
  turnedAway?: 'said' | 'silently';
}

/** The far side may have begun; what became of it must be found out by looking. */
export function wentSilent(place: string): TransportFailure {
  return failure('timeout', `${place} went silent`, 'The host hangs, or the network to it is cut.');
}

/** Answers to it would fill our memory. */
export function readsNothing(place: string): TransportFailure {
  return failure(
    'lost',
    `${place} asks without end and reads no answer`,
    'That is not how an SSH server behaves. What listens there?',
  );
}

export function lostWhileRunning(cause: string): TransportFailure {
  return failure(
    'lost',
    `${cause} before the command's exit status arrived`,
    'The command may have run, partly or wholly. Look at the host before it is run again.',
    true,
  );
}

/** A failed TCP connection, by the error that Node reports. */
export function socketFailure(error: Error, place: string): TransportFailure {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'getaddrinfo' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return failure(
      'dns',
      `the name of ${place} could not be resolved (${code ?? error.message})`,
      'Check the spelling of the address, and the name servers of the ops box.',
    );
  }
  const hints: Record<string, string> = {
    ECONNREFUSED: 'Nothing listens there: is sshd running, and is the port right?',
    ETIMEDOUT: 'Nothing answered: is the host up, and does a firewall drop packets on the way?',
    EHOSTUNREACH: 'No way to the host: is it up, and is the route right?',
    ENETUNREACH: 'The ops box has no route to that network.',
    ECONNRESET: 'The host, or something on the way, hung up: see sshd_config MaxStartups and the firewall.',
    EMFILE: 'mendd is out of file descriptors: raise LimitNOFILE in its unit.',
  };
  const why = code ?? error.message;
  return failure(
    'connect',
    `${place} could not be connected to (${why})`,
    hints[why] ?? 'Try `ssh` to the same address from the ops box.',
  );
}

/** The first words were not those of an SSH server. sshd has some for people whom it does not want at the moment. */
export function greetedOtherwise(place: string, greeting: string, hungUp: boolean): ConnectFailure {
  const said = greeting.trimStart().split(/[\r\n]/, 1)[0] ?? '';
  const crowded = /^exceeded maxstartups/i.test(said);
  const hint = crowded
    ? 'Too many log in there at once: see MaxStartups in its sshd_config.'
    : /^not allowed at this time/i.test(said)
      ? 'Its sshd punishes our address for what went wrong before: see PerSourcePenalties in its sshd_config.'
      : 'Is it an SSH server that listens there?';
  const failed = failure('connect', `${place} did not speak SSH; it said: ${said.slice(0, 100)}`, hint);
  return crowded && hungUp ? { ...failed, turnedAway: 'said' } : failed;
}

/** A failure of ssh2 on the way from TCP to a ready connection. */
export function handshakeFailure(error: Error, place: string, phase: 'handshake' | 'auth'): TransportFailure {
  const { level } = error as Error & { level?: string };
  if (level === 'client-authentication') {
    return failure(
      'auth',
      `${place} did not accept the login`,
      'Is the public key in authorized_keys of that user, with modes sshd accepts? sshd logs the reason on the host.',
    );
  }
  if (/no matching host key/i.test(error.message)) {
    return failure(
      'host_key',
      `${place} offers none of the host key types that known_hosts has for it`,
      'If the host was reinstalled, verify its new key and replace its lines in known_hosts.',
    );
  }
  if (level === 'client-socket') {
    const failed = socketFailure(error, place);
    return { ...failed, stage: phase === 'auth' ? 'auth' : 'connect' };
  }
  return failure(
    phase === 'auth' ? 'auth' : 'connect',
    `the SSH conversation with ${place} failed: ${error.message}`,
    phase === 'auth'
      ? 'sshd logs the reason on the host.'
      : 'Is it an SSH server that listens there, and does it share algorithms with this client?',
  );
}

/** How far an attempt to connect has come. */
export type ConnectPhase = 'tcp' | 'handshake' | 'auth' | 'probe';

/** An attempt that was not done in time. */
export function lateFailure(phase: ConnectPhase, place: string, limitMs: number): TransportFailure {
  const within = `within ${limitMs / 1000} s`;
  if (phase === 'tcp') {
    return failure(
      'connect',
      `${place} did not answer ${within}`,
      'Is the host up, and does a firewall drop packets on the way?',
    );
  }
  const what = {
    handshake: 'accepted the connection but did not finish the SSH handshake',
    auth: 'did not finish the login',
    probe: 'let us in but ran no command',
  }[phase];
  return failure(
    'timeout',
    `${place} ${what} ${within}`,
    'The host may hang or be out of memory; see ssh.connect_timeout.',
  );
}

/** What may be received before the login is done; a real server needs about 5 KB and its banner. */
export const bytesBeforeLogin = 256 * 1024;

/** An attempt that more than that was received in. */
export function floodFailure(phase: ConnectPhase, place: string): TransportFailure {
  return failure(
    ({ tcp: 'connect', handshake: 'connect', auth: 'auth', probe: 'channel' } as const)[phase],
    `${place} sent more than ${bytesBeforeLogin} bytes before the login was done`,
    'That is not how an SSH server behaves. What listens there?',
  );
}

export function noShellFailure(place: string, why: string): TransportFailure {
  return failure(
    'channel',
    `${place} lets us in but runs no commands: ${why}`,
    'The account needs a login shell (not nologin), /bin/sh, and no ForceCommand.',
  );
}
