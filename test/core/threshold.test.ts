import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { alerts, parseRange, type Range, stateOf } from '../../core/threshold.ts';

function rangeOf(text: string): Range {
  const parsed = parseRange(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

/** The table of the guidelines, and what lies on its edges. */
test.each([
  ['10', [-0.1, 10.1, -Infinity], [0, 5, 10]],
  ['10:', [9.9, -1], [10, 1e9, Infinity]],
  ['~:10', [10.1, Infinity], [10, 0, -1e9, -Infinity]],
  ['10:20', [9.9, 20.1], [10, 15, 20]],
  ['@10:20', [10, 15, 20], [9.9, 20.1]],
  ['@10', [0, 10], [-0.1, 10.1]],
  ['@~:0', [0, -5], [0.1]],
  ['~:', [], [-Infinity, 0, Infinity]],
  ['0', [-1, 1], [0]],
  ['-20:-10', [-21, -9], [-20, -15, -10]],
  ['0.5:1.5e2', [0.4, 151], [0.5, 150]],
  ['.5', [0.6], [0.5]],
  [' 10:20 ', [9], [10]],
])('%s', (text, alerting, quiet) => {
  const range = rangeOf(text);
  expect(alerting.filter((value) => !alerts(range, value))).toStrictEqual([]);
  expect(quiet.filter((value) => alerts(range, value))).toStrictEqual([]);
});

test.each([
  '',
  '@',
  ':',
  '@:',
  ':10',
  '~',
  '10:~',
  'ten',
  '10s',
  '10%',
  '1,5',
  '1:2:3',
  '--1',
  '@@1',
  '0x10',
  'NaN',
  'Infinity',
])('`%s` is a problem that shows the shapes', (text) => {
  expect(parseRange(text)).toStrictEqual({ problem: expect.stringContaining('write `10`') });
});

test('a range that begins above its end says what to write', () => {
  expect(parseRange('@20:10')).toMatchObject({ problem: expect.stringContaining('write `@10:20`') });
  expect(parseRange('-5')).toMatchObject({ problem: expect.stringContaining('write `~:-5`') });
});

test('a very long text is refused without being read', () => {
  const parsed = parseRange('1'.repeat(100_000));
  expect('problem' in parsed && parsed.problem.length).toBeLessThan(250);
});

test('with @ it alerts exactly when it does not without', () => {
  const number = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
  fc.assert(
    fc.property(number, number, number, (a, b, value) => {
      const text = `${Math.min(a, b)}:${Math.max(a, b)}`;
      expect(alerts(rangeOf(text), value)).toBe(!alerts(rangeOf(`@${text}`), value));
    }),
  );
});

test('the worst range that alerts wins', () => {
  const [warn, crit] = [rangeOf('80'), rangeOf('90')];
  expect([79, 80, 81, 91].map((value) => stateOf(value, warn, crit))).toStrictEqual([
    'ok',
    'ok',
    'warning',
    'critical',
  ]);
  expect(stateOf(85, undefined, crit)).toBe('ok');
  expect(stateOf(95)).toBe('ok');
});

test('what could not be measured is never fine', () => {
  expect(stateOf(NaN)).toBe('unknown');
  expect(stateOf(NaN, rangeOf('~:'), rangeOf('@1:2'))).toBe('unknown');
  expect(alerts(rangeOf('@1:2'), NaN)).toBe(true);
});
