/** Reads what the text of check-batch-script.ts prints, and judges each check of it. It sends nothing and knows no time. */
import { frameOutputBytes } from './check-batch-script.ts';

export interface Frame {
  index: number;
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
  /** From the beginning of the batch to that of the check, and how long it took, by the host's clock: to 10 ms. */
  times?: { afterMs: number; durationMs: number };
}

/**
 * `unclean`: the outputs of this check say nothing sure. `gone`: nor do its files, someone removed them. `unfit`: the host offers no
 * place for a batch. `broken`: these are no frames; nothing that follows counts.
 */
export type BatchNews =
  | ({ kind: 'frame' } & Frame)
  | { kind: 'unclean' | 'gone'; index: number }
  | { kind: 'unfit' }
  | { kind: 'broken' };

/** The longest word of ours, with room. */
const wordLimitBytes = 80;
/** News that wait for the word that they are whole. */
const waitingLimit = 16;

/** Tells each piece of news once, when the teller has said that those so far are whole. */
export class FrameReader {
  readonly #mark: Buffer;
  readonly #tell: (news: BatchNews) => void;
  #rest: Buffer = Buffer.alloc(0);
  #begun = false;
  /** Uptime of the host when the batch began, seconds; NaN when the host does not tell it. */
  #beganSec = Number.NaN;
  /** Of the frame whose errors are being read. */
  #stdout: Buffer | undefined;
  readonly #waiting: BatchNews[] = [];
  /** Words since the last that said so. */
  #words = 0;
  #broken = false;
  readonly #secret: string;

  constructor(nonce: string, secret: string, tell: (news: BatchNews) => void) {
    this.#mark = Buffer.from(`\n${nonce} `);
    this.#secret = secret;
    this.#tell = tell;
  }

  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (!this.#broken) {
      const at = this.#rest.indexOf(this.#mark);
      if (at < 0) this.#forgetNoise();
      const size = at < 0 ? this.#rest.length - this.#mark.length : at;
      const wordAt = at + this.#mark.length;
      const end = at < 0 ? -1 : this.#rest.indexOf(10, wordAt);
      const wordSize = at < 0 ? 0 : (end < 0 ? this.#rest.length : end) - wordAt;
      const before = this.#rest.subarray(0, Math.max(0, at));
      if ((this.#begun && size > frameOutputBytes + 1) || wordSize > wordLimitBytes) return this.#break();
      if (end < 0) return undefined;
      const word = this.#rest.toString('latin1', wordAt, end);
      this.#rest = this.#rest.subarray(end + 1);
      if (!this.#take(word, before)) return this.#break();
    }
    return undefined;
  }

  /** What comes before the beginning was printed by start-up files of the login. */
  #forgetNoise(): void {
    if (!this.#begun && this.#rest.length > this.#mark.length) {
      this.#rest = this.#rest.subarray(this.#rest.length - this.#mark.length);
    }
  }

  #break(): void {
    this.#broken = true;
    this.#rest = Buffer.alloc(0);
    this.#tell({ kind: 'broken' });
  }

  /** False: no word of ours, or not at this place. */
  #take(word: string, before: Buffer): boolean {
    const [name, ...values] = word.split(' ');
    if (!this.#begun) {
      if (name === 'n') this.#tell({ kind: 'unfit' });
      this.#begun = name === 'b';
      this.#beganSec = Number(values[0]);
      return this.#begun || name === 'n';
    }
    if (name === 'k') return this.#commit(values);
    this.#words += 1;
    if (name === 'e' && !this.#stdout) {
      this.#stdout = before;
      return true;
    }
    const news = this.#news(word, before);
    this.#stdout = undefined;
    if (!news || this.#waiting.length === waitingLimit) return false;
    this.#waiting.push(news);
    return true;
  }

  #news(word: string, before: Buffer): BatchNews | undefined {
    const [, name, index, code, from, to] =
      /^([fgu]) (\d+)(?: (\d+) ([\d.]+|-) ([\d.]+|-))?$/.exec(word) ?? [];
    if (index === undefined) return undefined;
    if (name !== 'f') return { kind: name === 'g' ? 'gone' : 'unclean', index: Number(index) };
    if (code === undefined) return undefined;
    const stdout = this.#stdout;
    const outputs = stdout ? { stdout, stderr: before } : { stdout: before, stderr: Buffer.alloc(0) };
    const afterMs = Math.round((Number(from) - this.#beganSec) * 1_000);
    const durationMs = Math.round((Number(to) - Number(from)) * 1_000);
    const times = afterMs >= 0 && durationMs >= 0 ? { times: { afterMs, durationMs } } : {};
    return { kind: 'frame', index: Number(index), exitCode: Number(code), ...outputs, ...times };
  }

  #commit([secret, words]: string[]): boolean {
    if (secret !== this.#secret || Number(words) !== this.#words) return false;
    this.#words = 0;
    for (const news of this.#waiting.splice(0)) this.#tell(news);
    return true;
  }
}

/** A check that ended this shortly before its limit may have met it: the clocks of two machines differ. */
const limitDoubtMs = 1_000;

/**
 * What an exit code means `durationMs` after the start, as seen from here; the same as alone (endedByLimit in
 * remote-script.ts), or `unsure`. In a shell a signal is a number above 128, which a check can also give itself.
 */
export function readExit(
  exitCode: number,
  durationMs: number,
  limitMs: number,
): 'exited' | 'timed_out' | 'unsure' {
  const limiterSays = exitCode === 124 || exitCode === 137 || exitCode === 143;
  if (limiterSays && durationMs >= limitMs) return 'timed_out';
  if (limiterSays && durationMs >= limitMs - limitDoubtMs) return 'unsure';
  return exitCode <= 128 ? 'exited' : 'unsure';
}
