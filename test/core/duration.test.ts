import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration, parseRate, parseRunLimit } from '../../core/duration.ts';
import { cpuMs } from '../support/cpu-time.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['7d', 604_800_000],
  ['1d2h3m4s5ms', 93_784_005],
  ['1m1ms', 60_001],
  ['90s', 90_000],
  ['0s', 0],
  [' 5m ', 300_000],
])('%s', (text, ms) => {
  expect(parseDuration(text)).toStrictEqual({ value: ms });
});

test.each<[string | number, string]>([
  [30, 'write `30s`'],
  ['30', 'write `30s`'],
  ['5 minutes', 'write `5m`'],
  ['5min', 'write `5m`'],
  ['1h 30m', 'write `1h30m`'],
  ['30m1h', 'write `1h30m`'],
  ['1.5h', 'write `1h30m`'],
  ['1 hour and 30 minutes', 'write `1h30m`'],
  ['2w', 'write `14d`'],
  ['10S', 'write `10s`'],
  ['250 msec', 'write `250ms`'],
  ['', 'is missing'],
  ['-5m', 'is negative'],
  [1.5, 'is not a duration'],
  ['5x', 'is not a duration'],
  ['1..5h', 'is not a duration'],
  ['P1D', 'is not a duration'],
  ['1e3s', 'is not a duration'],
  ['٣s', 'is not a duration'],
  [Infinity, 'is not a duration'],
  ['999999d', 'longer than a hundred years'],
])('%j is a problem: %s', (input, hint) => {
  expect(parseDuration(input)).toStrictEqual({ problem: expect.stringContaining(hint) });
});

test('a hostile text is answered shortly and in linear time', () => {
  const started = cpuMs();
  for (const piece of ['1', '1.', '1h', ' ', '5 minutes ', '-', '1 per ']) {
    for (const parse of [parseDuration, parseRunLimit, parseRate]) {
      const answer = parse(piece.repeat(100_000));
      expect('problem' in answer && answer.problem.length).toBeLessThan(300);
    }
  }
  expect(cpuMs() - started).toBeLessThan(1000);
});

test.each([
  [0, '0s'],
  [0.4, '0s'],
  [999.6, '1s'],
  [1500, '1s500ms'],
  [90_000, '1m30s'],
  [3_600_000, '1h'],
  [86_400_001, '1d1ms'],
  [-300_000, '-5m'],
  [Infinity, 'for ever'],
])('%s ms is %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test('what is formatted is read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 36_500 * 86_400_000 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toStrictEqual({ value: ms });
    }),
  );
});

test('what a problem tells to write is right', () => {
  const words = fc.constantFrom('minutes', 'min', 'sec', 'hours', 'Days', ' h', 'msecs');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), words, (amount, word) => {
      const answer = parseDuration(`${amount}${word}`);
      if (!('problem' in answer)) return;
      const [, hint = ''] = /write `([^`]+)`$/.exec(answer.problem) ?? [];
      expect(parseDuration(hint)).toHaveProperty('value');
    }),
  );
});

test('a run limit', () => {
  expect(parseRunLimit('3 per 1h')).toStrictEqual({ value: { runs: 3, perMs: 3_600_000 } });
  expect(parseRunLimit('1  per  6h')).toStrictEqual({ value: { runs: 1, perMs: 21_600_000 } });
});

test.each<[string | number, string]>([
  [3, 'write for example `3 per 1h`'],
  ['3/1h', 'write for example `3 per 1h`'],
  ['3 per hour', 'is not a duration'],
  ['3 per 60', 'write `60s`'],
  ['0 per 1h', 'a limit is at least 1'],
  ['3 per 0s', 'write for example `3 per 1h`'],
  ['-3 per 1h', 'is not a limit'],
  ['1.5 per 1h', 'is not a limit'],
])('the run limit %j is a problem: %s', (input, hint) => {
  expect(parseRunLimit(input)).toStrictEqual({ problem: expect.stringContaining(hint) });
});

test('a rate', () => {
  expect(parseRate('50/s')).toStrictEqual({ value: 50 });
  expect(parseRate('30/m')).toStrictEqual({ value: 0.5 });
  expect(parseRate('1800 / h')).toStrictEqual({ value: 0.5 });
});

test.each<[string | number, string]>([
  [7, 'write `7/s`'],
  ['50 per s', 'write for example `50/s`'],
  ['0/s', 'a rate is above 0'],
  ['-1/s', 'is not a rate'],
])('the rate %j is a problem: %s', (input, hint) => {
  expect(parseRate(input)).toStrictEqual({ problem: expect.stringContaining(hint) });
});
