/**
 * Filters and pages of lists that live in memory. A cursor is the key of the last item shown, so that a list may
 * change between two pages without an item being shown twice or skipped.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HistoryQuery, Page } from '../core/ports.ts';
import { RequestProblem } from './problems.ts';

/** `*` is any run of characters, `?` is one. Linear in practice and never exponential, whatever the pattern. */
export function matchesGlob(glob: string, text: string): boolean {
  let at = 0;
  let position = 0;
  let starAt = -1;
  let retryFrom = 0;
  while (position < text.length) {
    if (glob[at] === '*') {
      starAt = at;
      retryFrom = position;
      at += 1;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === text[position])) {
      at += 1;
      position += 1;
    } else if (starAt >= 0) {
      retryFrom += 1;
      position = retryFrom;
      at = starAt + 1;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}

/** `role=web` needs that value, `role` any value. All must hold. */
export function hasLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[]): boolean {
  return wanted.every((entry) => {
    const equals = entry.indexOf('=');
    if (equals < 0) return Object.hasOwn(labels, entry);
    const key = entry.slice(0, equals);
    return Object.hasOwn(labels, key) && labels[key] === entry.slice(equals + 1);
  });
}

export function cursorOf(key: string): string {
  return Buffer.from(`>${key}`).toString('base64url');
}

export function cursorUnknown(): RequestProblem {
  return new RequestProblem(400, 'cursor_unknown', 'The cursor is not one that this list gave.', {
    hint: 'Take `next` of the page before, or leave it out to start again.',
  });
}

/** Errors: RequestProblem 400. */
export function keyOfCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!text.startsWith('>')) throw cursorUnknown();
  return text.slice(1);
}

/** One page of `items` in the order of `keyOf`, compared by code unit. */
export function pageBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  query: { cursor?: string | undefined; limit: number },
): Page<T> {
  const after = query.cursor === undefined ? undefined : keyOfCursor(query.cursor);
  const rest = items
    .map((item) => ({ key: keyOf(item), item }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const shown = rest.slice(0, query.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ item }) => item),
    ...(last !== undefined && rest.length > shown.length ? { next: cursorOf(last.key) } : {}),
  };
}

/** Items of a long walk between two turns of the loop, which others wait for. */
const walkItems = 200;

/** Reads all of it, and lets others have their turn meanwhile. False from `visit` ends it. */
export async function walk<T>(items: Iterable<T>, visit: (item: T) => boolean): Promise<void> {
  let count = 0;
  for (const item of items) {
    if (!visit(item)) return;
    count += 1;
    if (count % walkItems === 0) await nextTurn();
  }
}

/**
 * One page of a list that comes in the order of `keyOf` and is made as it is read: `read` is told the key that the page is to
 * come after.
 */
export async function pageAlong<T>(
  read: (after: string | undefined) => Iterable<T>,
  keyOf: (item: T) => string,
  isWanted: (item: T) => boolean,
  query: { cursor?: string | undefined; limit: number },
): Promise<Page<T>> {
  const after = query.cursor === undefined ? undefined : keyOfCursor(query.cursor);
  const items: T[] = [];
  let hasMore = false;
  await walk(read(after), (item) => {
    if ((after !== undefined && keyOf(item) <= after) || !isWanted(item)) return true;
    hasMore = items.length === query.limit;
    if (!hasMore) items.push(item);
    return !hasMore;
  });
  const last = items.at(-1);
  return hasMore && last !== undefined ? { items, next: cursorOf(keyOf(last)) } : { items };
}

interface SpanQuery {
  host?: string | undefined;
  check?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
  cursor?: string | undefined;
  limit: number;
}

/** The part of a query that the store's lists have in common. Errors: RequestProblem 400 for a cursor that the store never gives. */
export function historyQuery(query: SpanQuery): HistoryQuery {
  const { host, check, since, until, cursor, limit } = query;
  // It would find nothing behind it, and a reader would take that for the end.
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) throw cursorUnknown();
  return {
    limit,
    ...(host === undefined ? {} : { host }),
    ...(check === undefined ? {} : { check }),
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(until === undefined ? {} : { untilMs: until }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}
