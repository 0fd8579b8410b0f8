import { expect, test } from 'vitest';
import { readFacts } from '../../sources/facts-json.ts';

test('an object is taken as it is', () => {
  const values = { max: 10, on: true, none: null, list: [1, 'a', { b: 2 }], text: '$(id) {{ x }} \n "\'' };
  expect(readFacts(` ${JSON.stringify(values)}\n`)).toEqual({ ok: true, values, problems: [] });
});

test.each([
  ['', 'it printed nothing'],
  [' \n', 'it printed nothing'],
  ['{"a":', 'it printed no JSON'],
  ['{"a": "\0"}', 'it printed no JSON'],
  ['[1]', 'it printed JSON that is no object'],
  ['null', 'it printed JSON that is no object'],
  ['"x"', 'it printed JSON that is no object'],
  [`{"a": ${'['.repeat(16)}${']'.repeat(16)}}`, 'it printed more than 16 levels'],
  [`{"a": ${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 'it printed more than 16 levels'],
  [`{"a": [${'0,'.repeat(10_000)}0]}`, 'it printed more than 10,000 values'],
  [`{"a": "${'x'.repeat(1_048_576)}"}`, 'it printed more than 65,536 bytes'],
])('%.40s is refused', (text, problem) => {
  expect(readFacts(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
});

test('names that mean something to the language are left out, and told', () => {
  const text = '{"a": {"__proto__": {"polluted": true}, "constructor": 1, "b": 2}, "__proto__": {"x": 1}}';
  const told = readFacts(text);
  expect(told).toEqual({
    ok: true,
    values: { a: { b: 2 } },
    problems: [
      '`a.__proto__` has a name that is refused, and was left out',
      '`a.constructor` has a name that is refused, and was left out',
      '`__proto__` has a name that is refused, and was left out',
    ],
  });
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(Object.getPrototypeOf(told.ok && told.values['a'])).toBe(Object.prototype);
});

test('long text is cut between characters, and what JSON cannot hold is left out', () => {
  const told = readFacts(
    `{"long": "${'x'.repeat(4_095)}😀", "huge": 1e999, "half": "\\ud83d", "in": [1e999]}`,
  );
  expect(told).toEqual({
    ok: true,
    values: { long: 'x'.repeat(4_095), half: '\uFFFD', in: [null] },
    problems: [
      '`long` was cut at 4,096 characters',
      '`huge` is a number too large, and was left out',
      '`in.0` is a number too large, and was left out',
    ],
  });
});

test('16 levels and 10,000 values are allowed', () => {
  expect(readFacts(`{"a": ${'['.repeat(15)}${']'.repeat(15)}}`).ok).toBe(true);
  expect(readFacts(`{"a": [${'0,'.repeat(9_998)}0]}`).ok).toBe(true);
});
