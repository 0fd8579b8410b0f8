/**
 * Reads what the `ssh` program says on its standard error: how far it came, and a sentence for people. It decides nothing
 * about commands, which never write there. Part of the text is the host's own words, so they are bounded and cleaned; while
 * the login lasts the host can say whole lines there (its banner), so nothing that matters is believed then.
 */
import type { TransportFailure } from '../core/types.ts';
import type { PresentedKey } from './host-keys.ts';
import {
  type ConnectFailure,
  type ConnectPhase,
  failure,
  greetedOtherwise,
  handshakeFailure,
  socketFailure,
} from './ssh-failure.ts';

/** Characters. */
const lineLimit = 2_000;
const shownLimit = 300;
const linesKept = 3;

/** Lines at which the next phase begins. Source: ssh -v of OpenSSH 8.4 to 9.9. */
const milestones: readonly [RegExp, ConnectPhase][] = [
  [/^debug1: (Connection established|Executing proxy command|Local version string)/, 'handshake'],
  [/^debug1: SSH2_MSG_NEWKEYS received/, 'auth'],
];
/** The login is done; with the path of its socket, which no host knows. */
const listens = /^debug1: channel \d+: new .*\[(.+)\]/;
/** Instead of a banner, or before one. */
const greeted =
  /^debug1: (?:kex_exchange_identification: banner line \d+|ssh_exchange_identification): (.+)$/;
const hungUp =
  /^(?:(?:kex|ssh)_exchange_identification: (?:read: |write: )?)?Connection (?:closed|reset) by /;

const order: readonly ConnectPhase[] = ['tcp', 'handshake', 'auth', 'probe'];

const socketCodes: Readonly<Record<string, string>> = {
  'Connection refused': 'ECONNREFUSED',
  'Connection timed out': 'ETIMEDOUT',
  'Operation timed out': 'ETIMEDOUT',
  'No route to host': 'EHOSTUNREACH',
  'Network is unreachable': 'ENETUNREACH',
  'Connection reset by peer': 'ECONNRESET',
};

export class OpensshLog {
  phase: ConnectPhase = 'tcp';
  /** What the host showed as its key, before anything else of it was believed. */
  presented: PresentedKey | undefined;
  hostKeyRefused = false;
  /** The host stopped answering, by the program's own count. */
  silent = false;
  readonly #controlPath: string;
  #unknownName = false;
  #greeting: string | undefined;
  #offered = false;
  #noHostKeyType = false;
  #socketError: string | undefined;
  #agentTrouble = '';
  #rest = '';
  readonly #lines: string[] = [];

  /** Where the program listens once it is let in. */
  constructor(controlPath: string) {
    this.#controlPath = controlPath;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-lineLimit);
    for (const line of lines) this.#read(clean(line.slice(0, lineLimit)));
  }

  /** The last words that are no tracing; empty when there are none. */
  get said(): string {
    return this.#lines.join('; ').slice(-shownLimit);
  }

  /** Why an attempt ended, by the phase in which it did. `jump`: the host is behind another one. */
  failure(place: string, jump: string | undefined, pinned: boolean): ConnectFailure {
    const said = this.said || 'it ended without a word';
    if (this.#unknownName) {
      return socketFailure(Object.assign(new Error(said), { code: 'ENOTFOUND' }), place);
    }
    if (this.#socketError !== undefined && this.phase === 'tcp') {
      const code = socketCodes[this.#socketError];
      return socketFailure(Object.assign(new Error(this.#socketError), code ? { code } : {}), place);
    }
    if (this.phase === 'auth') return this.#refusedLogin(place, said);
    if (this.hostKeyRefused) {
      return failure(
        'host_key',
        `the host key of ${place} was refused: ${said}`,
        'See ssh.known_hosts, and the file that ssh.config names.',
      );
    }
    if (this.#noHostKeyType && pinned) return handshakeFailure(new Error(said), place, 'handshake');
    const cutOff = this.#lines.length > 0 && this.#lines.every((line) => hungUp.test(line));
    if (this.#greeting !== undefined) return greetedOtherwise(place, this.#greeting, cutOff);
    if (jump !== undefined && this.phase === 'handshake') {
      return failure(
        'connect',
        `${place} was not reached through ${jump}: ${said}`,
        'Is the target up, and does the jump host allow forwarding (AllowTcpForwarding)?',
      );
    }
    const failed = failure(
      'connect',
      `the SSH conversation with ${place} failed: ${said}`,
      'Is it an SSH server that listens there, and does it share algorithms with the ssh of this machine?',
    );
    return cutOff ? { ...failed, turnedAway: 'silently' } : failed;
  }

  #refusedLogin(place: string, said: string): TransportFailure {
    if (!this.#offered && !this.#agentTrouble && said.includes('Permission denied')) {
      return failure(
        'auth',
        `ssh found no key to log in to ${place} with (${said})`,
        'Set ssh.identity, or ssh.agent: true, or name a file with IdentityFile in ssh.config.',
      );
    }
    const agent = this.#agentTrouble && `; the agent failed: ${this.#agentTrouble}`;
    return failure(
      'auth',
      `${place} did not accept the login (${said})${agent}`,
      'Is the public key, or the authority of the certificate, known there for that user? sshd logs the reason on the host.',
    );
  }

  #read(line: string): void {
    if (line === '') return;
    for (const [pattern, phase] of milestones) {
      if (pattern.test(line) && order.indexOf(phase) > order.indexOf(this.phase)) this.phase = phase;
    }
    if (this.phase === 'handshake') this.#readHandshake(line);
    if (listens.exec(line)?.[1] === this.#controlPath) this.phase = 'probe';
    if (/^(debug\d|OpenSSH_|Authenticated to )/.test(line)) {
      if (line.startsWith('debug1: Offering public key: ')) this.#offered = true;
      const agent = /^debug1: get_agent_identities: [^:]*: (.+)$/.exec(line)?.[1];
      if (agent !== undefined) this.#agentTrouble = agent;
      return;
    }
    // Also of a name on the way, while a ProxyCommand runs.
    if (this.phase !== 'auth' && line.startsWith('ssh: Could not resolve hostname '))
      this.#unknownName = true;
    this.#socketError = /^ssh: connect to host .* port \d+: (.+)$/.exec(line)?.[1] ?? this.#socketError;
    if (this.phase === 'probe' && /^Timeout, server .* not responding/.test(line)) this.silent = true;
    this.#lines.push(line);
    if (this.#lines.length > linesKept) this.#lines.shift();
  }

  #readHandshake(line: string): void {
    this.#greeting ??= greeted.exec(line)?.[1];
    if (line.startsWith('debug1: Remote protocol version ')) this.#greeting = undefined;
    if (line.includes('no matching host key type found')) this.#noHostKeyType = true;
    const key = /^debug1: Server host key: (\S+) (SHA256:\S+)/.exec(line);
    if (key?.[1] !== undefined && key[2] !== undefined)
      this.presented = { type: key[1], fingerprint: key[2] };
    if (
      line.startsWith('Host key verification failed') ||
      line.includes('REMOTE HOST IDENTIFICATION HAS CHANGED')
    ) {
      this.hostKeyRefused = true;
    }
  }
}

/** One line without what a terminal or a log could take for an order. */
function clean(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim();
}
