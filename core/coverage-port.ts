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

/** Judged by the definitions in force; whether a suppression holds at this moment is not asked. */
export interface CoveragePort {
  of(match: Matcher): Coverage;
  /** Whether it is for one of these hosts; without a check: for anything of it. */
  isFor(suppression: Suppression, hosts: ReadonlySet<string>, check?: string): boolean;
}
