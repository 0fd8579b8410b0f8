/** What people see of facts, and of where the values of a host come from. */
import type { Json } from './sources.ts';

/** What one source tells of one host. */
export interface SourceFacts {
  /** `builtin`, or the name of the facts file's entry. */
  name: string;
  values: { readonly [key: string]: Json };
  /** When they were told; absent when never. */
  heardAtMs?: number;
  ageMs?: number;
  everyMs: number;
  /** Why the newest attempt changed nothing. */
  problem?: string;
  /** What was left out of the newest answer. */
  warnings: readonly string[];
}

/** One value of a host's definition and where it is written. */
export interface HostOrigin {
  key: string;
  value: unknown;
  from: string;
}

export interface FactsCounts {
  /** Of those that were told; absent when none was. */
  oldestAgeMs?: number;
  /** Sources of single hosts whose newest attempt changed nothing. */
  problems: number;
}

/** The host is one of the definitions. */
export interface FactsPort {
  /** The built-in ones first. */
  of(host: string): SourceFacts[];
  /** Strongest first, by key. */
  origin(host: string): HostOrigin[];
  counts(): FactsCounts;
}
