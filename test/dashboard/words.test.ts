import { expect, test } from 'vitest';
import { fold } from '../../dashboard/parts/folded.ts';
import { waitingChanges } from '../../dashboard/parts/held-order.ts';
import { reachOf } from '../../dashboard/parts/reach.ts';
import { clockTime, count, figures, shortName, span } from '../../dashboard/parts/words.ts';

test.each([
  [-5, '0 s'],
  [900, '1 s'],
  [59_400, '59 s'],
  [65_000, '1 min 5 s'],
  [600_000, '10 min'],
  [3_600_000, '1 h'],
  [3_660_000, '1 h 1 min'],
  [86_400_000, '1 d'],
  [93_600_000, '1 d 2 h'],
])('%i ms are %s', (ms, words) => {
  expect(span(ms)).toBe(words);
});

test('a time of another day has its day', () => {
  const nowMs = Date.parse('2026-03-02T12:00:00Z');
  expect(clockTime('2026-03-02T02:41:00Z', nowMs)).toBe('02:41');
  expect(clockTime('2026-03-01T23:50:00Z', nowMs)).toBe('03-01 23:50');
});

test('names, counts and figures', () => {
  expect(shortName('web.queue-worker')).toBe('queue-worker');
  expect(shortName('host')).toBe('host');
  expect([count(1, 'check'), count(2, 'check'), count(2, 'entry', 'entries')]).toEqual([
    '1 check',
    '2 checks',
    '2 entries',
  ]);
  expect(figures({ healthyWithoutIt: 11, cooldownMs: 300_000, openRun: null })).toBe(
    'healthy without it 11, cooldown 5 min, open run none',
  );
});

test('what went the same way is one line, in the order of the newest', () => {
  expect(fold(['a', 'b', 'a', 'a', 'c'], (item) => item)).toEqual([
    { item: 'b', times: 1 },
    { item: 'a', times: 3 },
    { item: 'c', times: 1 },
  ]);
});

const gate = (name: string, values: Record<string, string | number>) => ({
  gate: name,
  passed: true,
  values,
});

test('the reach of an action is said in sentences, and only what is known', () => {
  expect(
    reachOf([
      gate('pause', {}),
      gate('group_lock', { group: 'fleet', open: 1, limit: 5 }),
      gate('quorum', { needed: 0 }),
      gate('quorum', { group: 'role=db', healthyWithoutIt: 11, needed: 6, hosts: 12 }),
      gate('brake', { rule: 'off' }),
      gate('brake', { group: 'fleet', unhealthy: 2, allowed: 8, hosts: 40 }),
      gate('host_budget', { used: 2, limit: 6, perMs: 3_600_000 }),
      gate('group_budget', { limits: 0 }),
    ]),
  ).toEqual([
    '1 other repair is open in the fleet; at most 5 at once',
    '11 of 12 hosts in role=db stay healthy without it; 6 must',
    '2 of 40 hosts in the fleet are unhealthy now; the brake comes on above 8',
    'uses 1 of 4 runs left on this host (6 in 1 h)',
  ]);
});

test('changes that wait: what would come, go or move', () => {
  expect(waitingChanges(['a', 'b', 'c'], ['a', 'b', 'c'])).toBe(0);
  expect(waitingChanges(['a', 'b'], ['x', 'a', 'b'])).toBe(1);
  expect(waitingChanges(['a', 'b', 'c'], ['a', 'c'])).toBe(1);
  expect(waitingChanges(['a', 'b', 'c'], ['b', 'a', 'c'])).toBe(2);
  expect(waitingChanges(['a', 'b'], ['c', 'b'])).toBe(2);
});
