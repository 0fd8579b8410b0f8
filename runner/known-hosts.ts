/** Reads the known_hosts format of OpenSSH; it decides nothing and writes nothing. */
import { createHash, createHmac } from 'node:crypto';

/** One line that speaks of the host asked for. Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, OpenSSH 9.2. */
export interface KnownKey {
  marker?: 'revoked' | 'cert-authority';
  type: string;
  /** Base64 as written, without padding questions: compared after decoding. */
  key: Buffer;
  line: number;
}

interface Entry extends KnownKey {
  /** Lower case; one hashed name stands alone. */
  patterns: readonly string[];
}

/** Lines that are no entries (comments, damage) are passed over, as ssh does. */
export function parseKnownHosts(text: string): readonly Entry[] {
  const entries: Entry[] = [];
  text.split('\n').forEach((raw, index) => {
    const fields = raw.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift()?.slice(1) : undefined;
    const [patterns, type, base64] = fields;
    if (!patterns || patterns.startsWith('#') || !type || !base64) return;
    if (marker !== undefined && marker !== 'revoked' && marker !== 'cert-authority') return;
    const key = Buffer.from(base64, 'base64');
    if (keyType(key) !== type) return;
    const names = patterns.startsWith('|1|') ? [patterns] : patterns.toLowerCase().split(',');
    entries.push({
      patterns: names,
      type,
      key,
      line: index + 1,
      ...(marker === undefined ? {} : { marker }),
    });
  });
  return entries;
}

/** How known_hosts spells an address. */
export function hostSpelling(address: string, port: number): string {
  const name = address.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

export function keysOf(entries: readonly Entry[], spelling: string): KnownKey[] {
  return entries.filter((entry) => matches(entry.patterns, spelling));
}

function matches(patterns: readonly string[], spelling: string): boolean {
  if (patterns[0]?.startsWith('|1|')) return matchesHash(patterns[0], spelling);
  let found = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    if (!matchesGlob(negated ? pattern.slice(1) : pattern, spelling)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function matchesHash(hashed: string, spelling: string): boolean {
  const [, , salt, hash] = hashed.split('|');
  if (!salt || !hash) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(spelling).digest('base64') === hash;
}

/** `*` and `?` only; linear backtracking over the last star, so that no pattern can be slow. */
function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p;
      p += 1;
      mark = t;
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      mark += 1;
      t = mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** The type that a public key says it has: its first string. Empty when it is no key. Source: RFC 4253, 6.6. */
export function keyType(key: Uint8Array): string {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  if (bytes.length < 4) return '';
  const length = bytes.readUInt32BE(0);
  return length <= 64 && length + 4 <= bytes.length ? bytes.toString('latin1', 4, 4 + length) : '';
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
