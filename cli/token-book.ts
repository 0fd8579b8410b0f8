/** Where `mendd token` makes and revokes tokens: through the API, or in the ledger file itself, so that the first one needs none. */
import { MenddError } from '../core/errors.ts';
import type { Token } from '../core/ports.ts';
import type { Scope } from '../core/types.ts';
import type { ApiClient } from './client.ts';
import type { ConfigOptions } from './command.ts';
import { usageError } from './exit.ts';
import { type Ledger, loginName, withLedger } from './ledger-file.ts';

export interface TokenRow {
  id: string;
  name: string;
  scopes: Scope[];
  createdAt: string;
  expiresAt?: string;
  lastUsedAt?: string;
}

export interface WantedToken {
  name: string;
  scopes: Scope[];
  expiresAtMs?: number;
}

/** Errors: those of the API or of the ledger; 64 when there is no token of that id. */
export interface TokenBook {
  /** Without a secret in a dry run. */
  create(wanted: WantedToken): Promise<TokenRow & { secret?: string }>;
  list(): Promise<TokenRow[]>;
  revoke(id: string): Promise<TokenRow>;
}

export function tokensOfApi(client: ApiClient): TokenBook {
  return {
    create: ({ name, scopes, expiresAtMs }) => {
      const end = expiresAtMs === undefined ? {} : { until: instant(expiresAtMs) };
      return allowed(client.post('/api/v1/tokens', { name, scopes, ...end }));
    },
    list: () => allowed(client.list('/api/v1/tokens')),
    revoke: (id) => allowed(client.delete(`/api/v1/tokens/${encodeURIComponent(id)}`)),
  };
}

/** A token that may not make tokens cannot make one that may. */
async function allowed<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof MenddError) || error.code !== 'NOT_ALLOWED') throw error;
    const hint =
      'It needs a token with the scope admin; on the machine of the daemon, `--offline` needs none, but the right to write its ledger.';
    throw new MenddError('NOT_ALLOWED', error.message, { hint, cause: error });
  }
}

export function tokensOfFile(options: ConfigOptions): TokenBook {
  return {
    create: (wanted) =>
      withLedger(options, (ledger) => {
        const nowMs = Date.now();
        const { name, scopes, expiresAtMs = null } = wanted;
        // First: a token nobody is on record for must not exist.
        record(ledger, nowMs, 'token.created', { name, scopes, expiresAtMs });
        const { token, secret } = ledger.createToken({ ...wanted, nowMs });
        return { ...rowOf(token), secret };
      }),
    list: () => withLedger(options, (ledger) => ledger.tokens().map(rowOf)),
    revoke: (id) =>
      withLedger(options, (ledger) => {
        const found = ledger.tokens().find((each) => each.id === id);
        if (found === undefined)
          throw usageError(`There is no token ${id}.`, '`mendd token list` shows them.');
        record(ledger, Date.now(), 'token.revoked', { id, name: found.name, scopes: found.scopes });
        ledger.revokeToken(id);
        return rowOf(found);
      }),
  };
}

/** Whoever works on the file itself is known by their login name. */
function record(
  ledger: Pick<Ledger, 'audit'>,
  atMs: number,
  event: string,
  body: Record<string, unknown>,
): void {
  ledger.audit({ atMs, kind: 'command', actor: `person:${loginName()}`, event, body });
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function rowOf({ id, name, scopes, createdAtMs, expiresAtMs, lastUsedAtMs }: Token): TokenRow {
  return {
    id,
    name,
    scopes,
    createdAt: instant(createdAtMs),
    ...(expiresAtMs === undefined ? {} : { expiresAt: instant(expiresAtMs) }),
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAt: instant(lastUsedAtMs) }),
  };
}
