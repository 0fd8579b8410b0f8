/** Decides whether a host's key is the one it should have, and records new ones; it opens no connection. */
import { appendFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import type { TransportFailure } from '../core/types.ts';
import { fingerprint, hostSpelling, type KnownKey, keysOf, keyType, parseKnownHosts } from './known-hosts.ts';
import { failure } from './ssh-failure.ts';

export interface HostKeyChange {
  address: string;
  port: number;
  presented: PresentedKey;
  /** What known_hosts has instead; `line` counts from 1. */
  known: readonly { type: string; fingerprint: string; line: number }[];
  knownHosts: string;
}

/** A key as people compare it. */
export interface PresentedKey {
  type: string;
  fingerprint: string;
}

export type HostKeyVerdict =
  | { kind: 'ok' }
  | { kind: 'refused'; failure: TransportFailure; change?: HostKeyChange };

interface Lookup {
  keys: readonly KnownKey[];
  /** False when only the bare address of a host on another port is known. */
  exact: boolean;
}

const algorithmsOfType: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  // The type of the key, not of the signature: SHA-1 signatures are not offered.
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

const certified = '-cert-v01@openssh.com';

const verifyHint = (address: string, port: number, file: string): string =>
  `Compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then add it: ssh-keyscan -p ${port} ${address} >> ${file}`;

export class HostKeys {
  readonly #file: string;
  readonly #policy: 'strict' | 'accept_new';
  /** One reading of the file, and what was looked up in it: hashed names cost an HMAC per line. */
  #cached:
    | { stamp: string; entries: ReturnType<typeof parseKnownHosts>; found: Map<string, KnownKey[]> }
    | undefined;

  constructor(file: string, policy: 'strict' | 'accept_new') {
    this.#file = file;
    this.#policy = policy;
  }

  /**
   * Algorithms to ask the host for: those of the key types known for it, since a key of another type would look
   * like a changed one; all good ones for a host that is not known.
   */
  algorithms(address: string, port: number): ServerHostKeyAlgorithm[] {
    const types = new Set<string>();
    const found = this.#look(address, port);
    if (!(found instanceof Error)) {
      for (const key of found.keys) if (key.marker === undefined) types.add(key.type);
    }
    const known = [...types].flatMap((type) => algorithmsOfType[type] ?? []);
    return known.length > 0 ? known : Object.values(algorithmsOfType).flat();
  }

  /** As `algorithms`, in the words of OpenSSH, which has host certificates too; undefined for a host that is not known. */
  pinned(address: string, port: number): string[] | undefined {
    const found = this.#look(address, port);
    if (found instanceof Error || !found.exact) return undefined;
    const types = found.keys.filter((key) => key.marker === undefined).map((key) => key.type);
    const plain = [...new Set(types)].flatMap((type) => algorithmsOfType[type] ?? []);
    if (plain.length === 0) return undefined;
    const vouched = found.keys.some((key) => key.marker === 'cert-authority');
    if (!vouched) return plain;
    const all = Object.values(algorithmsOfType).flat();
    return [...all.map((name) => `${name}${certified}`), ...plain];
  }

  /** Asked for each key a host presents. Records it when the policy is `accept_new` and nothing is known. */
  verify(address: string, port: number, key: Uint8Array): HostKeyVerdict {
    const verdict = this.judge(address, port, { type: keyType(key), fingerprint: fingerprint(key) });
    return verdict === 'new' ? this.#record(hostSpelling(address, port), key) : verdict;
  }

  /** What known_hosts says of a key, without recording it. `new`: nothing, and the policy lets new ones in. */
  judge(address: string, port: number, presented: PresentedKey): HostKeyVerdict | 'new' {
    const found = this.#look(address, port);
    if (found instanceof Error) {
      return refused(
        `${this.#file} cannot be read: ${found.message}`,
        'Make ssh.known_hosts readable by the user mendd runs as.',
      );
    }
    const { keys, exact } = found;
    const shown = `${presented.type} ${presented.fingerprint}`;
    const place = hostSpelling(address, port);
    const same = (known: KnownKey): boolean => fingerprint(known.key) === presented.fingerprint;
    if (keys.some((known) => known.marker === 'revoked' && same(known))) {
      return refused(
        `${place} presented a key that is marked @revoked in ${this.#file} (${shown})`,
        'Somebody declared this key lost. Find out why the host still has it.',
      );
    }
    const plain = keys.filter((known) => known.marker === undefined);
    if (plain.some(same)) return { kind: 'ok' };
    if (exact && plain.length > 0) return this.#changed(address, port, presented, plain);
    if (keys.some((known) => known.marker === 'cert-authority')) {
      return refused(
        `${place} is known by a @cert-authority line only, and it presented a plain key, which no such line vouches for`,
        `Add the host's own key: ssh-keyscan -p ${port} ${address} >> ${this.#file}; only \`transport: openssh\` reads host certificates.`,
      );
    }
    if (this.#policy === 'strict') {
      return refused(
        `${place} is not in ${this.#file} (it presented ${shown})`,
        verifyHint(address, port, this.#file),
      );
    }
    return 'new';
  }

  /** Makes the file, for a client that adds new keys to it itself. */
  prepare(): HostKeyVerdict {
    if (this.#policy === 'strict') return { kind: 'ok' };
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      appendFileSync(this.#file, '', { mode: 0o600 });
      return { kind: 'ok' };
    } catch (error) {
      return refused(
        `new host keys cannot be recorded in ${this.#file}: ${(error as Error).message}`,
        'Make ssh.known_hosts writable by the user mendd runs as, or add the keys yourself.',
      );
    }
  }

  #changed(
    address: string,
    port: number,
    presented: PresentedKey,
    known: readonly KnownKey[],
  ): HostKeyVerdict {
    const place = hostSpelling(address, port);
    const lines = known.map((each) => each.line).join(', ');
    return {
      kind: 'refused',
      failure: failure(
        'host_key',
        `the host key of ${place} changed: it presented ${presented.type} ${presented.fingerprint}, ${this.#file} has another (line ${lines})`,
        `Nothing is run there. Was the host reinstalled, or does somebody else answer? If its new key is right: ssh-keygen -R '${place}' -f ${this.#file}, then add the new one.`,
      ),
      change: {
        address,
        port,
        presented,
        known: known.map((each) => ({
          type: each.type,
          fingerprint: fingerprint(each.key),
          line: each.line,
        })),
        knownHosts: this.#file,
      },
    };
  }

  /** One write to a file opened for appending: other writers' lines are never torn or lost. */
  #record(place: string, key: Uint8Array): HostKeyVerdict {
    const line = `${place} ${keyType(key)} ${Buffer.from(key).toString('base64')}\n`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      const text = readIfThere(this.#file);
      const gap = text === '' || text.endsWith('\n') ? '' : '\n';
      appendFileSync(this.#file, gap + line, { mode: 0o600, flush: true });
    } catch (error) {
      return refused(
        `the new key of ${place} cannot be recorded in ${this.#file}: ${(error as Error).message}`,
        'Make ssh.known_hosts writable by the user mendd runs as, or add the key yourself.',
      );
    }
    return { kind: 'ok' };
  }

  /** As ssh does: a port's own lines first; else lines of the bare address, which may confirm but not accuse. */
  #look(address: string, port: number): Lookup | Error {
    try {
      const keys = this.#keysOf(hostSpelling(address, port));
      if (keys.length > 0 || port === 22) return { keys, exact: true };
      return { keys: this.#keysOf(hostSpelling(address, 22)), exact: false };
    } catch (error) {
      return error as Error;
    }
  }

  #keysOf(spelling: string): KnownKey[] {
    const file = statSync(this.#file, { throwIfNoEntry: false });
    const stamp = file ? `${file.ino} ${file.size} ${file.mtimeMs}` : 'none';
    if (this.#cached?.stamp !== stamp) {
      this.#cached = { stamp, entries: parseKnownHosts(readIfThere(this.#file)), found: new Map() };
    }
    const { entries, found } = this.#cached;
    const keys = found.get(spelling) ?? keysOf(entries, spelling);
    found.set(spelling, keys);
    return keys;
  }
}

function refused(message: string, hint: string): HostKeyVerdict {
  return { kind: 'refused', failure: failure('host_key', message, hint) };
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
