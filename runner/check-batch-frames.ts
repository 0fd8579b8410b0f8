/** Reads what the text of check-batch-script.ts prints, and judges each check of it. It sends nothing and knows no time. */
import { frameOutputBytes } from './check-batch-script.ts';

export interface Frame {
  index: number;
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
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
const wordLimitBytes = 40;

/** Tells each piece of news once, as soon as all of it is here. Memory: one frame. */
export class FrameReader {
  readonly #mark: Buffer;
  readonly #tell: (news: BatchNews) => void;
  #rest: Buffer = Buffer.alloc(0);
  #begun = false;
  /** Of the frame whose errors are being read. */
  #stdout: Buffer | undefined;
  #broken = false;

  constructor(nonce: string, tell: (news: BatchNews) => void) {
    this.#mark = Buffer.from(`\n${nonce} `);
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

  #take(word: string, before: Buffer): boolean {
    const [, name, index, exitCode] = /^([bnefgu])(?: (\d+))?(?: (\d+))?$/.exec(word) ?? [];
    const stdout = this.#stdout;
    if (name === 'e' && this.#begun && !stdout) {
      this.#stdout = before;
      return true;
    }
    this.#stdout = undefined;
    if (name === 'b' && !this.#begun) {
      this.#begun = true;
      return true;
    }
    if (name === 'n' && !this.#begun) {
      this.#tell({ kind: 'unfit' });
      return true;
    }
    if (!this.#begun || index === undefined) return false;
    if (name === 'f' && exitCode !== undefined) {
      const outputs = stdout ? { stdout, stderr: before } : { stdout: before, stderr: Buffer.alloc(0) };
      this.#tell({ kind: 'frame', index: Number(index), exitCode: Number(exitCode), ...outputs });
      return true;
    }
    if (name !== 'g' && name !== 'u') return false;
    this.#tell({ kind: name === 'g' ? 'gone' : 'unclean', index: Number(index) });
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
