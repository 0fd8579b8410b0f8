import { expect, test } from 'vitest';
import { cut, inert } from '../../dashboard/parts/inert.ts';
import { cpuMs } from '../support/cpu-time.ts';

const replaced = '\ufffd';

test('terminal sequences go, whole', () => {
  expect(inert('\u001b[31mDISK\u001b[0m \u001b[1;38;5;196mfull\u001b[K')).toBe('DISK full');
  expect(inert('\u001b]0;owned\u0007ok')).toBe('ok');
  expect(inert('\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\')).toBe('click');
  expect(inert('\u001bcreset')).toBe('\ufffdcreset');
});

test('what hides, or turns the direction of text, is shown as a sign', () => {
  for (const character of [
    '\0',
    '\b',
    '\u007f',
    '\u009b',
    '\u202e',
    '\u2066',
    '\u2069',
    '\u200b',
    '\u200f',
    '\ufeff',
  ])
    expect(inert(`a${character}b`), JSON.stringify(character)).toBe(`a${replaced}b`);
});

test('lines and tabs stay, markup is only text', () => {
  expect(inert('a\r\nb\tc\nd')).toBe('a\nb\tc\nd');
  expect(inert('a\rb')).toBe(`a${replaced}b`);
  expect(inert('<script>alert(1)</script> & "x"')).toBe('<script>alert(1)</script> & "x"');
  expect(inert('Überprüfung 检查 🔥')).toBe('Überprüfung 检查 🔥');
});

test('a sequence without an end takes no time and hides nothing', () => {
  const startedMs = cpuMs();
  expect(inert(`\u001b]${'x'.repeat(200_000)}`)).not.toContain('\u001b');
  inert('\u001b['.repeat(100_000));
  expect(cpuMs() - startedMs).toBeLessThan(1_000);
});

test('a text is cut between characters, and it is told how much is left out', () => {
  expect(cut('short', 10)).toEqual({ text: 'short', left: 0 });
  expect(cut('x'.repeat(1_000_000), 2_000)).toEqual({ text: 'x'.repeat(2_000), left: 998_000 });
  expect(cut('abc🔥def', 4)).toEqual({ text: 'abc', left: 5 });
});
