/**
 * Looks at the branch of the definitions from time to time and says when there is something to take. It takes nothing itself, and
 * leaves alone what was looked at already.
 */
import type { Clock } from '../core/ports.ts';
import type { DefinitionsSource } from './definitions-source.ts';

export interface FollowOptions {
  clock: Clock;
  signal: AbortSignal;
  source: () => DefinitionsSource | undefined;
  /** Not while anything else is done to the definitions. */
  alone: (work: () => Promise<void>) => Promise<void>;
  /** The branch is at another commit than the one in force. */
  onNew: () => Promise<void>;
  /** It is at the one in force. */
  onSame: () => void;
  onUnreachable: (problem: string) => void;
}

/** A commit that was not taken is judged again so often: what it lacks may come from elsewhere. Milliseconds. */
const judgeAgainMs = 300_000;
/** While definitions do not come from git; they may do so after a reload. Milliseconds. */
const idleMs = 5_000;

export class BranchFollower {
  readonly #options: FollowOptions;
  #cancel: (() => void) | undefined;
  #untaken: { commitId: string; atMs: number } | undefined;
  /** Where the branch was when it was last looked at. Wall time. */
  head: { commitId: string; atMs: number } | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  /** At once, and from then on. */
  start(): void {
    this.#lookIn(0);
  }

  stop(): void {
    this.#cancel?.();
  }

  saw(commitId: string): void {
    this.head = { commitId, atMs: this.#options.clock.nowMs() };
  }

  notTaken(commitId: string): void {
    this.#untaken = { commitId, atMs: this.#options.clock.monotonicMs() };
  }

  taken(): void {
    this.#untaken = undefined;
  }

  #lookIn(delayMs: number): void {
    const { clock, signal, source, alone } = this.#options;
    this.#cancel = clock.after(delayMs, () => {
      const again = (): void => {
        if (!signal.aborted) this.#lookIn(source()?.git.everyMs ?? idleMs);
      };
      if (source() === undefined) again();
      else void alone(() => this.#look()).finally(again);
    });
  }

  async #look(): Promise<void> {
    const { clock, signal, onNew, onSame, onUnreachable } = this.#options;
    const source = this.#options.source();
    if (source === undefined || source.pin?.rollback !== undefined || signal.aborted) return;
    const head = await source.head();
    if (signal.aborted) return;
    if ('problem' in head) {
      // What it says of the commit gives way to this, so it is judged anew afterwards.
      this.#untaken = undefined;
      onUnreachable(head.problem);
      return;
    }
    this.saw(head.value);
    if (head.value === source.pin?.commit.id) {
      onSame();
      return;
    }
    const untaken = this.#untaken;
    const isKnown = untaken?.commitId === head.value && clock.monotonicMs() - untaken.atMs < judgeAgainMs;
    if (!isKnown) await onNew();
  }
}
