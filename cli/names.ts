/**
 * Names as people type them: `web-1/worker.running`, or `web-1/running` where that is clear. A name that is none gets the nearest
 * ones, never a guess.
 */

import { nearest } from '../config/problems.ts';
import { fullNames } from '../core/names.ts';
import type { CheckRow, ExplainAnswer } from './api-types.ts';
import type { ApiClient } from './client.ts';
import { usageError } from './exit.ts';

/** More names than a person reads at once are not listed. */
const shownNames = 30;

export interface CheckTarget {
  host: string;
  check?: string;
}

/** `HOST`, `HOST/CHECK` or the two apart. Errors: 64. */
export function splitTarget(target: string, check?: string): CheckTarget {
  const [host = '', ...rest] = target.split('/');
  const named = rest.length > 0 ? rest.join('/') : check;
  if (rest.length > 0 && check !== undefined)
    throw usageError(`The check is named twice: ${target} and ${check}.`);
  if (host === '' || named === '')
    throw usageError(`\`${target}\` names no host.`, 'Write HOST or HOST/CHECK.');
  if (/[*?,]/.test(host)) throw usageError(`\`${host}\` is a pattern; one host is wanted here.`);
  return named === undefined ? { host } : { host, check: named };
}

/** The full name for what was typed, among those of one host where `host` is given. Errors: 64 with the nearest names. */
export function pickName(
  kind: 'host' | 'check' | 'action',
  wanted: string,
  known: readonly string[],
  host?: string,
): string {
  const names = fullNames(wanted, known);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  if (only !== undefined)
    throw usageError(`\`${wanted}\` could be ${names.join(' or ')}.`, 'Write the full name.');
  const short = known.map((name) => name.slice(name.indexOf('.') + 1));
  const where = host === undefined ? '' : ` on ${host}`;
  throw usageError(
    `There is no ${kind} \`${wanted}\`${where}.`,
    hintFor(`${kind}${where}`, wanted, [...new Set([...known, ...short])]),
  );
}

function hintFor(what: string, wanted: string, names: readonly string[]): string {
  const near = nearest(wanted, names);
  if (near !== undefined) return `Did you mean \`${near}\`?`;
  if (names.length === 0) return `There is no ${what} at all.`;
  return names.length > shownNames ? '' : `There are: ${names.join(', ')}.`;
}

/** Errors: 64 when the daemon knows no such host or check. */
export async function resolveTarget(client: ApiClient, target: CheckTarget): Promise<CheckTarget> {
  const { host, check } = target;
  if (check === undefined) {
    await client.get(`/api/v1/hosts/${encodeURIComponent(host)}`);
    return target;
  }
  const rows = await client.list<CheckRow>('/api/v1/checks', { host });
  if (rows.length === 0) await client.get(`/api/v1/hosts/${encodeURIComponent(host)}`);
  const names = rows.map((row) => row.check);
  return { host, check: pickName('check', check, names, host) };
}

/** Errors: 64 when the host has no such action. */
export async function resolveAction(client: ApiClient, host: string, action: string): Promise<string> {
  await client.get(`/api/v1/hosts/${encodeURIComponent(host)}`);
  const { explanations } = await client.get<ExplainAnswer>('/api/v1/explain', { host });
  const names = explanations.flatMap(({ rungs }) => rungs.map((rung) => rung.action));
  return pickName('action', action, [...new Set(names)], host);
}
