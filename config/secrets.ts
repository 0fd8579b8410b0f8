/**
 * Owns secrets: reading `${env:NAME}`, `${file:/path}` and `${cred:NAME}` and keeping what was read out of every text.
 * A secret is never part of a message.
 */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Secret, SourcePlace } from '../core/definitions.ts';
import type { SecretText } from './fields.ts';
import { nearestFile } from './paths.ts';
import type { ProblemList } from './problems.ts';
import { readRegularFile } from './source-text.ts';

/** Bytes of one secret file. */
const secretBytesLimit = 65_536;

const reference = /\$\{(env|file|cred):([^}]*)\}/g;

/** What a secret is for decides how it may be written and what it must look like. */
export type SecretUse = 'key' | 'password' | 'url';

/** Shows `<secret>` wherever it is printed, serialized or inspected. */
export class SecretValue implements Secret {
  readonly #value: string | undefined;
  readonly #written: string;

  constructor(value: string | undefined, written: string) {
    this.#value = value;
    this.#written = written;
  }

  /** Errors: throws when the definitions were loaded without their secrets, which only offline commands do. */
  reveal(): string {
    if (this.#value === undefined)
      throw new Error('a secret was asked for in definitions loaded without secrets');
    return this.#value;
  }

  /** Tells two secrets apart without telling what they are. */
  digest(): string {
    return createHash('sha256')
      .update(this.#value ?? this.#written)
      .digest('hex');
  }

  toString(): string {
    return '<secret>';
  }

  toJSON(): string {
    return '<secret>';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '<secret>';
  }
}

type Read = { value: string } | { message: string; hint: string; keyUnusable?: true };

/** As it may be shown: the references as they are written, and nothing of what stands between them. */
export function shownReference({ reference: written }: SecretText): string {
  const references = [...written.matchAll(reference)].map(([whole]) => whole);
  if (references.length === 0) return '<secret>';
  return references.join('') === written.trim() ? written : `…${references.join('…')}…`;
}

/** What was read, by place and reference: definitions that are resolved again are so with the same secrets. */
export type SecretsRead = Map<string, Read>;

export class SecretReader {
  readonly #known: SecretsRead;
  readonly #resolve: boolean;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #problems: ProblemList;

  constructor(options: {
    /** False: forms are checked, nothing is read. */
    resolve: boolean;
    environment: Readonly<Record<string, string | undefined>>;
    problems: ProblemList;
    known?: SecretsRead;
  }) {
    this.#known = options.known ?? new Map();
    this.#resolve = options.resolve;
    this.#environment = options.environment;
    this.#problems = options.problems;
  }

  /** The secret, or undefined with the reason among the problems. */
  read(text: SecretText, use: SecretUse, name: string, place: SourcePlace): Secret | undefined {
    const written = text.reference;
    const rest = written.replace(reference, '');
    if (rest.includes('${')) {
      const hint = 'write `${env:NAME}`, `${file:/path}` or `${cred:NAME}`';
      this.#problems.add(place, `\`${name}\`: this is no secret reference`, hint);
      return undefined;
    }
    if (use !== 'url' && (rest.trim() !== '' || rest === written)) {
      const hint =
        'write `${cred:NAME}`, `${file:/path}` or `${env:NAME}`, and change the secret, since it was written here';
      this.#problems.add(place, `\`${name}\`: a secret stands here in plain text`, hint);
      return undefined;
    }
    const parts: string[] = [];
    let failed = false;
    let from = 0;
    for (const match of written.matchAll(reference)) {
      const [whole, scheme = '', target = ''] = match;
      const key = `${use} ${scheme} ${target} ${dirname(place.file)}`;
      const read = this.#known.get(key) ?? this.#readOne(scheme, target, use, place);
      this.#known.set(key, read);
      parts.push(written.slice(from, match.index));
      from = match.index + whole.length;
      if ('value' in read) {
        parts.push(read.value);
        continue;
      }
      failed = true;
      this.#problems.add(
        place,
        `\`${name}\`: ${read.message}`,
        read.hint,
        read.keyUnusable && 'KEY_UNUSABLE',
      );
    }
    if (failed) return undefined;
    const value = [...parts, written.slice(from)].join('');
    const known = this.#resolve || rest === written;
    if (known && !this.#fits(value, use, name, place)) return undefined;
    return new SecretValue(known ? value : undefined, written);
  }

  #readOne(scheme: string, target: string, use: SecretUse, place: SourcePlace): Read {
    if (scheme !== 'file' && !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(target)) {
      return { message: `\`${target}\` is no name`, hint: `write \`\${${scheme}:NAME}\`` };
    }
    if (target.trim() === '') return { message: 'the path is empty', hint: 'write `${file:/path}`' };
    if (!this.#resolve) return { value: '' };
    if (scheme === 'env') {
      const value = this.#environment[target];
      if (value !== undefined && value !== '') return { value };
      return {
        message: `the environment variable ${target} is ${value === undefined ? 'not set' : 'empty'}`,
        hint: 'set it for the daemon, for example with EnvironmentFile= in its unit',
      };
    }
    if (scheme === 'file') return readSecretFile(nearestFile(place.file, target), use, true);
    const directory = this.#environment['CREDENTIALS_DIRECTORY'];
    if (directory !== undefined && directory !== '')
      return readSecretFile(join(directory, target), use, false);
    return {
      message: `the credential ${target} is not there: CREDENTIALS_DIRECTORY is not set`,
      hint: `run under systemd with LoadCredential=${target}:/path in the unit, or use \${file:/path}`,
    };
  }

  #fits(value: string, use: SecretUse, name: string, place: SourcePlace): boolean {
    if (use === 'key' && !/^\s*(-----BEGIN |PuTTY-User-Key-File-)/.test(value)) {
      const isPublic = /^\s*(ssh-|ecdsa-|sk-)/.test(value);
      const message = isPublic ? 'this is a public key' : 'this is no private key';
      const hint = isPublic ? 'name the file without .pub' : 'give a private key as ssh-keygen writes it';
      this.#problems.add(place, `\`${name}\`: ${message}`, hint, 'KEY_UNUSABLE');
      return false;
    }
    if (use !== 'url') return true;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url !== undefined && /^https?:$/.test(url.protocol)) return true;
    this.#problems.add(
      place,
      `\`${name}\`: this is not an http URL`,
      'write for example `https://example.com/hook`',
    );
    return false;
  }
}

/** A final newline is no part of a secret. systemd guards its credentials itself, so their mode is not asked. */
function readSecretFile(path: string, use: SecretUse, checkMode: boolean): Read {
  const read = readRegularFile(path, secretBytesLimit);
  const keyUnusable = use === 'key' && { keyUnusable: true as const };
  if ('message' in read) return { message: `${path} ${read.message}`, hint: read.hint, ...keyUnusable };
  if (use === 'key' && checkMode && (read.mode & 0o077) !== 0) {
    const mode = (read.mode & 0o777).toString(8).padStart(4, '0');
    return {
      message: `${path} can be read by others (mode ${mode})`,
      hint: `run: chmod 600 ${path}`,
      keyUnusable: true,
    };
  }
  const text = read.bytes.toString('utf8');
  const value = use === 'key' ? text : text.replace(/\r?\n$/, '');
  if (value.trim() !== '') return { value };
  return { message: `${path} is empty`, hint: 'write the secret into it', ...keyUnusable };
}
