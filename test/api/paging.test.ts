import { expect, test } from 'vitest';
import { pageAlong, walk } from '../../api/paging.ts';

function* numbers(from: number, to: number, read: number[] = []): Iterable<number> {
  for (let number = from; number <= to; number += 1) {
    read.push(number);
    yield number;
  }
}

const keyOf = (number: number): string => String(number).padStart(6, '0');

test('pages of a list that is made as it is read are whole, in order, and no more is read than they need', async () => {
  const read: number[] = [];
  const from = (after: string | undefined) => numbers(after === undefined ? 1 : Number(after), 25, read);
  const shown: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await pageAlong(from, keyOf, (number) => number % 2 === 1, { limit: 4, cursor });
    shown.push(...page.items);
    cursor = page.next;
    if (shown.length === 4) expect(read.at(-1)).toBe(9);
  } while (cursor !== undefined);
  expect(shown).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25]);
});

test('the last page has no next, also when it is full', async () => {
  const page = await pageAlong(
    () => numbers(1, 4),
    keyOf,
    () => true,
    { limit: 4 },
  );
  expect(page).toEqual({ items: [1, 2, 3, 4] });
});

test('a long walk lets others have their turn', async () => {
  let turns = 0;
  let isWalking = true;
  const others = (): void => {
    turns += 1;
    if (isWalking) setImmediate(others);
  };
  setImmediate(others);
  let seen = 0;
  await walk(numbers(1, 10_000), () => (seen += 1) > 0);
  isWalking = false;
  expect(seen).toBe(10_000);
  expect(turns).toBeGreaterThanOrEqual(10);
});
