/** Finds the problems that began and ended without a repair of ours, in what changed. Pure. */
import type { TransitionAnswer } from '../http/wire-types.ts';

export interface Passed {
  host: string;
  /** `host` for the trouble of the host itself. */
  check: string;
  /** The state it came back from. */
  state: string;
  /** Not there when it began before the first change that is known. */
  beganAt?: string;
  endedAt: string;
}

/** The change that shows them; without the rest of it. */
export type Change = Pick<TransitionAnswer, 'at' | 'host' | 'check' | 'from' | 'to' | 'type' | 'afterAction'>;

const good: readonly string[] = ['ok', 'up', 'pending'];

/** `changes` come newest first, and so do the answers. What never became hard was no problem; what a repair ended is told by its run. */
export function passedOf(changes: readonly Change[]): Passed[] {
  const began = new Map<string, string>();
  const passed: Passed[] = [];
  for (const { at, host, check = 'host', from, to, type, afterAction } of changes.toReversed()) {
    const key = `${host} ${check}`;
    const beganAt = began.get(key);
    if (!good.includes(to)) {
      if (good.includes(from)) began.set(key, at);
      continue;
    }
    began.delete(key);
    if (good.includes(from) || type !== 'hard' || afterAction) continue;
    passed.push({ host, check, state: from, endedAt: at, ...(beganAt === undefined ? {} : { beganAt }) });
  }
  return passed.toReversed();
}
