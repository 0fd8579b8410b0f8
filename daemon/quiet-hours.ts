/** Owns which routes and targets keep quiet at a moment, and what passes all the same. */
import type { Severity } from '../core/daemon-config.ts';
import type { QuietRule } from '../core/messages-config.ts';
import { RecurringWindow } from './suppressions.ts';

export interface Quiet {
  /** Wall time at which the longest window that is open ends. */
  untilMs: number;
  pass: readonly Severity[];
}

export class QuietHours {
  readonly #windows = new Map<string, RecurringWindow>();

  /** Undefined outside of quiet hours. What passes must pass every window that is open. */
  of(rules: readonly QuietRule[], nowMs: number): Quiet | undefined {
    const open = rules.flatMap((rule) => {
      const untilMs = this.#windowOf(rule, nowMs).endsAtMs(nowMs);
      return untilMs === undefined ? [] : [{ untilMs, pass: rule.pass }];
    });
    return open.reduce<Quiet | undefined>(
      (all, { untilMs, pass }) => ({
        untilMs: Math.max(all?.untilMs ?? 0, untilMs),
        pass: all === undefined ? pass : all.pass.filter((each) => pass.includes(each)),
      }),
      undefined,
    );
  }

  /** After a jump of the clock it is worked out anew. */
  forgetTimes(): void {
    this.#windows.clear();
  }

  #windowOf({ cron, timezone, lastsMs }: QuietRule, nowMs: number): RecurringWindow {
    const key = JSON.stringify([cron, timezone, lastsMs]);
    const window = this.#windows.get(key) ?? new RecurringWindow({ cron, timezone, lastsMs }, nowMs);
    this.#windows.set(key, window);
    return window;
  }
}
