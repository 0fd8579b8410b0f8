/** Which hosts and checks a person's silence or downtime is for, told before it is made and after. Data only. */
import type { Matcher, Suppression } from './safety.ts';

export interface Coverage {
  hosts: number;
  /** Of the definitions; troubles of hosts themselves are not counted. */
  checks: number;
  /** The first of them, by host and check. */
  examples: { host: string; check: string }[];
  /** Why the daemon would refuse such a matcher. */
  problem?: string;
}

/** One span of a downtime that runs or is to come. */
export interface PlannedDowntime {
  /** Wall times. Of a flexible one: the span in which it may begin. */
  startsAtMs: number;
  endsAtMs: number;
  /** By name. */
  hosts: readonly string[];
  isFor: (check: string) => boolean;
}

/** Judged by the definitions in force; whether a suppression holds at this moment is not asked. */
export interface CoveragePort {
  of(match: Matcher): Coverage;
  /** Whether it is for one of these hosts; without a check: for anything of it. */
  isFor(suppression: Suppression, hosts: ReadonlySet<string>, check?: string): boolean;
  /** Those that run and those that begin before that wall time, of a recurring one the present and the next; soonest first. */
  downtimes(beforeMs: number): PlannedDowntime[];
}
