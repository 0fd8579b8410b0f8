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

test('frames are told with their outputs, and noise of the login is passed over', () => {
  expect(
    read(
      `Welcome\n\n${mark} f 1 0\nout\n${mark} z\nmore noise ${nonce} x${mark} f 0 2\na\0\xff${mark} e\n\n\n${mark} z\n`,
    ),
  ).toEqual([frame(1, 0, 'out\n', ''), frame(0, 2, 'a\0\xff', '\n\n')]);
});

test('an output that looks like a frame of another nonce is output', () => {
  const forged = `\n${'f'.repeat(32)} z\n\n${nonce}z\n`;
  expect(read(`${mark} f 0 0\n${forged}${mark} e\n${mark} z\n`)).toEqual([frame(0, 0, forged, '')]);
});

test('nothing is told of a frame that is cut', () => {
  const whole = `${mark} f 0 0\nout${mark} e\nerr${mark} z\n`;
  for (let length = 0; length < whole.length; length += 1) expect(read(whole.slice(0, length))).toEqual([]);
});

test('what may be wrong is told as such', () => {
  expect(read(`${mark} u 3\n${mark} g 4\n${mark} f 5 0\nhalf${mark} u 5\n${mark} n\n`)).toEqual([
    { kind: 'unclean', index: 3 },
    { kind: 'gone', index: 4 },
    { kind: 'unclean', index: 5 },
    { kind: 'unfit' },
  ]);
});

test.each([
  ['an unknown word', `${mark} y\n`],
  ['a frame in a frame', `${mark} f 0 0\n${mark} f 1 0\n`],
  ['errors before a frame', `${mark} e\n`],
  ['errors twice', `${mark} f 0 0\n${mark} e\n${mark} e\n`],
  ['an end before a frame', `${mark} z\n`],
  ['a word without end', `${mark} f ${'0'.repeat(100)}`],
  ['more output than can be', `${mark} f 0 0\n${'x'.repeat(80_000)}`],
])('%s ends the reading', (_, text) => {
  expect(read(`${text}${mark} f 7 0\n${mark} z\n`)).toEqual([{ kind: 'broken' }]);
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
