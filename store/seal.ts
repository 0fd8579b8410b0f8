/** Owns how a row of the ledger is sealed: a checksum over its content. A row whose checksum is wrong is never believed. */
import { createHash } from 'node:crypto';
import { MenddError } from '../core/errors.ts';

export type Sealed<T> = T & { checksum: string };

/** JSON that does not depend on the order of keys, nor on fields that are absent. */
export function canonicalJson(data: unknown): string {
  return JSON.stringify(data, sortKeys);
}

export function sealOf(data: unknown): string {
  return createHash('sha256').update(canonicalJson(data)).digest('base64url');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function sealed<T extends object>(content: T): Sealed<T> {
  return { ...content, checksum: sealOf(content) };
}

/** The row without its checksum. Errors: STORE_CORRUPT, naming `what`. */
export function unsealed<T extends object>(row: Sealed<T>, file: string, what: string): Omit<T, 'checksum'> {
  const { checksum, ...content } = row;
  if (sealOf(content) !== checksum) throw damaged(file, what);
  return content;
}

/** The error for a ledger row that is not what was written. */
export function damaged(file: string, what: string, cause?: unknown): MenddError {
  return new MenddError(
    'STORE_CORRUPT',
    `${file}: ${what} is not as it was written: its checksum is wrong.`,
    { cause },
  );
}
