/** When checks are due: spread over hosts, together on one host, never twice, never skipped. Also the hash beneath. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fnv1a32, hash32 } from '../../core/hash.ts';
import { nextDue, retryInMs, warmUpDue } from '../../core/schedule.ts';
import { shardOf } from '../../core/shard.ts';

const hosts = Array.from({ length: 1000 }, (_, i) => `web-${i}.example.com`);
const startMs = Date.UTC(2026, 0, 1);
const anyHost = fc.string({ minLength: 1, maxLength: 20 });
const anyEvery = fc.integer({ min: 1, max: 7 * 86_400_000 });
const anyNow = fc.double({ min: 0, max: 4e12, noNaN: true });

/** Chi-square of a count per bin against an even spread. */
function chiSquare(places: readonly number[], bins: number): number {
  const counts = Array.from({ length: bins }, () => 0);
  for (const place of places) counts[place] = (counts[place] ?? 0) + 1;
  const even = places.length / bins;
  return counts.reduce((sum, count) => sum + (count - even) ** 2 / even, 0);
}

/** 19 degrees of freedom: an even spread exceeds this once in 10,000 times. */
const chiSquareLimit = 50.8;

test.each([10_000, 30_000, 60_000, 300_000, 3_600_000, 86_400_000])(
  'hosts do not fire together: 1,000 of them spread evenly over %i ms',
  (everyMs) => {
    for (const due of [nextDue, warmUpDue]) {
      const window = due === warmUpDue ? Math.min(everyMs, 60_000) : everyMs;
      const places = hosts.map((host) =>
        Math.floor(((due(host, 'a', everyMs, startMs) - startMs - 1) * 20) / window),
      );
      expect(chiSquare(places, 20)).toBeLessThan(chiSquareLimit);
    }
  },
);

test('one host: checks of one interval fall on one tick, and longer intervals on ticks of those that divide them', () => {
  fc.assert(
    fc.property(
      anyHost,
      fc.integer({ min: 1, max: 600_000 }),
      fc.integer({ min: 2, max: 60 }),
      anyNow,
      (host, everyMs, times, nowMs) => {
        expect(nextDue(host, 'a', everyMs, nowMs)).toBe(nextDue(host, 'b', everyMs, nowMs));
        const long = nextDue(host, 'c', everyMs * times, nowMs);
        expect(nextDue(host, 'a', everyMs, long - 1)).toBe(long);
      },
    ),
  );
});

test('due is after now, within one interval, and a whole millisecond', () => {
  fc.assert(
    fc.property(anyHost, anyEvery, anyNow, (host, everyMs, nowMs) => {
      const due = nextDue(host, 'a', everyMs, nowMs);
      expect(due > nowMs && due <= nowMs + everyMs && Number.isInteger(due)).toBe(true);
    }),
  );
});

test('called on time it neither skips a tick nor fires one twice', () => {
  fc.assert(
    fc.property(
      anyHost,
      anyEvery,
      anyNow,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (host, everyMs, nowMs, late) => {
        let due = nextDue(host, 'a', everyMs, nowMs);
        for (let i = 0; i < 5; i += 1) {
          const next = nextDue(host, 'a', everyMs, due + late * (everyMs - 1));
          expect(next).toBe(due + everyMs);
          due = next;
        }
      },
    ),
  );
});

test('a fraction of a millisecond before a tick, that tick is the next', () => {
  const due = nextDue('web-1', 'a', 30_000, startMs);
  expect(nextDue('web-1', 'a', 30_000, due - 0.25)).toBe(due);
  expect(nextDue('web-1', 'a', 30_000, due + 0.75)).toBe(due + 30_000);
});

test('called many ticks late it fires once, on the grid', () => {
  const due = nextDue('web-1', 'a', 30_000, startMs);
  const late = due + 10 * 30_000 + 12_345;
  expect(nextDue('web-1', 'a', 30_000, late)).toBe(due + 11 * 30_000);
});

test('a restart finds the same grid', () => {
  fc.assert(
    fc.property(anyHost, anyEvery, fc.integer({ min: 0, max: 4e12 }), (host, everyMs, nowMs) => {
      const due = nextDue(host, 'a', everyMs, nowMs);
      expect(nextDue(host, 'a', everyMs, due - 1)).toBe(due);
    }),
  );
});

test('a time before the epoch is on the grid too', () => {
  expect(nextDue('web-1', 'a', 30_000, -1_000_000)).toBe(nextDue('web-1', 'a', 30_000, 0) - 990_000);
});

test.each([0, -1, 0.5, NaN, Infinity])('an interval of %s is a bug and throws', (everyMs) => {
  expect(() => nextDue('web-1', 'a', everyMs, startMs)).toThrow(RangeError);
});

test('the first result comes within a minute and no later than the regular tick', () => {
  fc.assert(
    fc.property(anyHost, anyEvery, anyNow, (host, everyMs, nowMs) => {
      const first = warmUpDue(host, 'a', everyMs, nowMs);
      expect(first > nowMs && first <= nowMs + Math.min(everyMs, 60_000)).toBe(true);
      expect(first).toBeLessThanOrEqual(nextDue(host, 'a', everyMs, nowMs));
      expect(warmUpDue(host, 'b', everyMs, nowMs)).toBe(first);
    }),
  );
});

test('only a soft problem is asked again early', () => {
  expect(retryInMs({ type: 'soft' }, 5000)).toBe(5000);
  expect(retryInMs({ type: 'soft' }, undefined)).toBeUndefined();
  expect(retryInMs({ type: 'hard' }, 5000)).toBeUndefined();
});

test('the hash is the published one, and never changes: shards are stored', () => {
  expect(['', 'a', 'foobar'].map(fnv1a32)).toStrictEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  // UTF-8 bytes c3 bc, computed apart.
  expect(fnv1a32('ü')).toBe(0x119dd44a);
  expect(['web-1', 'web-2', 'db-1', ''].map(shardOf)).toStrictEqual([32, 107, 56, 171]);
});

test('shards: 0..255, and 100,000 hosts spread evenly', () => {
  const shards = Array.from({ length: 100_000 }, (_, i) => shardOf(`host-${i}`));
  expect(Math.min(...new Set(shards))).toBe(0);
  expect(Math.max(...new Set(shards))).toBe(255);
  // 255 degrees of freedom: an even spread exceeds this once in 10,000 times.
  expect(chiSquare(shards, 256)).toBeLessThan(347);
});

test('avalanche: one changed character flips about half of the bits', () => {
  const flips = Array.from({ length: 2000 }, (_, i) => {
    let difference = (hash32(`web-${i}`) ^ hash32(`web-${i + 1}`)) >>> 0;
    let bits = 0;
    for (; difference !== 0; difference >>>= 1) bits += difference & 1;
    return bits;
  });
  const mean = flips.reduce((sum, bits) => sum + bits, 0) / flips.length;
  expect(mean).toBeGreaterThan(15.5);
  expect(mean).toBeLessThan(16.5);
});
