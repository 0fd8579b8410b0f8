/** Owns the API's tokens. A secret is shown once, at its creation; only its hash is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { MenddError } from '../core/errors.ts';
import type { Coordinator, Token } from '../core/ports.ts';
import type { Scope } from '../core/types.ts';
import type { Connection } from './connection.ts';
import { translated } from './failure.ts';
import { present } from './rows.ts';
import { damaged, sealOf } from './seal.ts';

/** Last use is written at most this often, so that reading does not write all the time. */
const lastUseEveryMs = 60_000;
/** Longer ones are not ours and are not worth hashing. Characters. */
const longestSecret = 256;

interface Row {
  id: string;
  name: string;
  scopes: string;
  secret_hash: Buffer;
  created_at_ms: number;
  expires_at_ms: number | null;
  last_used_at_ms: number | null;
  checksum: string;
}

export type Tokens = Pick<Coordinator, 'createToken' | 'tokens' | 'revokeToken' | 'authenticate'>;

export function tokenTable(db: Connection, file: string): Tokens {
  const insert = db.prepare<[Row]>(
    `INSERT INTO tokens (id, name, scopes, secret_hash, created_at_ms, expires_at_ms, last_used_at_ms, checksum)
     VALUES (:id, :name, :scopes, :secret_hash, :created_at_ms, :expires_at_ms, :last_used_at_ms, :checksum)`,
  );
  const all = db.prepare<[], Row>('SELECT * FROM tokens ORDER BY created_at_ms, id');
  const byHash = db.prepare<[Buffer], Row>('SELECT * FROM tokens WHERE secret_hash = ?');
  const used = db.prepare<[number, string]>('UPDATE tokens SET last_used_at_ms = ? WHERE id = ?');
  const revoke = db.prepare<[string]>('DELETE FROM tokens WHERE id = ?');

  /** A ledger that cannot be written must not lock readers out; those who must write report it. */
  function noteUse(row: Row, nowMs: number): number | null {
    const last = row.last_used_at_ms;
    if (last !== null && Math.abs(nowMs - last) < lastUseEveryMs) return last;
    try {
      used.run(nowMs, row.id);
      return nowMs;
    } catch (error) {
      const known = translated(file, error);
      if (known instanceof MenddError && known.code === 'STORE_UNUSABLE') return last;
      throw error;
    }
  }

  return {
    createToken({ name, scopes, expiresAtMs, nowMs }) {
      const secret = `mendd_${randomBytes(32).toString('base64url')}`;
      const content = {
        id: randomBytes(6).toString('hex'),
        name,
        scopes: JSON.stringify(scopes),
        secret_hash: hashOf(secret),
        created_at_ms: nowMs,
        expires_at_ms: expiresAtMs ?? null,
        last_used_at_ms: null,
      };
      const row = { ...content, checksum: checksumOf(content) };
      insert.run(row);
      return { token: decode(row, file), secret };
    },
    tokens: () => all.all().map((row) => decode(row, file)),
    revokeToken: (id) => revoke.run(id).changes === 1,
    authenticate(secret, nowMs) {
      if (secret.length > longestSecret) return undefined;
      const hash = hashOf(secret);
      const row = byHash.get(hash);
      if (row === undefined || !timingSafeEqual(row.secret_hash, hash)) return undefined;
      const token = decode(row, file);
      if (token.expiresAtMs !== undefined && token.expiresAtMs <= nowMs) return undefined;
      return decode({ ...row, last_used_at_ms: noteUse(row, nowMs) }, file);
    },
  };
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Of all that gives power; the last use is not part of it. */
function checksumOf(row: Omit<Row, 'checksum' | 'last_used_at_ms'>): string {
  const { id, name, scopes, secret_hash, created_at_ms, expires_at_ms } = row;
  return sealOf({ id, name, scopes, hash: secret_hash.toString('hex'), created_at_ms, expires_at_ms });
}

function decode(row: Row, file: string): Token {
  if (checksumOf(row) !== row.checksum) throw damaged(file, `token ${row.id}`);
  return {
    id: row.id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAtMs: row.created_at_ms,
    ...present({ expiresAtMs: row.expires_at_ms, lastUsedAtMs: row.last_used_at_ms }),
  };
}
