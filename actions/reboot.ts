/**
 * The `reboot` action: the command, and the judgement of what became of it. A reboot is a transaction that the
 * daemon only observes after it was sent: this file says what an observation means and never sends anything.
 */
import type { EffectDefinition, HookDefinition } from '../core/definitions.ts';
import { formatDuration } from '../core/duration.ts';
import type { RebootPlan } from './plan-action.ts';

export function planReboot(effect: Extract<EffectDefinition, { kind: 'reboot' }>): RebootPlan {
  const { command, backWithinMs, drain, undrain } = effect;
  return {
    kind: 'reboot',
    script: command,
    backWithinMs,
    ...(drain === undefined ? {} : { drain }),
    ...(undrain === undefined ? {} : { undrain }),
  };
}

/** The command alone, or with hooks one line of words and command for each step, in their order. */
export function describeReboot({ script, drain, undrain }: RebootPlan): string {
  if (drain === undefined && undrain === undefined) return script;
  return [
    ...(drain === undefined ? [] : [hookWords('drain', drain)]),
    `reboot, on the host: ${script}`,
    ...(undrain === undefined ? [] : [hookWords('undrain', undrain)]),
  ].join('\n');
}

function hookWords(name: string, { run, runOn }: HookDefinition): string {
  return `${name}, ${runOn.kind === 'local' ? 'on the ops box' : 'on the host'}: ${run}`;
}

/** Clocks are adjusted, and a boot time told in seconds moves along. Seconds. */
const bootTimeSlackSec = 10;

/**
 * Whether two boot ids name one boot; undefined when either is not known. Hosts without a boot id tell the time of
 * their boot in seconds: there only 10 s or more make another boot. runner/facts-script.ts judges alike on the host.
 */
export function isSameBoot(one: string | undefined, other: string | undefined): boolean | undefined {
  if (!one || !other) return undefined;
  const areTimes = /^\d{1,15}$/.test(one) && /^\d{1,15}$/.test(other);
  return areTimes ? Math.abs(Number(one) - Number(other)) < bootTimeSlackSec : one === other;
}

export interface RebootObservation {
  /** From the intent; undefined when the target could not tell it. */
  bootIdBefore: string | undefined;
  /** What the machine says now; undefined while it cannot be asked. */
  seen: { bootId: string; uptimeSec?: number } | undefined;
  /** Since the reboot was sent. May be negative after the wall clock was set back. */
  elapsedMs: number;
  backWithinMs: number;
}

export interface RebootJudgement {
  /**
   * `waiting`: look again. `returned`: it booted and can be asked. `never_returned`: it could not be asked when its
   * time was up. `not_rebooted`: it could be asked then, and had not booted as far as can be told.
   */
  kind: 'waiting' | 'returned' | 'never_returned' | 'not_rebooted';
  reason: string;
}

/**
 * Only another boot id proves a reboot: being away and coming back may be the network, and a machine that answers
 * may not have gone down yet. Without a boot id on both sides nothing is proved. A boot time can also move because the
 * machine's clock was set: then it has been up for longer than the reboot is ago.
 */
export function judgeReboot(observation: RebootObservation): RebootJudgement {
  const { bootIdBefore, seen, elapsedMs, backWithinMs } = observation;
  const same = isSameBoot(bootIdBefore, seen?.bootId);
  const isTime = /^\d+$/.test(seen?.bootId ?? '');
  const upTooLong = isTime && ((seen?.uptimeSec ?? 0) - bootTimeSlackSec) * 1000 > elapsedMs;
  const late = elapsedMs >= backWithinMs;
  const after = formatDuration(Math.round(Math.max(0, elapsedMs) / 1000) * 1000);
  const limit = formatDuration(backWithinMs);
  if (same === false && !upTooLong) {
    const delay = late ? `, later than the ${limit} it was given` : '';
    const proof = isTime ? 'and booted anew' : 'with a new boot id';
    return { kind: 'returned', reason: `it is back after ${after} ${proof}${delay}` };
  }
  if (seen === undefined) {
    return late
      ? { kind: 'never_returned', reason: `it could not be reached ${limit} after the reboot` }
      : { kind: 'waiting', reason: `it cannot be reached yet, ${after} after the reboot` };
  }
  if (same === undefined) {
    const missing = 'its boot id is not known, so a reboot cannot be proved';
    return { kind: late ? 'not_rebooted' : 'waiting', reason: `it answers, but ${missing}` };
  }
  const sameBoot = isTime ? 'still runs since the same boot' : 'has the same boot id';
  return late
    ? { kind: 'not_rebooted', reason: `it ${sameBoot} ${limit} after the reboot was sent` }
    : { kind: 'waiting', reason: `it has not gone down yet, ${after} after the reboot was sent` };
}
