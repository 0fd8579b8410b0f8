import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeCron } from '../../config/cron.ts';
import { expandHostRange } from '../../config/host-range.ts';
import { findLoops } from '../../config/loops.ts';
import { slug } from '../../config/names.ts';
import { nearest } from '../../config/problems.ts';

function names(pattern: string): string[] | string {
  const expanded = expandHostRange(pattern);
  return 'problem' in expanded ? expanded.problem : expanded.value.map(({ name }) => name);
}

test.each([
  ['web', ['web']],
  ['web-[1:3]', ['web-1', 'web-2', 'web-3']],
  ['web-[08:11].example', ['web-08.example', 'web-09.example', 'web-10.example', 'web-11.example']],
  ['web-[001:002]', ['web-001', 'web-002']],
  ['web-[8:10]', ['web-8', 'web-9', 'web-10']],
  ['web-[1:9:4]', ['web-1', 'web-5', 'web-9']],
  ['web-[01:10:3]', ['web-01', 'web-04', 'web-07', 'web-10']],
  ['web-[:2]', ['web-0', 'web-1', 'web-2']],
  ['db-[a:c]', ['db-a', 'db-b', 'db-c']],
  ['db-[y:B]', ['db-y', 'db-z', 'db-A', 'db-B']],
  ['db-[a:e:2]', ['db-a', 'db-c', 'db-e']],
  ['r[1:2]-[a:b]', ['r1-a', 'r1-b', 'r2-a', 'r2-b']],
  ['[5:5]', ['5']],
])('%s expands as in Ansible', (pattern, expected) => {
  expect(names(pattern)).toEqual(expected);
});

test('a range has both ends, and no name twice', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.nat(500), fc.integer({ min: 1, max: 50 }), (from, length, step) => {
      const expanded = names(`h[${from}:${from + length}:${step}]`);
      expect(new Set(expanded).size).toBe(Math.floor(length / step) + 1);
      expect(expanded[0]).toBe(`h${from}`);
    }),
  );
});

test.each([
  ['Queue Workers', 'queue-workers'],
  ['  --Web: the (front)!  ', 'web-the-front'],
  ['Prüfung der Bänke', 'prufung-der-banke'],
  ['日本', ''],
  ['x'.repeat(200), 'x'.repeat(60)],
])('the id of %j is %j', (title, id) => {
  expect(slug(title)).toBe(id);
});

/** `abc` is an a that names b and c. */
function edges(text: string): Map<string, string[]> {
  return new Map(text.split(' ').map((each) => [each.slice(0, 1), each.slice(1).split('')]));
}

test('loops are found, each once, and only where they are', () => {
  expect(findLoops(edges('ab bc c'))).toEqual([]);
  expect(findLoops(edges('abc bd cd d'))).toEqual([]);
  expect(findLoops(edges('aa'))).toEqual([['a', 'a']]);
  expect(findLoops(edges('ab bc ca'))).toEqual([['a', 'b', 'c', 'a']]);
  expect(findLoops(edges('xa ab ba'))).toEqual([['a', 'b', 'a']]);
  expect(findLoops(edges('ax'))).toEqual([]);
  const long = new Map(Array.from({ length: 20_000 }, (_, n) => [String(n), [String((n + 1) % 20_000)]]));
  expect(findLoops(long)).toHaveLength(1);
});

test('a graph has loops exactly when taking out leaves empties no part of it', () => {
  const graph = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(graph, (lists) => {
      const graphEdges = new Map(lists.map((list, n) => [String(n), list.map(String)]));
      const rest = new Map(graphEdges);
      for (let before = -1; before !== rest.size; ) {
        before = rest.size;
        for (const [name, next] of rest) if (next.every((each) => !rest.has(each))) rest.delete(name);
      }
      expect(findLoops(graphEdges).length > 0).toBe(rest.size > 0);
    }),
  );
});

test.each([
  ['retry_evry', 'retry_every'],
  ['tiemout', 'timeout'],
  ['TIMEOUT', 'timeout'],
  ['zzzzzz', undefined],
  ['', undefined],
])('the nearest word to %j is %j', (word, expected) => {
  expect(nearest(word, ['retry_every', 'timeout', 'every', 'run'])).toBe(expected);
});

test('a schedule is judged by when it fires next', () => {
  const before = Date.UTC(2026, 10, 21);
  expect(judgeCron('0 0 29 2 *', 'UTC', before)).toEqual({});
  expect(judgeCron('0 0 29 2 1', 'UTC', before)).toMatchObject({ problem: 'this schedule never fires' });
  expect(judgeCron('0 0 31 1 1#1', 'UTC', before)).toMatchObject({ problem: 'this schedule never fires' });
});
