/**
 * Watches over the ops box itself: its clocks, its loop, its network, and a fleet that changes all at once. Owns the present doubt
 * and since when results count; what a doubt stops is the gates' matter.
 */

import { fleetKey } from '../core/census.ts';
import type { GroupView } from '../core/fleet-view.ts';
import type { Clock } from '../core/ports.ts';
import type { SelfDoubtRule } from '../core/remediation-config.ts';
import type { Doubt, GroupKey } from '../core/safety.ts';
import { judgeChange, judgeCondition, judgeRound, type OwnCondition } from '../core/self-doubt.ts';
import type { NetworkProbe } from './network-probe.ts';

/** The callbacks are called when all has changed already; what they throw reaches who called. */
export interface SelfDoubtOptions {
  clock: Clock;
  rule: () => SelfDoubtRule;
  groups: () => ReadonlyMap<GroupKey, GroupView>;
  probe: NetworkProbe;
  /** Not told of `fresh_round_pending`. */
  onBegan: (doubt: Doubt) => void;
  /** With the newest figures. A jump and a stall are over as soon as they are noticed. */
  onEnded: (doubt: Doubt) => void;
  /** The wall clock was set, or the machine slept: what was timed by it has to be timed anew. */
  onClockJump: (jumpMs: number) => void;
}

/** A wall clock that moves so far from the monotonic one between two looks was set; less is being adjusted. Milliseconds. */
const clockJumpMs = 5_000;

/** Between two calls of `turn()`. Milliseconds. */
const turnEveryMs = 1_000;

/** Between two walks over the fleet while a round is pending. Monotonic milliseconds. */
const roundEveryMs = 250;

const freshRound = 'a fresh answer of every host';

export class SelfDoubt {
  readonly #options: SelfDoubtOptions;
  /** Lasts for as long as it is found. */
  #standing: Doubt | undefined;
  #freshSinceMs: number;
  #roundDone = false;
  #round: { doubt: Doubt; judgedAtMs: number } | undefined;
  #canaryAtMs = 0;
  /** Wall clock minus monotonic clock, as last seen. */
  #offsetMs: number;
  /** Monotonic, like all that follow. Undefined before the first turn: a start may take its time. */
  #turnedAtMs: number | undefined;
  #looking: AbortController | undefined;
  /** Start of the newest look; undefined: one is due. */
  #beganLookAtMs: number | undefined;
  #condition: OwnCondition = {};
  /** Start of the look that `#condition` is of; before the first one, since when there might have been one. */
  #conditionAtMs: number | undefined;
  #stopped = false;

  constructor(options: SelfDoubtOptions) {
    this.#options = options;
    this.#freshSinceMs = options.clock.nowMs();
    this.#offsetMs = this.#freshSinceMs - options.clock.monotonicMs();
  }

  /** The present doubt, `fresh_round_pending` last. Notices a jump or a stall first, or a round could seem to be over by it. */
  get doubt(): Doubt | undefined {
    this.#noticeTime();
    return this.#standing ?? this.#pendingRound();
  }

  /** Newest wall time at which a look began in which a canary answered; 0: none. */
  get canaryAtMs(): number {
    return this.#canaryAtMs;
  }

  /** Results that began before this wall time do not count. */
  get freshSinceMs(): number {
    return this.#freshSinceMs;
  }

  /** What was seen before this wall time was part of something that is over: it no longer counts. */
  distrustBefore(atMs: number): void {
    if (atMs > this.#freshSinceMs) this.#freshen(atMs);
  }

  /** Cheap; to be called before every decision. */
  notice(): void {
    this.#noticeTime();
    this.#judge();
  }

  /** To be called every second: proves that the loop turns, and starts a look at the network when one is due. */
  turn(): void {
    if (this.#stopped) return;
    this.#noticeTime();
    const monotonicMs = this.#options.clock.monotonicMs();
    this.#turnedAtMs = monotonicMs;
    this.#lookWhenDue(monotonicMs);
    this.#judge();
  }

  stop(): void {
    this.#stopped = true;
    this.#looking?.abort();
  }

  #noticeTime(): void {
    const { clock, onClockJump } = this.#options;
    const nowMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    const jumpMs = nowMs - monotonicMs - this.#offsetMs;
    this.#offsetMs += jumpMs;
    const jumped = Math.abs(jumpMs) >= clockJumpMs;
    const gapMs = monotonicMs - (this.#turnedAtMs ?? monotonicMs);
    const stalled = !this.#stopped && gapMs > turnEveryMs + this.#options.rule().stallMs;
    if (!jumped && !stalled) return;
    this.#beginAnew(nowMs);
    if (stalled) {
      this.#turnedAtMs = monotonicMs;
      // Nobody could look meanwhile: that does not make the last look stale.
      if (this.#conditionAtMs !== undefined) this.#conditionAtMs += gapMs;
    }
    if (jumped) {
      const values = { jumpMs: Math.round(jumpMs), mayHaveSlept: jumpMs > 0 };
      const cause = jumpMs > 0 ? ' since the clock was set forwards or the machine slept' : '';
      this.#tellPast({ cause: 'clock_jumped', sinceMs: nowMs, values, opens: `${freshRound}${cause}` });
      onClockJump(jumpMs);
    }
    if (stalled) {
      const values = { stalledMs: Math.round(gapMs - turnEveryMs) };
      this.#tellPast({ cause: 'event_loop_stalled', sinceMs: nowMs, values, opens: freshRound });
    }
  }

  /** Nothing that was seen until now counts, and nothing of it lies in the future. */
  #beginAnew(nowMs: number): void {
    this.#freshen(nowMs);
    if (this.#canaryAtMs > nowMs) this.#canaryAtMs = 0;
    if (this.#standing !== undefined && this.#standing.sinceMs > nowMs) {
      this.#standing = { ...this.#standing, sinceMs: nowMs };
    }
    // Its time limits ran out unfairly, or its answers are from before.
    this.#looking?.abort();
    this.#beganLookAtMs = undefined;
  }

  #freshen(nowMs: number): void {
    this.#freshSinceMs = nowMs;
    this.#roundDone = false;
    this.#round = undefined;
  }

  #tellPast(doubt: Doubt): void {
    this.#options.onBegan(doubt);
    this.#options.onEnded(doubt);
  }

  /** Once complete, a round is complete until the next one is wanted. */
  #pendingRound(): Doubt | undefined {
    if (this.#roundDone) return undefined;
    const { clock, groups } = this.#options;
    const monotonicMs = clock.monotonicMs();
    if (this.#round !== undefined && monotonicMs - this.#round.judgedAtMs < roundEveryMs) {
      return this.#round.doubt;
    }
    const fleet = groups();
    // Without hosts nothing is complete either: they may be about to be loaded.
    if ((fleet.get(fleetKey)?.members.size ?? 0) === 0) return undefined;
    const found = judgeRound(fleet, this.#freshSinceMs, clock.nowMs());
    this.#roundDone = found === undefined;
    const doubt = found && { ...found, sinceMs: this.#freshSinceMs };
    this.#round = doubt && { doubt, judgedAtMs: monotonicMs };
    return doubt;
  }

  /** Finds what lasts: begins it, keeps it with new figures, or ends it. */
  #judge(): void {
    const { clock, rule, groups, onBegan, onEnded } = this.#options;
    const nowMs = clock.nowMs();
    const fleet = groups().get(fleetKey);
    const found =
      judgeCondition(this.#presentCondition(rule())) ?? (fleet && judgeChange(fleet, rule(), nowMs));
    const before = this.#standing;
    const isSame = before?.cause === found?.cause;
    const standing = found && { ...found, sinceMs: isSame && before ? before.sinceMs : nowMs };
    this.#standing = standing;
    if (isSame) return;
    if (before !== undefined) {
      this.#freshen(nowMs);
      onEnded(before);
    }
    if (standing !== undefined) onBegan(standing);
  }

  /** What was seen long ago is no opinion; but canaries and names that cannot even be asked did not answer. */
  #presentCondition(rule: SelfDoubtRule): OwnCondition {
    if (!wantsLook(rule)) return {};
    if (!this.#isStale(rule)) return this.#condition;
    const { canaries, dns } = rule;
    return {
      ...(canaries.length === 0 ? {} : { canaries: { asked: canaries.length, answered: 0 } }),
      ...(dns.length === 0 ? {} : { dns: { asked: dns.length, answered: 0 } }),
    };
  }

  #isStale({ everyMs }: SelfDoubtRule): boolean {
    const atMs = this.#conditionAtMs;
    return atMs !== undefined && this.#options.clock.monotonicMs() - atMs > 3 * everyMs;
  }

  #lookWhenDue(monotonicMs: number): void {
    const rule = this.#options.rule();
    if (!wantsLook(rule)) {
      this.#looking?.abort();
      this.#condition = {};
      this.#conditionAtMs = undefined;
      this.#beganLookAtMs = undefined;
      return;
    }
    this.#conditionAtMs ??= monotonicMs;
    if (this.#looking !== undefined) {
      if (this.#isStale(rule)) this.#looking.abort();
      return;
    }
    if (this.#beganLookAtMs !== undefined && monotonicMs - this.#beganLookAtMs < rule.everyMs) return;
    void this.#look(rule, monotonicMs);
  }

  async #look(rule: SelfDoubtRule, monotonicMs: number): Promise<void> {
    const { clock, probe } = this.#options;
    const looking = new AbortController();
    this.#looking = looking;
    this.#beganLookAtMs = monotonicMs;
    const beganAtMs = clock.nowMs();
    const condition = await probe.look(rule, looking.signal);
    // A stall that lies within the look shows here first.
    if (!this.#stopped) this.#noticeTime();
    this.#looking = undefined;
    if (looking.signal.aborted) return;
    this.#condition = condition;
    this.#conditionAtMs = monotonicMs;
    if ((condition.canaries?.answered ?? 0) > 0) this.#canaryAtMs = Math.min(beganAtMs, clock.nowMs());
    this.#judge();
  }
}

function wantsLook({ gateway, canaries, dns }: SelfDoubtRule): boolean {
  return gateway || canaries.length > 0 || dns.length > 0;
}
