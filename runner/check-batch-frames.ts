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
 * `unclean`: the outputs of this check say nothing sure. `gone`: nor do any that follow, someone removed their files. `unfit`: the
 * host offers no place for a batch. `broken`: these are no frames; nothing that follows counts.
 */
export type BatchNews =
  | ({ kind: 'frame' } & Frame)
  | { kind: 'unclean'; index: number }
  | { kind: 'gone' }
  | { kind: 'unfit' }
  | { kind: 'broken' };

/** The longest word of ours, with room. */
const wordLimitBytes = 100;
/** Of all that a batch prints: its outputs come again each time that something ended. */
const batchLimitBytes = 64 * 1_048_576;

/**
 * Tells each piece of news once. A word counts when it carries the secret of its check, which nobody knows before that has ended;
 * whatever else looks like one is output.
 */
export class FrameReader {
  readonly #mark: Buffer;
  readonly #secrets: readonly string[];
  readonly #tell: (news: BatchNews) => void;
  /** What came since the last word, at most a little more than one output. */
  #rest: Buffer = Buffer.alloc(0);
  /** Where in it a word may begin. */
  #from = 0;
  #bytes = 0;
  #begun = false;
  /** Uptime of the host when the batch began, seconds; NaN when the host does not tell it. */
  #beganSec = Number.NaN;
  /** Whether outputs are being read, or errors. */
  #stream: 'o' | 'r' = 'o';
  /** Checks whose output is here and whose errors are not, by index. */
  readonly #halves = new Map<number, Frame>();
  readonly #told = new Set<number>();
  #broken = false;

  /** One secret for each check, and one for the teller. */
  constructor(nonce: string, secrets: readonly string[], tell: (news: BatchNews) => void) {
    this.#mark = Buffer.from(`\n${nonce} `);
    this.#secrets = secrets;
    this.#tell = tell;
  }

  push(chunk: Buffer): void {
    if (this.#broken) return;
    this.#bytes += chunk.length;
    if (this.#begun && this.#bytes > batchLimitBytes) return this.#break();
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const at = this.#rest.indexOf(this.#mark, this.#from);
      if (at < 0) return this.#passOver(this.#rest.length - this.#mark.length + 1);
      const wordAt = at + this.#mark.length;
      const end = this.#rest.indexOf(10, wordAt);
      if (end < 0 && this.#rest.length - wordAt <= wordLimitBytes) return this.#passOver(at);
      const word = this.#rest.toString('latin1', wordAt, Math.min(end, wordAt + wordLimitBytes));
      if (
        end >= 0 &&
        this.#take(word.split(' '), this.#rest.subarray(0, Math.min(at, frameOutputBytes + 1)))
      ) {
        this.#rest = this.#rest.subarray(end + 1);
        this.#from = 0;
      } else this.#from = wordAt - 1;
    }
  }

  /** Up to here there is no word. Of an output only so much is kept that one sees it is too long. */
  #passOver(size: number): void {
    const kept = this.#begun ? frameOutputBytes + 1 : 0;
    this.#from = Math.max(0, size);
    if (this.#from <= kept) return;
    this.#rest = Buffer.concat([this.#rest.subarray(0, kept), this.#rest.subarray(this.#from)]);
    this.#from = kept;
  }

  #break(): void {
    this.#broken = true;
    this.#rest = Buffer.alloc(0);
    this.#tell({ kind: 'broken' });
  }

  /** False: no word of ours, or not at this place. */
  #take([name, first = '', second = '', ...values]: string[], before: Buffer): boolean {
    if (!this.#begun) {
      if (name === 'n') this.#tell({ kind: 'unfit' });
      this.#begun = name === 'b';
      this.#beganSec = Number(first);
      return this.#begun || name === 'n';
    }
    if (name === 'o' || name === 'r') {
      this.#stream = name;
      return true;
    }
    if (name === 'g' && first === this.#secrets.at(-1)) {
      this.#tell({ kind: 'gone' });
      return true;
    }
    const index = Number(first);
    if (second === '' || second !== this.#secrets[index]) return false;
    if (name === 'u') this.#tellOnce({ kind: 'unclean', index });
    if (name === 'f' && this.#stream === 'o') return this.#readEnd(index, values, before);
    if (name !== 'e' || this.#stream !== 'r') return name === 'u';
    const half = this.#halves.get(index);
    if (half) this.#tellOnce({ kind: 'frame', ...half, stderr: Buffer.from(before) });
    return true;
  }

  #readEnd(index: number, [code = '', from = '', to = '']: string[], before: Buffer): boolean {
    if (!/^\d+$/.test(code)) return false;
    // The first one counts: a check may print what it finds of those before it.
    if (this.#halves.has(index) || this.#told.has(index)) return true;
    const afterMs = Math.round((Number(from) - this.#beganSec) * 1_000);
    const durationMs = Math.round((Number(to) - Number(from)) * 1_000);
    const times = afterMs >= 0 && durationMs >= 0 ? { times: { afterMs, durationMs } } : {};
    const stdout = Buffer.from(before);
    this.#halves.set(index, { index, exitCode: Number(code), stdout, stderr: Buffer.alloc(0), ...times });
    return true;
  }

  #tellOnce(news: BatchNews & { index: number }): void {
    this.#halves.delete(news.index);
    if (this.#told.has(news.index)) return;
    this.#told.add(news.index);
    this.#tell(news);
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
