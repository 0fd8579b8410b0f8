import { expect, test } from 'vitest';
import { type BatchNews, FrameReader, readExit } from '../../runner/check-batch-frames.ts';

const nonce = '0123456789abcdef0123456789abcdef';
const mark = `\n${nonce}`;

/** Reads the bytes at once, one by one, and in halves; all must tell the same. */
function read(text: string): BatchNews[] {
  const bytes = Buffer.from(text, 'latin1');
  const answers = [bytes.length, 1, Math.ceil(bytes.length / 2)].map((size) => {
    const news: BatchNews[] = [];
    const reader = new FrameReader(nonce, (item) => news.push(item));
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    return news;
  });
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  return answers[0] ?? [];
}
const frame = (index: number, exitCode: number, stdout: string, stderr: string) => ({
  kind: 'frame',
  index,
  exitCode,
  stdout: Buffer.from(stdout, 'latin1'),
  stderr: Buffer.from(stderr, 'latin1'),
});

const begin = `${mark} b\n`;

test('frames are told with their outputs, and noise of the login is passed over', () => {
  expect(
    read(
      `Welcome\n${'x'.repeat(90_000)}\n${begin}out\n${mark} f 1 0\na\0\xff${mark} e\n\n\n${mark} f 0 2\n${mark} f 2 1\n`,
    ),
  ).toEqual([frame(1, 0, 'out\n', ''), frame(0, 2, 'a\0\xff', '\n\n'), frame(2, 1, '', '')]);
});

test('an output that looks like a frame of another nonce is output', () => {
  const forged = `\n${'f'.repeat(32)} f 0 0\n\n${nonce}f 0 0\n`;
  expect(read(`${begin}${forged}${mark} f 0 1\n`)).toEqual([frame(0, 1, forged, '')]);
});

test('nothing is told of a frame that is cut', () => {
  const whole = `${begin}out${mark} e\nerr${mark} f 0 0\n`;
  for (let length = 0; length < whole.length; length += 1) expect(read(whole.slice(0, length))).toEqual([]);
});

test('what may be wrong is told as such', () => {
  expect(read(`noise${mark} n\n`)).toEqual([{ kind: 'unfit' }]);
  expect(
    read(`${begin}${mark} u 3\n${mark} g 4\nhalf${mark} e\nhalf${mark} u 5\nout${mark} f 6 0\n`),
  ).toEqual([
    { kind: 'unclean', index: 3 },
    { kind: 'gone', index: 4 },
    { kind: 'unclean', index: 5 },
    frame(6, 0, 'out', ''),
  ]);
});

test.each([
  ['an unknown word', `${begin}${mark} y 1\n`],
  ['a second beginning', `${begin}${begin}`],
  ['a frame before the beginning', `${mark} f 0 0\n`],
  ['errors twice', `${begin}${mark} e\n${mark} e\n`],
  ['a frame without its code', `${begin}${mark} f 0\n`],
  ['a word without end', `${begin}${mark} f ${'0'.repeat(100)}`],
  ['more output than can be', `${begin}${'x'.repeat(80_000)}`],
])('%s ends the reading', (_, text) => {
  expect(read(`${text}${mark} f 7 0\n`)).toEqual([{ kind: 'broken' }]);
});

test('an exit code is the time limit only as late as alone, and above 128 it is not trusted', () => {
  expect(readExit(124, 10_000, 10_000)).toBe('timed_out');
  expect(readExit(137, 15_000, 10_000)).toBe('timed_out');
  expect(readExit(143, 10_001, 10_000)).toBe('timed_out');
  expect(readExit(124, 9_500, 10_000)).toBe('unsure');
  expect(readExit(124, 100, 10_000)).toBe('exited');
  expect(readExit(128, 20_000, 10_000)).toBe('exited');
  for (const code of [129, 137, 143, 255, 258]) expect(readExit(code, 100, 10_000)).toBe('unsure');
});
