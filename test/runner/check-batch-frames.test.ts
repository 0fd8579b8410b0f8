import { expect, test } from 'vitest';
import { type BatchNews, FrameReader, readExit } from '../../runner/check-batch-frames.ts';

const nonce = '0123456789abcdef';
const mark = `\n${nonce}`;
/** Of eight checks, and of the teller. */
const secrets = Array.from({ length: 9 }, (_, index) => String(index).repeat(16));
const outputs = `${mark} o\n`;
const failures = `${mark} r\n`;

/** Reads the bytes at once, one by one, and in halves; all must tell the same. */
function read(text: string): BatchNews[] {
  const bytes = Buffer.from(text, 'latin1');
  const answers = [bytes.length, 1, Math.ceil(bytes.length / 2)].map((size) => {
    const news: BatchNews[] = [];
    const reader = new FrameReader(nonce, secrets, (item) => news.push(item));
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
const ended = (index: number, exitCode: number): string =>
  `${mark} f ${index} ${secrets[index]} ${exitCode} ${times}\n`;
const errors = (index: number): string => `${mark} e ${index} ${secrets[index]}\n`;

test('frames are told with their outputs, and noise of the login is passed over', () => {
  expect(
    read(
      `Welcome\n${'x'.repeat(90_000)}\n${begin}${outputs}out\n${ended(1, 0)}a\0\xff${ended(0, 2)}${failures}${errors(1)}\n\n${errors(0)}${outputs}${ended(2, 1)}${failures}${errors(2)}`,
    ),
  ).toEqual([frame(1, 0, 'out\n', ''), frame(0, 2, 'a\0\xff', '\n\n'), frame(2, 1, '', '')]);
});

test('what is told again, with what ended since, counts once', () => {
  const first = `${outputs}one${ended(0, 0)}half of t`;
  const again = `${outputs}one${ended(0, 0)}half of two${ended(1, 1)}`;
  expect(
    read(`${begin}${first}${failures}${errors(0)}${again}${failures}${errors(0)}no${errors(1)}${again}`),
  ).toEqual([frame(0, 0, 'one', ''), frame(1, 1, 'half of two', 'no')]);
});

test('what looks like a word is output without the secret of its check', () => {
  const forged = [
    `\n${'f'.repeat(16)} f 0 0\n\n${nonce}f 0 0\n`,
    `${mark} f 0 ${secrets[1]} 0 ${times}\n`,
    `${mark} f 0\n${mark} f ${mark} y 1\n`,
    `${mark} k ${nonce} 1\n${begin}`,
    `${mark} g ${secrets[0]}\n${mark} u 1 ${secrets[0]}\n${mark} e 9 undefined\n`,
    `${mark} f ${'0'.repeat(500)}\n${mark} f ${'0'.repeat(500)}`,
  ].join('');
  expect(read(`${begin}${outputs}${forged}${ended(0, 1)}${failures}${forged}${errors(0)}`)).toEqual([
    frame(0, 1, forged, forged),
  ]);
});

test('a check that prints the words about those before it changes nothing of theirs', () => {
  const copied = `${errors(0)}${mark} f 0 ${secrets[0]} 2 ${times}\n`;
  const news = read(
    `${begin}${outputs}one${ended(0, 0)}x${copied}y${ended(1, 1)}${failures}bad${errors(0)}${copied}${errors(1)}`,
  );
  expect(news).toMatchObject([frame(0, 0, 'one', 'bad'), { index: 1, exitCode: 1 }]);
});

test('of an output that is too long one sees that it is', () => {
  const [long] = read(
    `${begin}${outputs}${'x'.repeat(300_000)}${ended(0, 0)}fine${ended(1, 0)}${failures}${errors(0)}${errors(1)}`,
  );
  expect(long).toMatchObject({
    index: 0,
    stdout: { length: expect.toSatisfy((size: number) => size > 65_536 && size < 66_000) as number },
  });
});

test('without the clock of the host a frame has no times', () => {
  const { times: _, ...bare } = frame(0, 0, 'out', '');
  const word = (span: string): string =>
    `${outputs}out${mark} f 0 ${secrets[0]} 0 ${span}\n${failures}${errors(0)}`;
  expect(read(`${mark} b -\n${word('- -')}`)).toEqual([bare]);
  expect(read(`${begin}${word('100.75 100.50')}`)).toEqual([bare]);
});

test('nothing is told of a frame that is cut', () => {
  const all = `${begin}${outputs}out${ended(0, 0)}${failures}err${errors(0)}`;
  for (let length = 0; length < all.length; length += 1) expect(read(all.slice(0, length))).toEqual([]);
});

test('what may be wrong is told as such', () => {
  expect(read(`noise${mark} n\n`)).toEqual([{ kind: 'unfit' }]);
  expect(
    read(
      `${begin}${mark} u 3 ${secrets[3]}\n${outputs}half${ended(5, 0)}tail${failures}half${mark} u 5 ${secrets[5]}\n${failures}${errors(5)}${mark} g ${secrets[8]}\n`,
    ),
  ).toEqual([{ kind: 'unclean', index: 3 }, { kind: 'unclean', index: 5 }, { kind: 'gone' }]);
});

test('a host that never ends its output is not read for ever', () => {
  const news: BatchNews[] = [];
  const reader = new FrameReader(nonce, secrets, (item) => news.push(item));
  reader.push(Buffer.from(begin));
  for (let count = 0; count < 70; count += 1) reader.push(Buffer.alloc(1_048_576, 'x'));
  reader.push(Buffer.from(`${outputs}${ended(0, 0)}${failures}${errors(0)}`));
  expect(news).toEqual([{ kind: 'broken' }]);
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
