import { expect, test } from 'vitest';
import { quoteShell } from '../../core/shell-quote.ts';
import { runScript } from './machine.ts';

const hostile = [
  '',
  'plain',
  'a b',
  "it's",
  "'",
  "''",
  '$(touch /tmp/x)',
  '`id`',
  '"$HOME"',
  'a\nb',
  '\\',
  '*',
  '~',
  '~root',
  '-n',
  '!x',
  '#x',
  'a=b',
  '{a,b}',
  'é🙂',
  '\t',
  ';&|<>()[]?^%',
];

test('every word reaches the program byte for byte', async () => {
  const outcome = await runScript(`printf '<%s>\\n' ${hostile.map(quoteShell).join(' ')}`);
  expect(outcome.stdout).toBe(hostile.map((word) => `<${word}>\n`).join(''));
});

test('words without special characters stay readable', () => {
  expect(quoteShell('/usr/lib/x-1.0_y:z@h%i,j+k')).toBe('/usr/lib/x-1.0_y:z@h%i,j+k');
});

test('a NUL byte is refused, never dropped', () => {
  expect(() => quoteShell('a\0b')).toThrow(/NUL/);
});
