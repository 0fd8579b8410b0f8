/**
 * `host` as a glob and `label`, for lists whose rows name a host and that the store gives in pages. It reads on over rows that are not
 * wanted, up to a limit, so a page may be shorter than asked for and still have a next one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Page } from '../core/ports.ts';
import type { DaemonPort } from '../core/views.ts';
import { hasLabels, matchesGlob } from './paging.ts';

/** Looks into the store for one answer. */
const mostReads = 100;
const readAtOnce = 500;

export interface HostQuery {
  host?: string | undefined;
  label?: string[] | undefined;
}

/** `exact`: the store itself can choose. `matches`: whether a row of this host is wanted, besides. */
export interface HostFilter {
  exact?: string;
  matches?: (host: string) => boolean;
}

/** Labels are those of today; a host that is gone has none. */
export function hostFilter(daemon: Pick<DaemonPort, 'hosts'>, { host, label }: HostQuery): HostFilter {
  const isGlob = host !== undefined && /[*?]/.test(host);
  const exact = host === undefined || isGlob ? {} : { exact: host };
  if (label === undefined) return isGlob ? { matches: (name) => matchesGlob(host, name) } : exact;
  const labelled = new Set(
    daemon
      .hosts()
      .filter(({ labels }) => hasLabels(labels, label))
      .map(({ name }) => name),
  );
  return { ...exact, matches: (name) => labelled.has(name) && (!isGlob || matchesGlob(host, name)) };
}

/** Reads on until the page is full, the list is over, or enough was read; others have their turn between two reads. */
export async function filteredPage<T>(
  read: (query: { limit: number; cursor?: string }) => Page<T>,
  isWanted: ((item: T) => boolean) | undefined,
  { limit, cursor: from }: { limit: number; cursor?: string | undefined },
): Promise<Page<T>> {
  const start = from === undefined ? {} : { cursor: from };
  if (isWanted === undefined) return read({ limit, ...start });
  const items: T[] = [];
  let next: string | undefined = from;
  let reads = 0;
  do {
    if (reads > 0) await nextTurn();
    // Never more than still fit: the cursor stands behind all that was read.
    const count = Math.min(readAtOnce, limit - items.length);
    const page: Page<T> = read({ limit: count, ...(next === undefined ? {} : { cursor: next }) });
    items.push(...page.items.filter(isWanted));
    next = page.next;
    reads += 1;
  } while (next !== undefined && items.length < limit && reads < mostReads);
  return { items, ...(next === undefined ? {} : { next }) };
}
