/** Makes real certificates with the openssl program, for tests of TLS. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MadePair {
  certificate: string;
  key: string;
  /** The text of the certificate, which is its own authority. */
  pem: string;
}

/** A self-signed pair in `directory`, for `localhost` and 127.0.0.1. `days`: until it ends; may be negative. */
export function makePair(directory: string, name: string, days = 30): MadePair {
  const [certificate, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=DNS:localhost,DNS:ops.example.com,IP:127.0.0.1',
  ];
  execFileSync('openssl', [...kind, '-keyout', key, '-out', certificate, '-days', String(days), ...names], {
    stdio: 'pipe',
  });
  return { certificate, key, pem: readFileSync(certificate, 'utf8') };
}
