/**
 * The certificate and key of the API: read at start and again whenever the files change. A pair that cannot be used never replaces
 * one that can; what is wrong with it is told until it is mended.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from '../core/daemon-config.ts';
import { MenddError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { ApiLog } from './options.ts';

/** Between two looks at the files. */
const lookEveryMs = 10_000;
/** A certificate that ends sooner should have been renewed. */
const renewBeforeMs = 7 * 86_400_000;

const othersRead = 0o004;

export interface KeyPair {
  cert: string;
  key: string;
  minVersion: 'TLSv1.2';
}

/** Errors: MenddError TLS_UNUSABLE; the pair is missing, no PEM, or does not belong together. */
export function readKeyPair({ certificate, key }: TlsFiles): KeyPair {
  const pair = { cert: read(certificate), key: read(key), minVersion: 'TLSv1.2' as const };
  const parsed = attempt(`${certificate} holds no certificate in PEM`, () => new X509Certificate(pair.cert));
  const secret = attempt(`${key} holds no private key in PEM without a passphrase`, () =>
    createPrivateKey(pair.key),
  );
  // A group of its own, such as ssl-cert, is usual.
  const { mode } = attempt(`${key} cannot be read`, () => statSync(key));
  if ((mode & othersRead) !== 0)
    throw new MenddError('TLS_UNUSABLE', `${key} can be read by everybody; run: chmod o-r ${key}`);
  if (!parsed.checkPrivateKey(secret))
    throw new MenddError(
      'TLS_UNUSABLE',
      `The key in ${key} does not belong to the certificate in ${certificate}.`,
    );
  attempt(`${certificate} and ${key} cannot be used`, () => createSecureContext(pair));
  return pair;
}

/** Why browsers and programs will not trust it for long; undefined when they will. */
export function expiryProblem({ cert }: KeyPair, file: string, nowMs: number): string | undefined {
  const endsMs = Date.parse(new X509Certificate(cert).validTo);
  if (endsMs > nowMs + renewBeforeMs) return undefined;
  const day = new Date(endsMs).toISOString();
  return endsMs <= nowMs
    ? `the certificate in ${file} expired at ${day}`
    : `the certificate in ${file} expires at ${day}`;
}

function read(file: string): string {
  return attempt(`${file} cannot be read`, () => readFileSync(file, 'utf8'));
}

function attempt<T>(what: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new MenddError('TLS_UNUSABLE', `${what}: ${cause}.`, { cause: error });
  }
}

export class Certificate {
  readonly #files: TlsFiles;
  readonly #clock: Clock;
  readonly #log: ApiLog;
  #pair: KeyPair;
  #broken: string | undefined;
  #cancel: (() => void) | undefined;

  /** Errors: as `readKeyPair`. */
  constructor(files: TlsFiles, clock: Clock, log: ApiLog) {
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
    this.#pair = readKeyPair(files);
  }

  /** The newest that can be used. */
  get pair(): KeyPair {
    return this.#pair;
  }

  /** What a person should mend; undefined when all is well. */
  problem(): string | undefined {
    if (this.#broken !== undefined) return `api.tls: ${this.#broken} The one before stays in use.`;
    return expiryProblem(this.#pair, this.#files.certificate, this.#clock.nowMs());
  }

  /** Looks at the files from now on, until `stop`. */
  watch(apply: (pair: KeyPair) => void): void {
    this.#cancel = this.#clock.after(lookEveryMs, () => {
      this.#look(apply);
      this.watch(apply);
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  #look(apply: (pair: KeyPair) => void): void {
    try {
      const pair = readKeyPair(this.#files);
      this.#broken = undefined;
      if (pair.cert === this.#pair.cert && pair.key === this.#pair.key) return;
      apply(pair);
      this.#pair = pair;
      this.#log.info({ certificate: this.#files.certificate }, 'api: a new certificate is in use');
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      if (this.#broken === error.message) return;
      this.#broken = error.message;
      this.#log.warn(
        { problem: error.message },
        'api: the new certificate cannot be used, the old one stays',
      );
    }
  }
}
