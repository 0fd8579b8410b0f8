/**
 * Owns when a check with an interval is due. Pure: it takes the time and answers a time, keeps no timer, and knows
 * nothing of results but whether a problem is soft. Calendar schedules are not here.
 *
 * The splay has two promises that pull apart: hosts must not fire together, and one host's checks of one interval must
 * fall on one tick (one connection, one batch). So the host's hash alone places the grid, and a check takes part by its
 * interval: its grid is the host's hash modulo that interval, laid over the epoch. Grids of one host nest: every tick of
 * a 5m check is a tick of its 1m checks too. Callers name the check all the same, so that the rule stays in this file.
 *
 * Grids begin on whole quarters of a second, so that some hosts fall due in the same turn of the loop and their answers come
 * together: what a check costs is mostly that the process is woken for it.
 *
 * Times are on a timeline that never jumps: the monotonic clock, laid over the wall clock once at start. Every start
 * thereby finds the same grid, and a clock that is set forwards or back moves nothing.
 */
import type { Timing } from './definitions.ts';
import { hash32 } from './hash.ts';
import type { CheckStatus } from './types.ts';

/** Hosts are not placed finer than this. */
const stepMs = 250;

/** Longest wait for a check's first result after a start or a reload. */
const warmUpMs = 60_000;

/**
 * The first tick after `nowMs`, whole milliseconds. Called at a tick it answers the next one (no double fire); called
 * late, however many ticks too late, it answers the next one ahead (one fire, no burst to catch up).
 * Errors: RangeError for an interval that is not a positive whole number of milliseconds.
 */
export function nextDue(host: string, _check: string, everyMs: number, nowMs: number): number {
  if (!Number.isSafeInteger(everyMs) || everyMs <= 0) throw new RangeError(`interval of ${everyMs} ms`);
  const now = Math.floor(nowMs);
  const sinceTickMs = (now - (placeMs(host) % everyMs)) % everyMs;
  return now + everyMs - (sinceTickMs < 0 ? sinceTickMs + everyMs : sinceTickMs);
}

function placeMs(host: string): number {
  const hash = hash32(host);
  return hash - (hash % stepMs);
}

/**
 * The first run of a check that has no place in time yet: within 60s even when the interval is a day, since nothing may
 * act before a fresh result is there, yet spread like the regular ticks so that a start is not a stampede.
 */
export function warmUpDue(host: string, check: string, everyMs: number, nowMs: number): number {
  const regularMs = nextDue(host, check, everyMs, nowMs);
  return Math.min(regularMs, nextDue(host, check, warmUpMs, nowMs));
}

/** Milliseconds from the end of a run to the next one while the problem is soft; undefined: the regular tick. */
export function retryInMs(
  status: Pick<CheckStatus, 'type'>,
  retryEveryMs: number | undefined,
): number | undefined {
  return status.type === 'soft' ? retryEveryMs : undefined;
}

export function sameTiming(a: Timing, b: Timing): boolean {
  if (a.kind === 'interval') return b.kind === 'interval' && a.everyMs === b.everyMs;
  return b.kind === 'calendar' && a.cron === b.cron && a.timezone === b.timezone;
}
