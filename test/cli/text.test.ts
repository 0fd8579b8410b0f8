import { expect, test } from 'vitest';
import { gateLines } from '../../cli/gates.ts';
import { Output } from '../../cli/output.ts';
import { cutToWidth, plain, plainJson, widthOf } from '../../cli/plain-text.ts';
import { byState, worstCode } from '../../cli/states.ts';
import { readInstant, showAge, showDuration } from '../../cli/times.ts';

test('hostile text loses everything a terminal would act on', () => {
  expect(plain('\u001b[2J\u001b[31mred\u001b[0m \u0007\u009b31mx \r\u202eevil\u202c\u0000')).toBe(
    'red 31mx evil',
  );
  expect(plain('\u001b]0;title\u0007ok')).toBe(']0;titleok');
  expect(plain('a\nb')).toBe('a ⏎ b');
  expect(plain('a\nb', { lines: true })).toBe('a\nb');
});

test('JSON is the same value and cannot act on a terminal either', () => {
  const value = { text: '\u001b[2J\u009b31m\u202e\u007f ü' };
  const text = plainJson(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(text).toMatch(/^[\x20-\x7e\u00a0-\u2000]*$/);
});

test('columns line up by what a terminal shows', () => {
  expect([widthOf('日本'), widthOf('e\u0301'), widthOf('✓ok')]).toEqual([4, 1, 3]);
  expect(cutToWidth('日本語', 4)).toBe('日…');
  const lines = new Output('table').table(
    [
      { name: '日本', text: 'x' },
      { name: 'web-1', text: '' },
    ],
    [
      { title: 'HOST', cell: (row) => row.name },
      { title: 'TEXT', cell: (row) => row.text },
    ],
  );
  expect(lines).toEqual(['HOST   TEXT', '日本   x', 'web-1  -']);
});

test('the worst state is the exit code, as Nagios ranks them', () => {
  expect(worstCode([])).toBe(0);
  expect(worstCode(['ok', 'pending'])).toBe(0);
  expect(worstCode(['ok', 'warning'])).toBe(1);
  expect(worstCode(['warning', 'unknown'])).toBe(3);
  expect(worstCode(['unreachable', 'ok'])).toBe(3);
  expect(worstCode(['unknown', 'critical', 'ok'])).toBe(2);
  expect(['ok', 'critical', 'pending', 'unreachable'].sort(byState)).toEqual([
    'unreachable',
    'critical',
    'pending',
    'ok',
  ]);
});

test('times are read in UTC or as ages, and shown short', () => {
  const nowMs = Date.parse('2026-03-01T12:00:00Z');
  expect(readInstant('--at', '2h', nowMs)).toBe('2026-03-01T10:00:00.000Z');
  expect(readInstant('--at', '2026-03-01 02:41', nowMs)).toBe('2026-03-01T02:41:00.000Z');
  expect(readInstant('--at', '2026-03-01T02:41:00+02:00', nowMs)).toBe('2026-03-01T00:41:00.000Z');
  expect(() => readInstant('--at', '2026-13-01', nowMs)).toThrow('is no time');
  expect([250, 61_999, 3_661_000, 200_000_000].map(showDuration)).toEqual(['250ms', '1m1s', '1h1m', '2d7h']);
  expect(showAge('2026-03-01T12:05:00Z', nowMs)).toBe('in 5m');
});

test('what a gate saw: instants as times, what never was as none, figures to one decimal', () => {
  const values = {
    resultAt: null,
    neededFrom: '2026-03-01T02:41:00.000Z',
    percent: 12.345,
    leftMs: 61_000,
    used: 1,
  };
  const gates = [
    { gate: 'g', passed: true, values },
    { gate: 'quiet', passed: true, values: {} },
  ];
  expect(gateLines(new Output('table'), gates, '')).toEqual([
    '✓ g (result none, needed from 2026-03-01T02:41:00Z, percent 12.3, left 1m1s, used 1)  ✓ quiet',
  ]);
});
