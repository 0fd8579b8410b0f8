/** What an admin sees of tokens and may do with them. Neither a secret nor its hash is in it. */
import type { Token } from './ports.ts';
import type { Scope } from './types.ts';
import type { Rejected } from './views.ts';

/** A name that may stand beside what was done with a token. */
export const tokenNamePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u;
export const tokenNameRule = 'up to 64 letters, digits, spaces and . _ @ -';

export interface NewToken {
  name: string;
  scopes: Scope[];
  /** Wall time. */
  expiresAtMs?: number;
}

export interface TokensPort {
  /** Oldest first. */
  list(): Token[];
  /** The secret is told once and kept nowhere. `isDry`: none is made, and there is no secret. Errors: MenddError. */
  create(wanted: NewToken, by: string, isDry: boolean): { token: Token; secret?: string };
  /** Worthless at once. 404 when there is none. Errors: MenddError. */
  revoke(id: string, by: string, isDry: boolean): Token | Rejected;
}
