/** Writes private keys anew as the `ssh` program reads them without a question; it keeps none. */
import { createPrivateKey, randomBytes } from 'node:crypto';
import ssh2, { type ParsedKey } from 'ssh2';
import { keyType } from './known-hosts.ts';
import { text, uint32, WireReader } from './openssh-wire.ts';

const magic = 'openssh-key-v1\0';
const blockBytes = 8;

/** A key whose secret stays in a security device (FIDO): only `ssh` itself can use it. `locked`: it has a passphrase. */
export function hardwareKey(key: string): { locked: boolean } | undefined {
  const base64 = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+?)-----END/.exec(key)?.[1];
  const bytes = Buffer.from(base64 ?? '', 'base64');
  if (bytes.toString('latin1', 0, magic.length) !== magic) return undefined;
  try {
    const reader = new WireReader(bytes, magic.length);
    const cipher = reader.text();
    reader.bytes();
    reader.bytes();
    reader.uint32();
    return keyType(reader.bytes()).startsWith('sk-') ? { locked: cipher !== 'none' } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The text of an identity file without a passphrase. Errors: what ssh-auth.ts would have refused throws. */
export function identityText(key: string, passphrase: string | undefined): string {
  if (hardwareKey(key)) return key.endsWith('\n') ? key : `${key}\n`;
  const parsed = ssh2.utils.parseKey(key, passphrase) as ParsedKey | ParsedKey[] | Error;
  const found = Array.isArray(parsed) ? parsed[0] : parsed;
  if (found === undefined || found instanceof Error) throw new Error('a key became unusable');
  const pem = found.getPrivatePEM();
  return found.type === 'ssh-ed25519' ? opensshEd25519(pem) : pem;
}

/** ssh before 9.6 reads Ed25519 in its own format only. Source: PROTOCOL.key of OpenSSH 9.2. */
function opensshEd25519(pem: string): string {
  const { d, x } = createPrivateKey(pem).export({ format: 'jwk' });
  const [seed, point] = [Buffer.from(d ?? '', 'base64url'), Buffer.from(x ?? '', 'base64url')];
  const check = randomBytes(4);
  const secret = [
    check,
    check,
    text('ssh-ed25519'),
    text(point),
    text(Buffer.concat([seed, point])),
    text(''),
  ];
  const length = secret.reduce((sum, part) => sum + part.length, 0);
  const padding = Uint8Array.from(
    { length: (blockBytes - (length % blockBytes)) % blockBytes },
    (_, i) => i + 1,
  );
  const body = Buffer.concat([
    Buffer.from(magic),
    ...['none', 'none', ''].map(text),
    uint32(1),
    text(Buffer.concat([text('ssh-ed25519'), text(point)])),
    text(Buffer.concat([...secret, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}
