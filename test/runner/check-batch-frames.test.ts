import { expect, test } from 'vitest';
import { type BatchNews, FrameReader, readExit } from '../../runner/check-batch-frames.ts';

const nonce = '0123456789abcdef0123456789abcdef';
const mark = `\n${nonce}`;
const secret = 'fedcba9876543210fedcba9876543210';
/** So many words since the last time are whole. */
const whole = (words: number): string => `${mark} k ${secret} ${words}\n`;

/** Reads the bytes at once, one by one, and in halves; all must tell the same. */
function read(text: string): BatchNews[] {
  const bytes = Buffer.from(text, 'latin1');
  const answers = [bytes.length, 1, Math.ceil(bytes.length / 2)].map((size) => {
    const news: BatchNews[] = [];
    const reader = new FrameReader(nonce, secret, (item) => news.push(item));
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
  times: { afterMs: 500, durationMs: 250 },
});
/** From half a second after the beginning, for a quarter. */
const times = '100.50 100.75';

const begin = `${mark} b 100.00\n`;

test('frames are told with their outputs, and noise of the login is passed over', () => {
  expect(
    read(
      `Welcome\n${'x'.repeat(90_000)}\n${begin}out\n${mark} f 1 0 ${times}\na\0\xff${mark} e\n\n\n${mark} f 0 2 ${times}\n${mark} f 2 1 ${times}\n${whole(4)}`,
    ),
  ).toEqual([frame(1, 0, 'out\n', ''), frame(0, 2, 'a\0\xff', '\n\n'), frame(2, 1, '', '')]);
});

test('an output that looks like a frame of another nonce is output', () => {
  const forged = `\n${'f'.repeat(32)} f 0 0\n\n${nonce}f 0 0\n`;
  expect(read(`${begin}${forged}${mark} f 0 1 ${times}\n${whole(1)}`)).toEqual([frame(0, 1, forged, '')]);
});

test('without the clock of the host a frame has no times', () => {
  const { times: _, ...bare } = frame(0, 0, 'out', '');
  expect(read(`${mark} b -\nout${mark} f 0 0 - -\n${whole(1)}`)).toEqual([bare]);
  expect(read(`${begin}out${mark} f 0 0 100.75 100.50\n${whole(1)}`)).toEqual([bare]);
});

test('nothing is told of a frame that is cut', () => {
  const all = `${begin}out${mark} e\nerr${mark} f 0 0 ${times}\n${whole(2)}`;
  for (let length = 0; length < all.length; length += 1) expect(read(all.slice(0, length))).toEqual([]);
});

test('what may be wrong is told as such', () => {
  expect(read(`noise${mark} n\n`)).toEqual([{ kind: 'unfit' }]);
  expect(
    read(
      `${begin}${mark} u 3\n${mark} g 4\nhalf${mark} e\nhalf${mark} u 5\nout${mark} f 6 0 ${times}\n${whole(5)}`,
    ),
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
  ['a frame before the beginning', `${mark} f 0 0 ${times}\n`],
  ['errors twice', `${begin}${mark} e\n${mark} e\n`],
  ['a frame without its code', `${begin}${mark} f 0\n`],
  ['a word too many, which a check has printed', `${begin}${mark} f 1 0 ${times}\n`],
  ['a word of ours with another secret', `${begin}${mark} f 1 0 ${times}\n${mark} k ${nonce} 1\n`],
  ['more frames than wait at once', `${begin}${`${mark} f 1 0 ${times}\n`.repeat(17)}`],
  ['a word without end', `${begin}${mark} f ${'0'.repeat(100)}`],
  ['more output than can be', `${begin}${'x'.repeat(80_000)}`],
])('%s ends the reading', (_, text) => {
  expect(read(`${text}${mark} f 7 0 ${times}\n${whole(1)}`)).toEqual([{ kind: 'broken' }]);
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
